#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "gmmvae/error.hpp"
#include "gmmvae/objective.hpp"
#include "host/linalg/symmetric.hpp"
#include "host/training/linear_optimum.hpp"

namespace gmmvae {
namespace {

void require_valid(const Objective& objective, const Matrix<double>& covariance, std::size_t latent) {
  if (latent == 0)
    throw UsageError("--latent is 0; a variational autoencoder needs at least one latent dimension.");
  if (!(objective.beta >= 0.0) || !std::isfinite(objective.beta)) {
    throw UsageError(
        fmt::format("--beta is {}; a prediction needs a finite one that is not negative.", objective.beta));
  }
  if (covariance.empty() || covariance.rows() != covariance.cols()) {
    throw UsageError(fmt::format("A covariance matrix is square; this one is {} x {}.", covariance.rows(),
                                 covariance.cols()));
  }
  for (const double value : covariance.values()) {
    if (!std::isfinite(value)) throw UsageError("The covariance of the data is not finite.");
  }
}

LinearOptimum optimum_of(const Objective& objective, const Matrix<double>& covariance,
                         const std::vector<double>& eigenvalues, std::size_t latent) {
  if (!learns_decoder_variance(objective)) {
    const double variance = implied_decoder_variance(objective, covariance.rows(), latent);
    return optimum_at_variance(eigenvalues, variance, objective.beta, latent);
  }
  if (objective.variance_kind == DecoderVarianceKind::learned) {
    return optimum_of_shared_variance(eigenvalues, objective, latent);
  }
  return optimum_of_column_variances(covariance, objective, latent);
}

/// The optimum among models whose decoder ignores the latent: each column's mean, and the best variance
/// around it.
LinearOptimum collapsed_optimum(const Objective& objective, const Matrix<double>& covariance,
                                std::size_t latent) {
  LinearOptimum optimum;
  const std::size_t dim = covariance.rows();
  double trace = 0.0;
  for (std::size_t d = 0; d < dim; ++d) trace += covariance(d, d);
  if (!learns_decoder_variance(objective)) {
    optimum.variance = {implied_decoder_variance(objective, dim, latent)};
  } else if (objective.variance_kind == DecoderVarianceKind::learned) {
    optimum.variance = {std::max(objective.variance_floor, trace / static_cast<double>(dim))};
  } else {
    for (std::size_t d = 0; d < dim; ++d) {
      optimum.variance.push_back(std::max(objective.variance_floor, covariance(d, d)));
    }
  }
  for (std::size_t d = 0; d < dim; ++d) {
    optimum.relative_squared_error +=
        covariance(d, d) / optimum.variance[optimum.variance.size() == 1 ? 0 : d];
  }
  return optimum;
}

double total_kl(const LinearOptimum& optimum) {
  return std::accumulate(optimum.kl_per_dimension.begin(), optimum.kl_per_dimension.end(), 0.0);
}

double loss_at(const LinearOptimum& optimum, const Objective& objective, std::size_t dim, std::size_t latent,
               double log_jacobian) {
  const LossWeights weights = loss_weights(objective, dim, latent, optimum.variance, log_jacobian);
  // weight times variance is the same number for every column: 1/2, or 1/(2 Z) for the course's means
  const double error_weight = weights.squared_error[0] * optimum.variance[0];
  return error_weight * optimum.relative_squared_error + weights.constant +
         weights.kl_weight * total_kl(optimum);
}

double elbo_at(const LinearOptimum& optimum, std::size_t dim, double log_jacobian) {
  double negative = 0.5 * optimum.relative_squared_error + total_kl(optimum) + log_jacobian;
  for (std::size_t d = 0; d < dim; ++d) {
    const double v = optimum.variance[optimum.variance.size() == 1 ? 0 : d];
    negative += 0.5 * std::log(2.0 * std::numbers::pi * v);
  }
  return -negative;
}

/// Latent dimensions that could be of use: no more than the data's covariance has eigenvalues above rounding.
std::size_t useful_dimensions(const std::vector<double>& eigenvalues, std::size_t latent) {
  const double rounding = 1e-12 * eigenvalues.front();
  const auto rank =
      std::count_if(eigenvalues.begin(), eigenvalues.end(), [&](double v) { return v > rounding; });
  return std::min(latent, static_cast<std::size_t>(rank));
}

void judge(Prediction& prediction, const Objective& objective, std::size_t latent) {
  const std::size_t useful = useful_dimensions(prediction.eigenvalues, latent);
  const double largest = prediction.eigenvalues.front();
  const std::string variance =
      fmt::format("effective decoder variance{}, {:.4g},",
                  prediction.variance_learned ? " at the best variance that a linear decoder can learn" : "",
                  prediction.effective_variance);
  if (useful == 0) {
    prediction.verdict = "collapsed";
    prediction.why = fmt::format(
        "The data do not vary (the largest eigenvalue of their covariance is {:.4g}), so no "
        "latent dimension has anything to say, whatever the {}.",
        largest, variance.substr(0, variance.size() - 1));
  } else if (prediction.active == 0) {
    prediction.verdict = "collapsed";
    prediction.why = fmt::format(
        "The {} is not below the largest eigenvalue of the data's covariance, {:.4g}, so no latent dimension "
        "is worth "
        "its KL term {}.",
        variance, largest,
        prediction.variance_learned ? fmt::format("to a linear decoder; only a nonlinear one that starts at "
                                                  "a small variance ({:.4g}) can do better",
                                                  objective.decoder_variance)
                                    : "and every sample will be close to the data's mean");
  } else if (prediction.active < useful) {
    prediction.verdict = "partly-collapsed";
    prediction.why = fmt::format(
        "The {} is below the largest eigenvalue of the data's covariance, {:.4g}, but not below eigenvalue "
        "{}, {:.4g}: "
        "{} of {} useful latent dimensions will stay active.",
        variance, largest, prediction.active + 1, prediction.eigenvalues[prediction.active],
        prediction.active, useful);
  } else {
    prediction.verdict = "healthy";
    prediction.why = fmt::format(
        "The {} is below the largest eigenvalue of the data's covariance, {:.4g}, and low enough that "
        "{} will stay active.",
        variance, largest,
        useful == 1 ? "the one useful latent dimension"
                    : fmt::format("all {} useful latent dimensions", useful));
  }
}

/// Without a price for it the KL divergence grows without bound: the limit of ever smaller prices, of which
/// this is one where all but that has long been reached.
Prediction predict_without_price(Objective objective, const Matrix<double>& covariance, std::size_t latent,
                                 double log_jacobian) {
  constexpr double kNearlyNothing = 1e-9;
  constexpr double unbounded = std::numeric_limits<double>::infinity();
  objective.beta = kNearlyNothing;
  Prediction prediction = predict(objective, covariance, latent, log_jacobian);
  prediction.effective_variance = 0.0;
  if (prediction.active == 0) return prediction;
  for (double& kl : prediction.kl_per_dimension) kl = kl > 0.0 ? unbounded : 0.0;
  prediction.elbo = -unbounded;
  prediction.why = fmt::format(
      "Nothing is paid for the KL divergence (beta is 0), so {} of {} latent dimensions stay active, "
      "and their posteriors narrow without end: samples from the prior need not resemble the data.",
      prediction.active, latent);
  return prediction;
}

}  // namespace

Prediction predict(const Objective& objective, const Matrix<double>& covariance, std::size_t latent,
                   double log_jacobian) {
  require_valid(objective, covariance, latent);
  if (objective.beta == 0.0) return predict_without_price(objective, covariance, latent, log_jacobian);
  const std::size_t dim = covariance.rows();
  Prediction prediction;
  prediction.eigenvalues = symmetric_eigen(covariance).values;
  for (double& value : prediction.eigenvalues) value = std::max(value, 0.0);  // rounding below zero
  LinearOptimum optimum = optimum_of(objective, covariance, prediction.eigenvalues, latent);

  prediction.variance_learned = learns_decoder_variance(objective);
  double mean_variance = 0.0;
  for (const double v : optimum.variance) mean_variance += v / static_cast<double>(optimum.variance.size());
  if (prediction.variance_learned) prediction.learned_variance = mean_variance;
  prediction.effective_variance = objective.beta * mean_variance;
  prediction.active = optimum.active;
  prediction.loss_floor = loss_at(optimum, objective, dim, latent, log_jacobian);
  prediction.elbo = elbo_at(optimum, dim, log_jacobian);
  prediction.collapsed_loss =
      loss_at(collapsed_optimum(objective, covariance, latent), objective, dim, latent, log_jacobian);
  prediction.kl_per_dimension = std::move(optimum.kl_per_dimension);
  judge(prediction, objective, latent);
  return prediction;
}

}  // namespace gmmvae
