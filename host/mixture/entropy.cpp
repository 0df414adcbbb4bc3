#include <cmath>
#include <numbers>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/random.hpp"
#include "host/linalg/symmetric.hpp"
#include "host/mixture/log_sum_exp.hpp"

// Kolchinsky & Tracey, "Estimating mixture entropy with pairwise distances", Entropy 19 (2017) 361:
//   H_D = sum_i w_i H(p_i) - sum_i w_i log sum_j w_j exp(-D(p_i, p_j))
// bounds the entropy from above with D = Kullback-Leibler and from below with D = Bhattacharyya.
namespace gmmvae {
namespace {

double entropy_of_component(const Mixture& mixture, std::size_t k) {
  const auto dim = static_cast<double>(mixture.dim());
  return 0.5 * (dim * std::log(2.0 * std::numbers::pi * std::numbers::e) + mixture.log_determinant(k));
}

/// KL(p_i || p_j) = 1/2 [tr(S_j^-1 S_i) + d' S_j^-1 d - D + log det S_j - log det S_i], d = m_j - m_i.
double kullback_leibler(const Mixture& mixture, std::size_t i, std::size_t j) {
  const Matrix<double>& from = mixture.cholesky(i);
  double trace = 0.0;  // the squared Frobenius norm of L_j^-1 L_i
  std::vector<double> column(mixture.dim());
  for (std::size_t c = 0; c < mixture.dim(); ++c) {
    for (std::size_t r = 0; r < mixture.dim(); ++r) column[r] = from(r, c);
    for (const double y : solve_lower(mixture.cholesky(j), column)) trace += y * y;
  }
  return 0.5 * (trace + mixture.squared_mahalanobis(j, mixture.means().row(i)) -
                static_cast<double>(mixture.dim()) + mixture.log_determinant(j) - mixture.log_determinant(i));
}

/// 1/8 d' S^-1 d + 1/2 log(det S / sqrt(det S_i det S_j)) with S = (S_i + S_j) / 2.
double bhattacharyya(const Mixture& mixture, std::size_t i, std::size_t j) {
  Matrix<double> average(mixture.dim(), mixture.dim());
  std::vector<double> difference(mixture.dim());
  for (std::size_t r = 0; r < mixture.dim(); ++r) {
    difference[r] = mixture.means()(i, r) - mixture.means()(j, r);
    for (std::size_t c = 0; c < mixture.dim(); ++c) {
      average(r, c) = 0.5 * (mixture.covariances()[i](r, c) + mixture.covariances()[j](r, c));
    }
  }
  const Matrix<double> lower = cholesky(average).value();  // a mean of positive definite matrices is one
  double distance = 0.0;
  for (const double y : solve_lower(lower, difference)) distance += y * y;
  return distance / 8.0 + 0.5 * (log_determinant_of_factor(lower) -
                                 0.5 * (mixture.log_determinant(i) + mixture.log_determinant(j)));
}

template <class Distance>
double pairwise_bound(const Mixture& mixture, Distance distance) {
  double bound = 0.0;
  std::vector<double> terms(mixture.components());
  for (std::size_t i = 0; i < mixture.components(); ++i) {
    for (std::size_t j = 0; j < mixture.components(); ++j) {
      terms[j] = std::log(mixture.weights()[j]) - (i == j ? 0.0 : distance(mixture, i, j));
    }
    bound += mixture.weights()[i] * (entropy_of_component(mixture, i) - log_sum_exp(terms));
  }
  return bound;
}

}  // namespace

double Mixture::entropy_lower_bound() const {
  return pairwise_bound(*this, bhattacharyya);
}

double Mixture::entropy_upper_bound() const {
  return pairwise_bound(*this, kullback_leibler);
}

Estimate Mixture::entropy(std::size_t samples, std::uint64_t seed) const {
  if (samples < 2) throw UsageError("The Monte Carlo entropy of a mixture needs at least 2 samples.");
  // A stream of its own keeps these draws apart from a data set of the same seed, which takes stream 0.
  const auto stream = static_cast<std::uint32_t>(Purpose::mixture_entropy);
  const LabelledPoints drawn = sample_mixture(*this, samples, seed, stream);
  double mean = 0.0;
  double squares = 0.0;  // Welford's update: sums of squares would cancel
  for (std::size_t i = 0; i < samples; ++i) {
    const double value = -log_density(drawn.points.row(i));
    const double delta = value - mean;
    mean += delta / static_cast<double>(i + 1);
    squares += delta * (value - mean);
  }
  const auto n = static_cast<double>(samples);
  return {mean, std::sqrt(squares / (n - 1.0) / n)};
}

}  // namespace gmmvae
