// The closed form of the Kullback-Leibler term against numerical integration of its definition.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "gmmvae/error.hpp"
#include "tests/support/backends.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class KlTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(KlTest);

double log_normal(double z, double mean, double variance) {
  return -0.5 * ((z - mean) * (z - mean) / variance + std::log(2 * std::numbers::pi * variance));
}

/// The integral of q log(q / p) for q = N(mean, variance), p = N(0, 1): the trapezoidal rule over 12 standard
/// deviations either side, which for an analytic function that vanishes at the ends converges faster than any
/// power.
double kl_by_quadrature(double mean, double variance) {
  constexpr int points = 2000;
  const double half_width = 12 * std::sqrt(variance);
  const double spacing = 2 * half_width / points;
  double sum = 0;
  for (int i = 0; i <= points; ++i) {
    const double z = mean - half_width + i * spacing;
    const double log_q = log_normal(z, mean, variance);
    sum += std::exp(log_q) * (log_q - log_normal(z, 0, 1));
  }
  return sum * spacing;
}

TEST_P(KlTest, ClosedFormEqualsQuadrature) {
  for (const PosteriorVariance head : all_heads)
    for (const double mean : {-3.0, -0.25, 0.0, 1.5})
      for (const double raw : {-8.0, -2.0, 0.0, 0.5, 3.0}) {
        // With zero weights the encoder's output is its bias: [mean, raw].
        const Architecture architecture = {.data_dim = 1,
                                           .latent = 1,
                                           .encoder_hidden = {},
                                           .decoder_hidden = {},
                                           .posterior_variance = head};
        Problem problem(architecture, {.kind = ObjectiveKind::half_sse}, 1, 1);
        problem.parameters = {0, 0, mean, raw, 0, 0};
        const double variance =
            head == PosteriorVariance::exp ? std::exp(raw) : std::log1p(std::exp(raw / 2));
        const double expected = kl_by_quadrature(mean, variance);
        // in single precision each of the terms of the closed form is rounded a few times
        const double terms = mean * mean + variance + 1 + std::abs(std::log(variance));
        EXPECT_NEAR(problem.engine(backend(), Precision::single).kl_per_dimension[0], expected,
                    8 * std::ldexp(terms, -24));
        try {
          EXPECT_NEAR(problem.engine(backend(), Precision::double_).kl_per_dimension[0], expected,
                      1e-12 * terms);
        } catch (const UsageError&) {  // a backend with single precision alone
        }
      }
}

}  // namespace
}  // namespace gmmvae::test
