#include "gmmvae/objective.hpp"

#include <fmt/core.h>

#include <cmath>
#include <numbers>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

constexpr double lab_variance = 0.1;  // the course's lab fixes its observation variance at this value

double log_normal_constant(double variance) {
  return 0.5 * std::log(2.0 * std::numbers::pi * variance);
}

void require_variance(const std::vector<double>& variance, std::size_t data_dim) {
  if (variance.size() != 1 && variance.size() != data_dim) {
    throw UsageError(
        fmt::format("The objective was given {} decoder variances; it takes 1 or one for each of {} columns.",
                    variance.size(), data_dim));
  }
  for (const double v : variance) {
    if (!(v > 0.0) || !std::isfinite(v)) {
      throw UsageError(fmt::format("The decoder variance is {}; it must be positive and finite.", v));
    }
  }
}

}  // namespace

bool learns_decoder_variance(const Objective& objective) {
  return objective.kind == ObjectiveKind::elbo && objective.variance_kind != DecoderVarianceKind::fixed;
}

double implied_decoder_variance(const Objective& objective, std::size_t data_dim, std::size_t latent) {
  switch (objective.kind) {
    case ObjectiveKind::course:
      return static_cast<double>(data_dim) / (2.0 * static_cast<double>(latent));
    case ObjectiveKind::lab:
      return lab_variance;
    case ObjectiveKind::half_sse:
      return 1.0;
    case ObjectiveKind::elbo:
      break;
  }
  return objective.decoder_variance;
}

double effective_decoder_variance(const Objective& objective, std::size_t data_dim, std::size_t latent) {
  return objective.beta * implied_decoder_variance(objective, data_dim, latent);
}

LossWeights loss_weights(const Objective& objective, std::size_t data_dim, std::size_t latent,
                         const std::vector<double>& variance, double log_jacobian) {
  const auto columns = static_cast<double>(data_dim);
  LossWeights weights;
  weights.kl_weight = objective.beta;
  switch (objective.kind) {
    case ObjectiveKind::course:
      weights.squared_error.assign(data_dim, 1.0 / columns);
      weights.kl_weight = objective.beta / static_cast<double>(latent);
      return weights;
    case ObjectiveKind::lab:
      weights.squared_error.assign(data_dim, 0.5 / lab_variance);
      weights.constant = columns * log_normal_constant(lab_variance);
      return weights;
    case ObjectiveKind::half_sse:
      weights.squared_error.assign(data_dim, 0.5);
      return weights;
    case ObjectiveKind::elbo:
      break;
  }
  require_variance(variance, data_dim);
  weights.constant = log_jacobian;
  for (std::size_t d = 0; d < data_dim; ++d) {
    const double v = variance.size() == 1 ? variance[0] : variance[d];
    weights.squared_error.push_back(0.5 / v);
    weights.constant += log_normal_constant(v);
  }
  return weights;
}

}  // namespace gmmvae
