#pragma once

#include <cstddef>
#include <vector>

#include "gmmvae/tsne.hpp"
#include "host/tsne/descent.hpp"

namespace gmmvae::tsne {

/// When to exaggerate, how far to step and when to stop. It sees the divergence at polls only, so that most
/// iterations need no logarithm.
class Schedule {
 public:
  Schedule(const TsneOptions& options, std::size_t points);

  [[nodiscard]] bool done() const { return converged_ || iteration_ >= iterations_; }
  [[nodiscard]] StepSize step_size() const;
  void advance();
  /// Whether the divergence after the last step is to be shown to see_divergence.
  [[nodiscard]] bool wants_divergence() const;
  void see_divergence(double kl);

  [[nodiscard]] std::size_t iteration() const { return iteration_; }
  [[nodiscard]] bool exaggerating() const { return exaggerating_; }
  [[nodiscard]] std::size_t exaggeration_end() const {
    return exaggerating_ ? iteration_ : exaggeration_end_;
  }

  void restore(const TsneState& state);
  void save(TsneState& state) const;

 private:
  void end_exaggeration();
  [[nodiscard]] double rate(double exaggeration) const;

  double exaggeration_;
  double late_exaggeration_;
  double learning_rate_;
  double points_;
  std::size_t iterations_;
  bool may_converge_;

  std::size_t iteration_ = 0;
  bool exaggerating_ = true;
  bool converged_ = false;
  std::size_t exaggeration_end_ = 0;
  std::vector<double> polls_;  ///< of this phase
};

}  // namespace gmmvae::tsne
