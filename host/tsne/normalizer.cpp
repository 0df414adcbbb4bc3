#include "host/tsne/normalizer.hpp"

#include <algorithm>
#include <cmath>

namespace gmmvae::tsne {

Normalizer::Normalizer(MatrixView<float> x) : mean_(x.cols) {
  for (std::size_t i = 0; i < x.rows; ++i)
    for (std::size_t d = 0; d < x.cols; ++d) mean_[d] += x(i, d);
  for (double& m : mean_) m /= static_cast<double>(x.rows);
  double largest = 0.0;
  for (std::size_t i = 0; i < x.rows; ++i)
    for (std::size_t d = 0; d < x.cols; ++d) largest = std::max(largest, std::abs(x(i, d) - mean_[d]));
  std::frexp(largest, &exponent_);
}

double Normalizer::squared_unit() const {
  return std::ldexp(1.0, 2 * exponent_);
}

Matrix<float> Normalizer::apply(MatrixView<float> x) const {
  constexpr double kMost = 1e15;
  const double scale = std::ldexp(1.0, -exponent_);
  Matrix<float> out(x.rows, x.cols);
  for (std::size_t i = 0; i < x.rows; ++i)
    for (std::size_t d = 0; d < x.cols; ++d)
      out(i, d) = static_cast<float>(std::clamp((x(i, d) - mean_[d]) * scale, -kMost, kMost));
  return out;
}

}  // namespace gmmvae::tsne
