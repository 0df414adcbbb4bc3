#include "gmmvae/objective.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

constexpr std::size_t D = 3;
constexpr std::size_t Z = 2;
const std::vector<double> residual = {0.3, -1.1, 0.7};
constexpr double sse = 0.09 + 1.21 + 0.49;
constexpr double kl = 0.8;

Objective objective_of(ObjectiveKind kind, double beta = 1.0) {
  Objective objective;
  objective.kind = kind;
  objective.beta = beta;
  return objective;
}

double loss_of(const Objective& objective, const std::vector<double>& variance, double log_jacobian = 0.0) {
  const LossWeights weights = loss_weights(objective, D, Z, variance, log_jacobian);
  double loss = weights.constant + weights.kl_weight * kl;
  for (std::size_t d = 0; d < D; ++d) loss += weights.squared_error.at(d) * residual[d] * residual[d];
  return loss;
}

double normal_log_density(double x, double variance) {
  return std::log(std::exp(-x * x / (2 * variance)) / std::sqrt(2 * std::numbers::pi * variance));
}

// Each loss as the notes and the course write it. All sums here have fewer than ten terms of order one:
// 1e-13.
TEST(LossWeights, SpellOutEachObjective) {
  EXPECT_NEAR(loss_of(objective_of(ObjectiveKind::course, 3.0), {0.5}), sse / 3 + 3.0 * kl / 2, 1e-13);
  EXPECT_NEAR(loss_of(objective_of(ObjectiveKind::half_sse, 3.0), {0.5}), 0.5 * sse + 3.0 * kl, 1e-13);
  double lab = 2.0 * kl;
  for (const double r : residual) lab -= normal_log_density(r, 0.1);
  EXPECT_NEAR(loss_of(objective_of(ObjectiveKind::lab, 2.0), {0.5}, 9.0), lab, 1e-13);
}

TEST(LossWeights, ElboIsTheGaussianDensityInRawUnits) {
  double scalar = 2.0 * kl + 1.25;
  for (const double r : residual) scalar -= normal_log_density(r, 0.4);
  EXPECT_NEAR(loss_of(objective_of(ObjectiveKind::elbo, 2.0), {0.4}, 1.25), scalar, 1e-13);

  const std::vector<double> variances = {0.4, 0.9, 0.2};
  double each = kl + 1.25;
  for (std::size_t d = 0; d < D; ++d) each -= normal_log_density(residual[d], variances[d]);
  EXPECT_NEAR(loss_of(objective_of(ObjectiveKind::elbo), variances, 1.25), each, 1e-13);
}

TEST(LossWeights, RefuseVariancesThatDoNotFit) {
  const Objective elbo = objective_of(ObjectiveKind::elbo);
  EXPECT_THROW(loss_weights(elbo, D, Z, {0.1, 0.2}, 0.0), UsageError);
  EXPECT_THROW(loss_weights(elbo, D, Z, {0.0}, 0.0), UsageError);
}

// The table of effective variances: c [SSE / (2 v) + beta KL] with v = D / (2 Z), 0.1, 1 and the given one.
TEST(EffectiveDecoderVariance, FollowsTheTable) {
  EXPECT_DOUBLE_EQ(effective_decoder_variance(objective_of(ObjectiveKind::course), D, Z), 0.75);
  EXPECT_DOUBLE_EQ(effective_decoder_variance(objective_of(ObjectiveKind::course, 2.0), D, 1), 3.0);
  EXPECT_DOUBLE_EQ(effective_decoder_variance(objective_of(ObjectiveKind::lab), D, Z), 0.1);
  EXPECT_DOUBLE_EQ(effective_decoder_variance(objective_of(ObjectiveKind::half_sse, 0.5), D, Z), 0.5);
  Objective elbo = objective_of(ObjectiveKind::elbo, 4.0);
  elbo.decoder_variance = 0.3;
  EXPECT_DOUBLE_EQ(effective_decoder_variance(elbo, D, Z), 1.2);
}

// For every objective  w SSE + k KL  is proportional to  SSE / (2 v) + KL  at the effective v.
TEST(EffectiveDecoderVariance, IsTheRatioOfTheLossWeights) {
  for (const auto kind :
       {ObjectiveKind::course, ObjectiveKind::lab, ObjectiveKind::half_sse, ObjectiveKind::elbo}) {
    const Objective objective = objective_of(kind, 1.7);
    const LossWeights weights = loss_weights(objective, D, Z, {objective.decoder_variance}, 0.0);
    EXPECT_NEAR(weights.kl_weight / (2 * weights.squared_error[0]),
                effective_decoder_variance(objective, D, Z), 1e-14);
  }
}

TEST(LearnsDecoderVariance, OnlyForTheElbo) {
  EXPECT_TRUE(learns_decoder_variance(objective_of(ObjectiveKind::elbo)));
  EXPECT_FALSE(learns_decoder_variance(objective_of(ObjectiveKind::course)));
  EXPECT_FALSE(learns_decoder_variance(objective_of(ObjectiveKind::lab)));
  Objective fixed = objective_of(ObjectiveKind::elbo);
  fixed.variance_kind = DecoderVarianceKind::fixed;
  EXPECT_FALSE(learns_decoder_variance(fixed));
}

}  // namespace
}  // namespace gmmvae
