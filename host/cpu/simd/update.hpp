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
        adam_{static_cast<T>(1.0 - plan.adam.beta1),
              static_cast<T>(plan.adam.beta2),
              static_cast<T>(1.0 - plan.adam.beta2),
              static_cast<T>(plan.adam.epsilon),
              static_cast<T>(rate_factor * plan.adam.step_size),
              static_cast<T>(plan.adam.inverse_root_correction)} {}

  /// The gradients of `count` parameters from `offset` on, a whole number of vectors.
  [[gnu::always_inline]] void apply(std::ptrdiff_t offset, const T* gradient, std::ptrdiff_t count) {
    apply_rows(offset, 0, gradient, 1, count);
  }

  /// The same for `rows` rows of `columns` gradients each, one behind the other; the parameters' rows lie
  /// `stride` apart. Everything that a row needs stays in registers.
  [[gnu::always_inline]] void apply_rows(std::ptrdiff_t offset, std::ptrdiff_t stride, const T* gradient,
                                         std::ptrdiff_t rows, std::ptrdiff_t columns) {
    const Adam adam = adam_;
    Vec<T> norm = squared_norm_;
    for (std::ptrdiff_t row = 0; row < rows; ++row, offset += stride, gradient += columns) {
      if (gradient_ != nullptr) {
        for (std::ptrdiff_t i = 0; i < columns; i += kLanes<T>) {
          const Vec<T> g = load(gradient + i);
          norm += g * g;
          store(gradient_ + offset + i, g);
        }
        continue;
      }
      T* const parameters = parameters_ + offset;
      T* const first = first_moment_ + offset;
      T* const second = second_moment_ + offset;
      for (std::ptrdiff_t i = 0; i < columns; i += kLanes<T>) {
        const Vec<T> g = load(gradient + i);
        const Vec<T> square = g * g;
        norm += square;
        const Vec<T> old_m = load(first + i);
        const Vec<T> m = old_m + adam.beta1_complement * (g - old_m);
        const Vec<T> v = adam.beta2 * load(second + i) + adam.beta2_complement * square;
        const Vec<T> denominator = square_root<T>(v) * adam.inverse_root_correction + adam.epsilon;
        store(first + i, m);
        store(second + i, v);
        store(parameters + i, Vec<T>(load(parameters + i) - adam.step_size * (m / denominator)));
      }
    }
    squared_norm_ = norm;
  }

  [[nodiscard]] double squared_norm() const { return sum_of_lanes<T>(squared_norm_); }

 private:
  struct Adam {
    T beta1_complement, beta2, beta2_complement, epsilon, step_size, inverse_root_correction;
  };

  T* parameters_;
  T* first_moment_;
  T* second_moment_;
  T* gradient_;
  Adam adam_;
  Vec<T> squared_norm_{};
};

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
