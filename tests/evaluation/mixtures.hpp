#pragma once

#include <cmath>
#include <numbers>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/mixture.hpp"

namespace gmmvae::test {

/// Equal weights, the same sigma everywhere; means [K,D] given row by row.
inline Mixture spherical(const Matrix<double>& means, double sigma, std::vector<double> weights = {}) {
  Matrix<double> covariance(means.cols(), means.cols());
  for (std::size_t i = 0; i < means.cols(); ++i) covariance(i, i) = sigma * sigma;
  if (weights.empty()) weights.assign(means.rows(), 1.0);
  return Mixture(weights, means, std::vector<Matrix<double>>(means.rows(), covariance));
}

/// `count` means on the first axis, `gap` apart, starting at 0.
inline Matrix<double> line_of_means(std::size_t count, std::size_t dim, double gap) {
  Matrix<double> means(count, dim);
  for (std::size_t k = 0; k < count; ++k) means(k, 0) = gap * static_cast<double>(k);
  return means;
}

inline Matrix<float> to_float(const Matrix<double>& x) {
  Matrix<float> out(x.rows(), x.cols());
  for (std::size_t i = 0; i < x.size(); ++i) out.data()[i] = static_cast<float>(x.data()[i]);
  return out;
}

inline Matrix<float> draw(const Mixture& mixture, std::size_t count, std::uint64_t seed) {
  return to_float(sample_mixture(mixture, count, seed).points);
}

}  // namespace gmmvae::test
