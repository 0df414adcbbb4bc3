#include "gmmvae/mixture.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gmmvae/error.hpp"
#include "host/linalg/symmetric.hpp"
#include "host/mixture/log_sum_exp.hpp"

namespace gmmvae {
namespace {

const double log_two_pi = std::log(2.0 * std::numbers::pi);

void require_shapes(const std::vector<double>& weights, const Matrix<double>& means,
                    const std::vector<Matrix<double>>& covariances) {
  const std::size_t k = weights.size();
  if (k == 0 || means.rows() != k || covariances.size() != k || means.cols() == 0) {
    throw DataError(
        fmt::format("The mixture has {} weights, {} means of {} dimensions and {} covariances; it needs "
                    "one of each for every component.",
                    k, means.rows(), means.cols(), covariances.size()));
  }
  for (std::size_t c = 0; c < k; ++c) {
    if (!(weights[c] > 0.0) || !std::isfinite(weights[c])) {
      throw DataError(fmt::format(
          "Component {} of the mixture has weight {}; it must be positive and finite.", c + 1, weights[c]));
    }
    for (const double m : means.row(c)) {
      if (!std::isfinite(m))
        throw DataError(fmt::format("The mean of component {} of the mixture is not finite.", c + 1));
    }
    if (covariances[c].rows() != means.cols() || covariances[c].cols() != means.cols()) {
      throw DataError(
          fmt::format("The covariance of component {} of the mixture is {} x {}; its mean has {} dimensions.",
                      c + 1, covariances[c].rows(), covariances[c].cols(), means.cols()));
    }
  }
}

}  // namespace

Mixture::Mixture(std::vector<double> weights, Matrix<double> means, std::vector<Matrix<double>> covariances)
    : weights_(std::move(weights)), means_(std::move(means)), covariances_(std::move(covariances)) {
  require_shapes(weights_, means_, covariances_);
  double total = 0.0;
  for (const double w : weights_) total += w;
  if (!std::isfinite(total)) throw DataError("The weights of the mixture have no finite sum.");
  // Weights that already sum to 1 up to rounding stay as they are, so that a mixture read from a file is the
  // one written.
  const bool normalised = std::abs(total - 1.0) <= 1e-14 * static_cast<double>(components());
  for (std::size_t k = 0; k < components(); ++k) {
    if (!is_symmetric(covariances_[k])) {
      throw DataError(fmt::format("The covariance of component {} of the mixture is not symmetric.", k + 1));
    }
    auto factor = gmmvae::cholesky(covariances_[k]);
    if (!factor) {
      throw DataError(
          fmt::format("The covariance of component {} of the mixture is not positive definite.", k + 1));
    }
    log_determinant_.push_back(log_determinant_of_factor(*factor));
    cholesky_.push_back(*std::move(factor));
    if (!normalised) weights_[k] /= total;
    log_weight_.push_back(std::log(weights_[k]));
  }
}

double Mixture::squared_mahalanobis(std::size_t k, std::span<const double> x) const {
  const Matrix<double>& lower = cholesky_[k];
  std::vector<double> y(dim());
  double sum = 0.0;
  for (std::size_t i = 0; i < dim(); ++i) {
    double value = x[i] - means_(k, i);
    for (std::size_t j = 0; j < i; ++j) value -= lower(i, j) * y[j];
    y[i] = value / lower(i, i);
    sum += y[i] * y[i];
  }
  return sum;
}

double Mixture::component_log_density(std::size_t k, std::span<const double> x) const {
  return -0.5 * (static_cast<double>(dim()) * log_two_pi + log_determinant_[k] + squared_mahalanobis(k, x));
}

double Mixture::log_density(std::span<const double> x) const {
  std::vector<double> terms(components());
  for (std::size_t k = 0; k < components(); ++k) terms[k] = log_weight_[k] + component_log_density(k, x);
  return log_sum_exp(terms);
}

std::vector<double> Mixture::responsibilities(std::span<const double> x) const {
  std::vector<double> terms(components());
  for (std::size_t k = 0; k < components(); ++k) terms[k] = log_weight_[k] + component_log_density(k, x);
  const double total = log_sum_exp(terms);
  for (double& term : terms) term = std::exp(term - total);
  return terms;
}

std::vector<double> Mixture::score(std::span<const double> x) const {
  const std::vector<double> responsibility = responsibilities(x);
  std::vector<double> gradient(dim());
  std::vector<double> difference(dim());
  for (std::size_t k = 0; k < components(); ++k) {
    for (std::size_t d = 0; d < dim(); ++d) difference[d] = means_(k, d) - x[d];
    const auto pull = solve_lower_transposed(cholesky_[k], solve_lower(cholesky_[k], difference));
    for (std::size_t d = 0; d < dim(); ++d) gradient[d] += responsibility[k] * pull[d];
  }
  return gradient;
}

std::vector<double> Mixture::mean() const {
  std::vector<double> mean(dim());
  for (std::size_t k = 0; k < components(); ++k) {
    for (std::size_t d = 0; d < dim(); ++d) mean[d] += weights_[k] * means_(k, d);
  }
  return mean;
}

Matrix<double> Mixture::covariance() const {
  const std::vector<double> centre = mean();
  Matrix<double> sum(dim(), dim());
  for (std::size_t k = 0; k < components(); ++k) {
    for (std::size_t i = 0; i < dim(); ++i) {
      for (std::size_t j = 0; j < dim(); ++j) {
        sum(i, j) +=
            weights_[k] * (covariances_[k](i, j) + (means_(k, i) - centre[i]) * (means_(k, j) - centre[j]));
      }
    }
  }
  return sum;
}

}  // namespace gmmvae
