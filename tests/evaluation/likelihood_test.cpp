#include "host/evaluation/likelihood.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "tests/evaluation/linear_vae.hpp"
#include "tests/evaluation/mixtures.hpp"
#include "tests/support/backends.hpp"

namespace gmmvae {
namespace {

using test::draw;
using test::linear_vae;
using test::LinearVae;

/// Any of the three ways, of a single model.
class LikelihoodTest : public test::BackendTest {
 protected:
  Likelihood likelihood(LikelihoodMethod method, const Vae& vae, const Matrix<float>& x,
                        LikelihoodOptions options = {}) {
    options.method = method;
    return backend().log_likelihood(vae, 0, x, options);
  }
  Likelihood quadrature(const Vae& vae, const Matrix<float>& x, const LikelihoodOptions& options = {}) {
    return likelihood(LikelihoodMethod::quadrature, vae, x, options);
  }
  Likelihood importance(const Vae& vae, const Matrix<float>& x, const LikelihoodOptions& options) {
    return likelihood(LikelihoodMethod::importance, vae, x, options);
  }
  Estimate elbo(const Vae& vae, const Matrix<float>& x, std::size_t draws) {
    LikelihoodOptions options;
    options.samples = draws;
    return mean_of(likelihood(LikelihoodMethod::elbo, vae, x, options).per_point);
  }
};
class QuadratureTest : public LikelihoodTest {};
class ElboTest : public LikelihoodTest {};
class ImportanceWeightingTest : public LikelihoodTest {};
GMMVAE_OVER_BACKENDS(LikelihoodTest);
GMMVAE_OVER_BACKENDS(QuadratureTest);
GMMVAE_OVER_BACKENDS(ElboTest);
GMMVAE_OVER_BACKENDS(ImportanceWeightingTest);

std::vector<double> exact(const Mixture& law, const Matrix<float>& x) {
  std::vector<double> out;
  for (std::size_t i = 0; i < x.rows(); ++i) {
    const auto row = x.row(i);
    out.push_back(law.log_density(std::vector<double>(row.begin(), row.end())));
  }
  return out;
}

TEST_P(QuadratureTest, MatchesTheLinearModelForOneToThreeLatentDimensions) {
  for (std::size_t latent = 1; latent <= (emulated() ? 2u : 3u); ++latent)
    for (double s2 : {0.5, 0.02}) {
      const LinearVae model = linear_vae(latent, s2);
      const Vae vae = model.vae();
      const Matrix<float> x = draw(model.law(), 60, 3);
      const Likelihood got = quadrature(vae, x);
      const auto expected = exact(model.law(), x);
      EXPECT_LT(got.error, 1e-4);
      // What the contract allows is 1e-4; single-precision terms add some 1e-6 times (|x|^2 / s2).
      for (std::size_t i = 0; i < x.rows(); ++i)
        EXPECT_NEAR(got.per_point[i], expected[i], 2e-4) << latent << s2;
    }
}

TEST_P(QuadratureTest, CountsRawUnitsThroughTheScaler) {
  LinearVae model = linear_vae(2, 0.1);
  model.scaler = {ScaleKind::standard, {5.0, -3.0, 0.0}, {4.0, 0.5, 10.0}};
  const Vae vae = model.vae();
  const Matrix<float> x = draw(model.law(), 40, 5);
  const Likelihood got = quadrature(vae, x);
  const auto expected = exact(model.law(), x);
  for (std::size_t i = 0; i < x.rows(); ++i) EXPECT_NEAR(got.per_point[i], expected[i], 2e-4);
}

TEST_P(QuadratureTest, FollowsPosteriorsThatLieFarOut) {
  const LinearVae model = linear_vae(1, 0.01);
  const Vae vae = model.vae();
  Matrix<float> x(1, 3);  // the image of z = 7.5
  for (std::size_t d = 0; d < 3; ++d) x(0, d) = static_cast<float>(model.mu[d] + 7.5 * model.w(d, 0));
  const auto expected = exact(model.law(), x);
  EXPECT_NEAR(quadrature(vae, x).per_point[0], expected[0], 1e-3);
}

// A decoder with kinks against Simpson's rule in double on a grid 20 times finer, with the decoder's own
// outputs.
TEST_P(QuadratureTest, MatchesBruteForceForADecoderWithKinks) {
  Vae vae;
  vae.architecture = {.data_dim = 2, .latent = 1, .encoder_hidden = {8}, .decoder_hidden = {16, 16}};
  vae.objective.variance_kind = DecoderVarianceKind::fixed;
  vae.objective.decoder_variance = 0.003;
  vae.scaler = {ScaleKind::none, {0.0, 0.0}, {1.0, 1.0}};
  vae.parameters = initial_parameters(vae.architecture, vae.objective, Initialization::kaiming_normal, 4, 0);
  const std::size_t cells = emulated() ? 50000 : 200000;
  const double width = 16.0, step = width / cells;
  Matrix<float> z(cells + 1, 1);
  for (std::size_t g = 0; g <= cells; ++g) z(g, 0) = static_cast<float>(-8.0 + step * g);
  const Matrix<float> f = backend().decode(vae, 0, z);
  Matrix<float> x(25, 2);  // near the curve that the decoder draws
  for (std::size_t i = 0; i < x.rows(); ++i)
    for (std::size_t d = 0; d < 2; ++d)
      x(i, d) = f(cells / 4 + cells / 50 * i, d) + (d == 0 ? 0.04f : -0.02f);
  const Likelihood got = quadrature(vae, x);
  EXPECT_LT(got.error, 1e-4);
  for (std::size_t i = 0; i < x.rows(); ++i) {
    double sum = 0.0;
    for (std::size_t g = 0; g <= cells; ++g) {
      const double weight = g == 0 || g == cells ? 1.0 : (g % 2 == 1 ? 4.0 : 2.0);
      const double a = double{x(i, 0)} - f(g, 0), b = double{x(i, 1)} - f(g, 1), at = z(g, 0);
      sum += weight * std::exp(-0.5 * (a * a + b * b) / 0.003 - 0.5 * at * at);
    }
    const double expected =
        std::log(sum * step / 3.0) - 1.5 * std::log(2.0 * std::numbers::pi) - std::log(0.003);
    EXPECT_NEAR(got.per_point[i], expected, 5e-4);
  }
}

TEST_P(QuadratureTest, ReportsAnErrorItCannotReduce) {
  const LinearVae model = linear_vae(2, 1e-4);
  const Vae vae = model.vae();
  const Matrix<float> x = draw(model.law(), 20, 3);
  LikelihoodOptions coarse;
  coarse.max_points = 200 * 200;
  const Likelihood got = quadrature(vae, x, coarse);
  double actual = 0.0;
  const auto expected = exact(model.law(), x);
  for (std::size_t i = 0; i < x.rows(); ++i) actual += std::abs(got.per_point[i] - expected[i]) / 20.0;
  EXPECT_GT(actual, 1e-4);
  EXPECT_GT(got.error, 1e-4);
  LinearVae four;
  four.w = Matrix<double>(4, 4, 0.0);
  four.mu = {0, 0, 0, 0};
  EXPECT_THROW(quadrature(four.vae(), Matrix<float>(2, 4)), UsageError);
}

TEST_P(ElboTest, WithTheExactPosteriorIsTheLikelihood) {
  const LinearVae model = linear_vae(2, 0.1);
  const Vae vae = model.vae();
  const Matrix<float> x = draw(model.law(), emulated() ? 300 : 3000, 3);
  const Estimate bound = elbo(vae, x, 64);
  const Estimate truth = mean_of(exact(model.law(), x));
  // Only the draws of z make a difference: |e|^2 / 2 has a standard deviation near 1 a draw.
  EXPECT_NEAR(bound.value, truth.value, 5.0 * 1.5 / std::sqrt(static_cast<double>(x.rows()) * 64.0));
  EXPECT_NEAR(bound.standard_error, truth.standard_error, 0.1 * truth.standard_error);
}

// A posterior with variances c times the exact ones costs KL(q || exact posterior) = Z (c - 1 - log c) / 2.
TEST_P(ElboTest, FallsShortByThePosteriorsKl) {
  LinearVae model = linear_vae(2, 0.1);
  model.widen = 3.0;
  const Vae vae = model.vae();
  const Matrix<float> x = draw(model.law(), emulated() ? 300 : 2000, 3);
  const Estimate bound = elbo(vae, x, 64);
  const double gap = 2.0 - std::log(3.0);
  EXPECT_NEAR(bound.value, mean_of(exact(model.law(), x)).value - gap,
              5.0 * 3.0 / std::sqrt(static_cast<double>(x.rows()) * 64.0));
}

TEST_P(ImportanceWeightingTest, IsExactWithTheExactPosterior) {
  const LinearVae model = linear_vae(3, 0.1);
  const Vae vae = model.vae();
  const Matrix<float> x = draw(model.law(), 50, 3);
  LikelihoodOptions options;
  options.samples = 50;
  const Likelihood got = importance(vae, x, options);
  const auto expected = exact(model.law(), x);
  // All weights are equal but for single precision in z and f(z).
  for (std::size_t i = 0; i < x.rows(); ++i) EXPECT_NEAR(got.per_point[i], expected[i], 1e-4);
  EXPECT_LT(got.error, 1e-4);
}

TEST_P(ImportanceWeightingTest, ItsSpreadIsTheErrorItMakes) {
  LinearVae model = linear_vae(2, 0.1);
  model.widen = 2.0;
  const Vae vae = model.vae();
  const Matrix<float> x = draw(model.law(), emulated() ? 100 : 400, 3);
  LikelihoodOptions options;
  options.samples = 500;
  const Likelihood got = importance(vae, x, options);
  const auto expected = exact(model.law(), x);
  double squares = 0.0;
  for (std::size_t i = 0; i < x.rows(); ++i)
    squares += std::pow(got.per_point[i] - expected[i], 2) / x.rows();
  EXPECT_NEAR(std::sqrt(squares), got.error,
              0.25 * got.error);  // the scatter of 400 errors is known to 3.5 %, of 100 to 7 %
  EXPECT_EQ(got.latent_points, 500u);
}

TEST_P(LikelihoodTest, DoNotDependOnThreads) {
  const LinearVae model = linear_vae(2, 0.1);
  const Matrix<float> x = draw(model.law(), 100, 3);
  const auto three = open(3);
  LikelihoodOptions options;
  options.samples = 20;
  for (const LikelihoodMethod method :
       {LikelihoodMethod::quadrature, LikelihoodMethod::elbo, LikelihoodMethod::importance}) {
    options.method = method;
    EXPECT_EQ(backend().log_likelihood(model.vae(), 0, x, options).per_point,
              three->log_likelihood(model.vae(), 0, x, options).per_point);
  }
}

}  // namespace
}  // namespace gmmvae
