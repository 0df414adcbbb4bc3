#pragma once
// What happens to a gradient once it is known: it is stored, or Adam is applied to its parameters at once.

#include "host/cpu/plan.hpp"
#include "host/cpu/simd/math.hpp"

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

/// Takes gradients by vectors. Padding has gradient 0, which Adam turns into no change.
template <class T>
class Update {
 public:
  explicit Update(const ModelPlan<T>& plan, double rate_factor = 1.0)
      : parameters_(plan.parameters),
        first_moment_(plan.first_moment),
        second_moment_(plan.second_moment),
        gradient_(plan.gradient),
        beta1_complement_(static_cast<T>(1.0 - plan.adam.beta1)),
        beta2_(static_cast<T>(plan.adam.beta2)),
        beta2_complement_(static_cast<T>(1.0 - plan.adam.beta2)),
        epsilon_(static_cast<T>(plan.adam.epsilon)),
        step_size_(static_cast<T>(rate_factor * plan.adam.step_size)),
        inverse_root_correction_(static_cast<T>(plan.adam.inverse_root_correction)) {}

  /// The gradient of the parameters at `offset`.
  [[gnu::always_inline]] void apply(std::ptrdiff_t offset, Vec<T> gradient) {
    squared_norm_ += gradient * gradient;
    if (gradient_ != nullptr) {
      store(gradient_ + offset, gradient);
      return;
    }
    const Vec<T> m = load(first_moment_ + offset);
    const Vec<T> v = load(second_moment_ + offset);
    const Vec<T> new_m = m + beta1_complement_ * (gradient - m);
    const Vec<T> new_v = beta2_ * v + beta2_complement_ * (gradient * gradient);
    const Vec<T> denominator = square_root<T>(new_v) * inverse_root_correction_ + epsilon_;
    store(first_moment_ + offset, new_m);
    store(second_moment_ + offset, new_v);
    store(parameters_ + offset, Vec<T>(load(parameters_ + offset) - step_size_ * (new_m / denominator)));
  }

  /// The same for `count` gradients, a whole number of vectors.
  void apply(std::ptrdiff_t offset, const T* gradient, std::ptrdiff_t count) {
    for (std::ptrdiff_t i = 0; i < count; i += kLanes<T>) apply(offset + i, load(gradient + i));
  }

  [[nodiscard]] double squared_norm() const { return sum_of_lanes<T>(squared_norm_); }

 private:
  T* parameters_;
  T* first_moment_;
  T* second_moment_;
  T* gradient_;
  T beta1_complement_, beta2_, beta2_complement_, epsilon_, step_size_, inverse_root_correction_;
  Vec<T> squared_norm_{};
};

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
