#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "gmmvae/objective.hpp"
#include "gmmvae/vae.hpp"
#include "host/cpu/plan.hpp"

namespace gmmvae::cpu {

/// All memory that one model needs while it trains or is used, laid out for vectors of `lanes` numbers in one
/// allocation; nothing is allocated after construction.
template <class T>
class Workspace {
 public:
  /// What the workspace is for: `use` needs no gradients, `gradient` stores them, `train` applies Adam to
  /// them.
  enum class Mode { use, gradient, train };

  Workspace(const Architecture& architecture, const Objective& objective, std::size_t batch,
            std::ptrdiff_t lanes, Mode mode);

  ModelPlan<T>& plan() { return plan_; }
  [[nodiscard]] const ModelPlan<T>& plan() const { return plan_; }
  [[nodiscard]] std::size_t batch() const { return batch_; }

  /// Copies canonical numbers (ParameterLayout's order) into one of the packed arrays of the plan, or back.
  template <class U>
  void pack(std::span<const U> canonical, T* packed) const;
  template <class U>
  void unpack(const T* packed, std::span<U> canonical) const;

 private:
  void lay_out_layers(const Architecture& architecture, std::ptrdiff_t lanes);
  void lay_out_memory(Mode mode, std::ptrdiff_t lanes);

  struct Free {
    void operator()(void* p) const { std::free(p); }
  };
  std::size_t batch_;
  std::unique_ptr<T, Free> memory_;
  std::vector<LayerPlan<T>> layers_;
  ModelPlan<T> plan_;
};

}  // namespace gmmvae::cpu
