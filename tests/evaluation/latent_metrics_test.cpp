#include "host/evaluation/latent_metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "tests/evaluation/linear_vae.hpp"
#include "tests/support/backends.hpp"

namespace gmmvae {
namespace {

class LatentMetricsTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(LatentMetricsTest);
class LipschitzTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(LipschitzTest);

// Posterior means N(0, a_j) over the points, variances d_j.
Posterior gaussian_posterior(std::size_t count, const std::vector<double>& a, const std::vector<double>& d) {
  const RandomStream stream(5, Purpose::evaluation, 88);
  Posterior out{Matrix<float>(count, a.size()), Matrix<float>(count, a.size())};
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < a.size(); ++j) {
      out.mean(i, j) = static_cast<float>(std::sqrt(a[j]) * stream.normal(i * a.size() + j));
      out.variance(i, j) = static_cast<float>(d[j]);
    }
  return out;
}

TEST_P(LatentMetricsTest, MatchTheGaussianClosedForms) {
  const std::size_t n = emulated() ? 1000 : 4000;
  const std::vector<double> a = {0.9, 1e-4}, d = {0.1, 1.2};
  const LatentMetrics m = latent_metrics(backend(), gaussian_posterior(n, a, d), 1);
  double aggregate = 0.0, information = 0.0;
  for (std::size_t j = 0; j < 2; ++j) {
    const double kl = 0.5 * (a[j] + d[j] - 1.0 - std::log(d[j]));
    EXPECT_NEAR(m.kl_per_dimension[j], kl, 5.0 * m.kl_errors[j] + 1e-6);
    EXPECT_NEAR(m.kl_errors[j], 0.5 * a[j] * std::sqrt(2.0 / n), 0.1 * m.kl_errors[j]);
    EXPECT_NEAR(m.posterior_mean_variance[j], a[j], 5.0 * a[j] * std::sqrt(2.0 / n));
    const double total = a[j] + d[j];
    aggregate += 0.5 * (total - 1.0 - std::log(total));
    information += 0.5 * std::log(total / d[j]);
  }
  EXPECT_EQ(m.active, 1u);
  // The mixture of n posteriors instead of their law biases log q(z) by about (law's width / posterior's) /
  // (2 n).
  EXPECT_NEAR(m.mutual_information.value, information, 5.0 * m.mutual_information.standard_error + 0.005);
  EXPECT_NEAR(m.aggregate_kl.value, aggregate, 5.0 * m.aggregate_kl.standard_error + 0.005);
  EXPECT_DOUBLE_EQ(m.mutual_information_ceiling, m.kl_per_dimension[0] + m.kl_per_dimension[1]);
}

TEST_P(LatentMetricsTest, InformationIsBoundedByTheNumberOfPoints) {
  Posterior p{Matrix<float>(8, 1), Matrix<float>(8, 1, 1e-4f)};
  for (std::size_t i = 0; i < 8; ++i) p.mean(i, 0) = static_cast<float>(i);
  const LatentMetrics m = latent_metrics(backend(), p, 1);
  EXPECT_NEAR(m.mutual_information.value, std::log(8.0), 1e-5);  // eight posteriors that never overlap
  EXPECT_DOUBLE_EQ(m.mutual_information_ceiling, std::log(8.0));
}

TEST_P(LatentMetricsTest, ACollapsedPosteriorHasNothing) {
  const LatentMetrics m =
      latent_metrics(backend(), {Matrix<float>(500, 2, 0.0f), Matrix<float>(500, 2, 1.0f)}, 1);
  EXPECT_EQ(m.active, 0u);
  EXPECT_NEAR(m.mutual_information.value, 0.0, 1e-6);
  EXPECT_NEAR(m.aggregate_kl.value, 0.0, 1e-6);
  EXPECT_NEAR(m.aggregate_mmd2->value, 0.0, 6.0 * m.aggregate_mmd2->standard_error);
  EXPECT_EQ(m.collapse_epsilon, (std::vector<double>{0.0, 0.0}));
}

TEST_P(LatentMetricsTest, TheCollapseCurveIsTheQuantileOfTheKl) {
  Posterior p{Matrix<float>(200, 1, 0.0f), Matrix<float>(200, 1, 1.0f)};
  for (std::size_t i = 0; i < 200; ++i)
    p.mean(i, 0) = static_cast<float>(std::sqrt(2.0 * (i + 1)));  // KL i + 1
  // 99 % of 200 points are those with KL 1 to 198.
  EXPECT_NEAR(latent_metrics(backend(), p, 1).collapse_epsilon[0], 198.0, 1e-4);
  EXPECT_THROW(latent_metrics(backend(), {Matrix<float>(0, 1), Matrix<float>(0, 1)}, 1), DataError);
  EXPECT_FALSE(
      latent_metrics(backend(), {Matrix<float>(1, 1, 0.5f), Matrix<float>(1, 1, 1.0f)}, 1).aggregate_mmd2);
}

TEST_P(LipschitzTest, OfALinearDecoderIsItsLargestSingularValue) {
  test::LinearVae model = test::linear_vae(3, 0.1);  // singular values 1.5, 0.8 and 0.4
  const LipschitzEstimate plain = decoder_lipschitz(backend(), model.vae(), 0, 50, 1);
  // Differences of values near 5 over 2^-6 in single precision: 64 * 5 * 2^-24 each.
  EXPECT_NEAR(plain.largest, 1.5, 1e-4);
  EXPECT_NEAR(plain.mean.value, 1.5, 1e-4);
  model.scaler = {ScaleKind::standard, {0.0, 0.0, 0.0}, {1.0, 1.0, 10.0}};
  EXPECT_NEAR(decoder_lipschitz(backend(), model.vae(), 0, 50, 1).largest, 4.0, 1e-3);  // 0.4 in units of 10
}

}  // namespace
}  // namespace gmmvae
