#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/random.hpp"

// t-SNE from its definition, in double precision and over all pairs: slow, short, and not sharing a line with
// the library.
namespace gmmvae::test {

/// Points around `centers` centres of spread 10 in `dim` dimensions, each with variance 1.
inline Matrix<float> clusters(std::size_t count, std::size_t dim, std::size_t centers, std::uint64_t seed,
                              double spread = 10.0) {
  const RandomStream means(seed, Purpose::mixture_means), points(seed, Purpose::mixture_point);
  Matrix<float> x(count, dim);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t d = 0; d < dim; ++d)
      x(i, d) = static_cast<float>(spread * (2.0 * means.uniform(i % centers * dim + d) - 1.0) +
                                   points.normal(i * dim + d));
  return x;
}

/// Normal points of a standard deviation.
inline Matrix<float> cloud(std::size_t count, std::size_t dim, double deviation, std::uint64_t seed) {
  const RandomStream points(seed, Purpose::mixture_point, 1);
  Matrix<float> x(count, dim);
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(deviation * points.normal(i));
  return x;
}

inline double squared(MatrixView<float> x, std::size_t i, std::size_t j) {
  double sum = 0.0;
  for (std::size_t d = 0; d < x.cols; ++d) sum += std::pow(static_cast<double>(x(i, d)) - x(j, d), 2);
  return sum;
}

/// The k nearest others of point i, nearest first.
inline std::vector<std::size_t> nearest(MatrixView<float> x, std::size_t i, std::size_t k) {
  std::vector<std::pair<double, std::size_t>> all;
  for (std::size_t j = 0; j < x.rows; ++j)
    if (j != i) all.emplace_back(squared(x, i, j), j);
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(k), all.end());
  std::vector<std::size_t> out(k);
  for (std::size_t a = 0; a < k; ++a) out[a] = all[a].second;
  return out;
}

/// P [N,N] with k neighbours a point; the width by bisection, to the last bit.
inline Matrix<double> joint_probabilities(MatrixView<float> x, double perplexity, std::size_t k) {
  Matrix<double> p(x.rows, x.rows);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const std::vector<std::size_t> neighbors = nearest(x, i, k);
    const double least = squared(x, i, neighbors[0]);
    double low = 0.0, high = 1e6;
    for (int step = 0; step < 200; ++step) {
      const double beta = 0.5 * (low + high);
      double sum = 0.0, weighted = 0.0;
      for (const std::size_t j : neighbors) {
        const double w = std::exp(-beta * (squared(x, i, j) - least));
        sum += w;
        weighted += w * (squared(x, i, j) - least);
      }
      (std::log(sum) + beta * weighted / sum > std::log(perplexity) ? low : high) = beta;
    }
    double sum = 0.0;
    for (const std::size_t j : neighbors) sum += std::exp(-low * (squared(x, i, j) - least));
    for (const std::size_t j : neighbors) {
      const double share =
          std::exp(-low * (squared(x, i, j) - least)) / sum / 2.0 / static_cast<double>(x.rows);
      p(i, j) += share;
      p(j, i) += share;
    }
  }
  return p;
}

/// KL(P || Q) at y, from its definition.
inline double divergence(const Matrix<double>& p, MatrixView<double> y) {
  const auto weight = [&](std::size_t i, std::size_t j) {
    double sum = 1.0;
    for (std::size_t d = 0; d < y.cols; ++d) sum += std::pow(y(i, d) - y(j, d), 2);
    return 1.0 / sum;
  };
  double z = 0.0, kl = 0.0;
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t j = 0; j < y.rows; ++j)
      if (i != j) z += weight(i, j);
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t j = 0; j < y.rows; ++j)
      if (p(i, j) > 0.0) kl += p(i, j) * std::log(p(i, j) * z / weight(i, j));
  return kl;
}

/// Sums over all pairs at y: forces [N,dim] sum_j q^2 (y_i - y_j), and Z.
struct PairSums {
  Matrix<double> forces;
  double normalization = 0.0;
};
inline PairSums pair_sums(MatrixView<float> y) {
  PairSums out{Matrix<double>(y.rows, y.cols), 0.0};
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t j = 0; j < y.rows; ++j) {
      if (i == j) continue;
      const double q = 1.0 / (1.0 + squared(y, i, j));
      out.normalization += q;
      for (std::size_t d = 0; d < y.cols; ++d)
        out.forces(i, d) += q * q * (static_cast<double>(y(i, d)) - y(j, d));
    }
  return out;
}

/// |a - b| / |b| over all numbers.
template <class A, class B>
double relative_error(const A& a, const B& b, std::size_t count) {
  double difference = 0.0, size = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    difference += std::pow(static_cast<double>(a[i]) - static_cast<double>(b[i]), 2);
    size += std::pow(static_cast<double>(b[i]), 2);
  }
  return std::sqrt(difference / size);
}

}  // namespace gmmvae::test
