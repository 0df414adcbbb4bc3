#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/objective.hpp"
#include "gmmvae/random.hpp"
#include "host/vae/names.hpp"

namespace gmmvae {
namespace {

constexpr double log_two_pi = 1.8378770664093453;

Objective fixed(double variance, double beta = 1.0) {
  Objective objective;
  objective.variance_kind = DecoderVarianceKind::fixed;
  objective.decoder_variance = variance;
  objective.beta = beta;
  return objective;
}

Objective learned(DecoderVarianceKind kind, double beta = 1.0) {
  Objective objective;
  objective.variance_kind = kind;
  objective.beta = beta;
  return objective;
}

/// Factor analysis often drives one column's variance to its floor; a floor that is not tiny keeps the valley
/// there wide enough for a plain minimiser.
Objective learned_columns(double beta) {
  Objective objective = learned(DecoderVarianceKind::learned_per_dim, beta);
  objective.variance_floor = 0.01;
  return objective;
}

Objective implied(ObjectiveKind kind) {
  Objective objective;
  objective.kind = kind;
  return objective;
}

Matrix<double> diagonal(const std::vector<double>& values) {
  Matrix<double> matrix(values.size(), values.size());
  for (std::size_t i = 0; i < values.size(); ++i) matrix(i, i) = values[i];
  return matrix;
}

/// A covariance A A' + 0.05 I with entries of A drawn from a stream.
Matrix<double> some_covariance(std::size_t dim, std::uint64_t seed) {
  const RandomStream stream(seed, Purpose::evaluation);
  Matrix<double> covariance(dim, dim);
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j < dim; ++j) {
      for (std::size_t k = 0; k < dim; ++k) {
        covariance(i, j) += 0.4 * stream.normal(i * dim + k) * stream.normal(j * dim + k);
      }
    }
    covariance(i, i) += 0.05;
  }
  return covariance;
}

/// The loss of a linear VAE y = W z, q(z|x) = N(V x, diag d), for data of mean 0 and covariance S: no
/// sampling, and nothing but the definitions of the squared error, the KL and the Gaussian density.
struct LinearVae {
  Objective objective;
  Matrix<double> covariance;
  std::size_t latent;

  [[nodiscard]] std::size_t dim() const { return covariance.rows(); }
  [[nodiscard]] std::size_t variances() const {
    if (!learns_decoder_variance(objective)) return 0;
    return objective.variance_kind == DecoderVarianceKind::learned ? 1 : dim();
  }
  [[nodiscard]] std::size_t parameters() const { return 2 * dim() * latent + latent + variances(); }

  /// p holds W [D,Z], V [Z,D], log d [Z], log variances.
  [[nodiscard]] double loss(const std::vector<double>& p) const {
    const double* w = p.data();
    const double* v = w + dim() * latent;
    const double* log_d = v + dim() * latent;
    const double* log_variance = log_d + latent;
    Matrix<double> residual(dim(), dim());  // I - W V
    for (std::size_t i = 0; i < dim(); ++i) {
      for (std::size_t j = 0; j < dim(); ++j) {
        residual(i, j) = i == j ? 1.0 : 0.0;
        for (std::size_t z = 0; z < latent; ++z) residual(i, j) -= w[i * latent + z] * v[z * dim() + j];
      }
    }
    double kl = 0.0;
    for (std::size_t z = 0; z < latent; ++z) {
      double second_moment = 0.0;
      for (std::size_t i = 0; i < dim(); ++i) {
        for (std::size_t j = 0; j < dim(); ++j)
          second_moment += v[z * dim() + i] * covariance(i, j) * v[z * dim() + j];
      }
      kl += 0.5 * (std::exp(log_d[z]) - log_d[z] + second_moment - 1.0);
    }
    double errors = 0.0;  // of all columns, weighted as the objective does
    for (std::size_t c = 0; c < dim(); ++c) {
      double error = 0.0;
      for (std::size_t i = 0; i < dim(); ++i) {
        for (std::size_t j = 0; j < dim(); ++j) error += residual(c, i) * covariance(i, j) * residual(c, j);
      }
      for (std::size_t z = 0; z < latent; ++z)
        error += w[c * latent + z] * w[c * latent + z] * std::exp(log_d[z]);
      errors += column_loss(error, log_variance, c);
    }
    const double kl_divisor = objective.kind == ObjectiveKind::course ? static_cast<double>(latent) : 1.0;
    return errors + objective.beta * kl / kl_divisor;
  }

 private:
  [[nodiscard]] double column_loss(double error, const double* log_variance, std::size_t c) const {
    if (objective.kind == ObjectiveKind::course) return error / static_cast<double>(dim());
    if (objective.kind == ObjectiveKind::half_sse) return 0.5 * error;
    double variance = objective.kind == ObjectiveKind::lab ? 0.1 : objective.decoder_variance;
    if (variances() == 1) variance = objective.variance_floor + std::exp(log_variance[0]);
    if (variances() > 1) variance = objective.variance_floor + std::exp(log_variance[c]);
    return 0.5 * (error / variance + log_two_pi + std::log(variance));
  }
};

/// Minimises by Adam on central differences, with a step that falls geometrically from 0.05 to 1e-6: what is
/// left is of the order of the last step squared and of the differences' rounding, below 1e-6 together.
double minimum(const LinearVae& vae) {
  const RandomStream stream(5, Purpose::initialization);
  std::vector<double> p(vae.parameters());
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = 0.3 * stream.normal(i);
  std::vector<double> m(p.size());
  std::vector<double> v(p.size());
  constexpr int steps = 12000;
  for (int t = 1; t <= steps; ++t) {
    const double rate = 0.05 * std::pow(2e-5, static_cast<double>(t) / steps);
    std::vector<double> gradient(p.size());
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double here = p[i];
      constexpr double h = 1e-5;
      p[i] = here + h;
      const double up = vae.loss(p);
      p[i] = here - h;
      gradient[i] = (up - vae.loss(p)) / (2 * h);
      p[i] = here;
    }
    for (std::size_t i = 0; i < p.size(); ++i) {
      m[i] = 0.9 * m[i] + 0.1 * gradient[i];
      v[i] = 0.99 * v[i] + 0.01 * gradient[i] * gradient[i];
      p[i] -= rate * (m[i] / (1 - std::pow(0.9, t))) / (std::sqrt(v[i] / (1 - std::pow(0.99, t))) + 1e-10);
    }
  }
  return vae.loss(p);
}

/// elbo-learned-per-dim-beta-2 and the like; a fixed variance is named with its value.
std::string describe(const Objective& objective) {
  std::string text = to_string(objective.kind);
  if (objective.kind == ObjectiveKind::elbo) text += "-" + to_string(objective.variance_kind);
  if (objective.kind == ObjectiveKind::elbo && objective.variance_kind == DecoderVarianceKind::fixed) {
    text += fmt::format("-{}", objective.decoder_variance);
  }
  return text + fmt::format("-beta-{}", objective.beta);
}

struct NamedObjective {
  Objective objective;
  NamedObjective(const Objective& value) : objective(value) {}  // NOLINT(google-explicit-constructor)
};
std::ostream& operator<<(std::ostream& out, const NamedObjective& named) {
  return out << describe(named.objective);
}

class LossFloor : public testing::TestWithParam<NamedObjective> {};

TEST_P(LossFloor, IsTheMinimumOfTheLinearVae) {
  const Objective& objective = GetParam().objective;
  for (const std::size_t latent : {1U, 2U}) {
    for (const std::uint64_t seed : {1U, 2U}) {
      const Matrix<double> covariance = some_covariance(3, seed);
      const Prediction prediction = predict(objective, covariance, latent, 0.0);
      EXPECT_NEAR(prediction.loss_floor, minimum({objective, covariance, latent}), 2e-5)
          << "latent " << latent << ", seed " << seed;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Objectives, LossFloor,
                         testing::Values(implied(ObjectiveKind::course), implied(ObjectiveKind::lab),
                                         implied(ObjectiveKind::half_sse), fixed(0.2), fixed(0.1, 3.0),
                                         learned(DecoderVarianceKind::learned),
                                         learned(DecoderVarianceKind::learned, 0.5),
                                         learned(DecoderVarianceKind::learned, 2.0), learned_columns(1.0),
                                         learned_columns(2.0)),
                         [](const auto& run) {
                           std::string name = describe(run.param.objective);
                           std::replace_if(
                               name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
                           return name;
                         });

// Tipping & Bishop's maximum likelihood: -1/2 [D log 2 pi + sum_{i<=q} log lambda_i + (D-q) log s2 + D]. The
// formulas agree to rounding of sums of a dozen terms of order 10: 1e-12.
TEST(Predict, LearnedVarianceIsProbabilisticPca) {
  const std::vector<double> lambda = {4.0, 2.0, 0.5, 0.25, 0.1};
  const double s2 = (0.5 + 0.25 + 0.1) / 3;
  const Prediction prediction = predict(learned(DecoderVarianceKind::learned), diagonal(lambda), 2, 0.7);
  EXPECT_NEAR(prediction.learned_variance, s2, 1e-14);
  const double log_likelihood =
      -0.5 * (5 * log_two_pi + std::log(4.0) + std::log(2.0) + 3 * std::log(s2) + 5);
  EXPECT_NEAR(prediction.elbo, log_likelihood - 0.7, 1e-12);
  EXPECT_NEAR(prediction.loss_floor, -prediction.elbo, 1e-12);
  EXPECT_EQ(prediction.active, 2U);
  EXPECT_NEAR(prediction.kl_per_dimension.at(1), 0.5 * std::log(2.0 / s2), 1e-14);
  EXPECT_EQ(prediction.verdict, "healthy");
}

// (1/D)(a s2 + rest) + (1/Z) sum 1/2
// log(lambda/s2).
TEST(Predict, CourseLossHasItsClosedForm) {
  const Prediction prediction = predict(implied(ObjectiveKind::course), diagonal({2.5, 0.3, 0.2}), 2, 0.0);
  EXPECT_DOUBLE_EQ(prediction.effective_variance, 0.75);
  EXPECT_EQ(prediction.active, 1U);
  EXPECT_EQ(prediction.verdict, "partly-collapsed");
  EXPECT_NEAR(prediction.loss_floor, (0.75 + 0.5) / 3 + 0.5 * 0.5 * std::log(2.5 / 0.75), 1e-14);
  EXPECT_NEAR(prediction.collapsed_loss, 3.0 / 3, 1e-14);
}

// Min-max data of the course: eigenvalues about 0.1, 0.75 needed. The plateau is the mean variance of the
// columns.
TEST(Predict, TheCourseExperimentCollapses) {
  const Prediction prediction =
      predict(implied(ObjectiveKind::course), diagonal({0.103, 0.04, 0.012}), 2, -9.0);
  EXPECT_EQ(prediction.verdict, "collapsed");
  EXPECT_EQ(prediction.active, 0U);
  EXPECT_NEAR(prediction.loss_floor, 0.155 / 3, 1e-14);
  EXPECT_DOUBLE_EQ(prediction.loss_floor, prediction.collapsed_loss);
  EXPECT_NE(prediction.why.find("0.75"), std::string::npos) << prediction.why;
  EXPECT_NE(prediction.why.find("0.103"), std::string::npos) << prediction.why;
}

TEST(Predict, CollapseBeginsAtTheLargestEigenvalue) {
  const Matrix<double> covariance = diagonal({1.4, 0.9, 0.3});
  EXPECT_EQ(predict(fixed(1.4 * 1.0001), covariance, 2, 0.0).active, 0U);
  EXPECT_EQ(predict(fixed(1.4 * 0.9999), covariance, 2, 0.0).active, 1U);
  EXPECT_EQ(predict(fixed(0.7 * 1.0001, 2.0), covariance, 2, 0.0).active, 0U);
  EXPECT_EQ(predict(fixed(0.7 * 0.9999, 2.0), covariance, 2, 0.0).active, 1U);
}

// Without structure the best shared variance is the columns' own: W = 0 is the maximum likelihood of pPCA.
TEST(Predict, IsotropicDataGiveALinearDecoderNothing) {
  const Prediction prediction = predict(learned(DecoderVarianceKind::learned), diagonal({1.0, 1.0}), 1, 0.0);
  EXPECT_EQ(prediction.verdict, "collapsed");
  EXPECT_DOUBLE_EQ(prediction.learned_variance, 1.0);
  EXPECT_NE(prediction.why.find("nonlinear"), std::string::npos) << prediction.why;
}

// With as many latent dimensions as columns the density is exact at every small variance: training stays
// where it starts, and the ELBO is the entropy of the Gaussian with its sign turned, -1/2 log det(2 pi e S).
TEST(Predict, EnoughLatentDimensionsGiveTheGaussianExactly) {
  const Prediction prediction = predict(learned(DecoderVarianceKind::learned), diagonal({2.0, 0.5}), 4, 0.0);
  EXPECT_DOUBLE_EQ(prediction.learned_variance, Objective{}.decoder_variance);
  EXPECT_NEAR(prediction.elbo, -0.5 * (2 * log_two_pi + 2 + std::log(2.0) + std::log(0.5)), 1e-12);
  EXPECT_EQ(prediction.kl_per_dimension.size(), 4U);
  EXPECT_EQ(prediction.active, 2U);
  EXPECT_EQ(prediction.verdict, "healthy");
}

TEST(Predict, ALearnedVarianceStopsAtItsFloor) {
  Objective objective = learned(DecoderVarianceKind::learned, 0.5);
  objective.variance_floor = 0.003;
  EXPECT_DOUBLE_EQ(predict(objective, diagonal({2.0, 0.5}), 2, 0.0).learned_variance, 0.003);
}

// One factor and three columns: S = w w' + Psi is identified, so factor analysis must find exactly these.
TEST(Predict, ColumnVariancesAreThoseOfFactorAnalysis) {
  const std::vector<double> w = {0.9, 0.8, 0.7};
  const std::vector<double> psi = {0.2, 0.4, 0.6};
  Matrix<double> covariance = diagonal(psi);
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 3; ++j) covariance(i, j) += w[i] * w[j];
  }
  const Prediction prediction = predict(learned(DecoderVarianceKind::learned_per_dim), covariance, 1, 0.0);
  EXPECT_NEAR(prediction.learned_variance, 0.4, 1e-8);
  double signal = 0.0;
  for (std::size_t i = 0; i < 3; ++i) signal += w[i] * w[i] / psi[i];
  const double log_determinant = std::log(0.2 * 0.4 * 0.6) + std::log1p(signal);
  EXPECT_NEAR(prediction.elbo, -0.5 * (3 * log_two_pi + log_determinant + 3), 1e-8);
  EXPECT_NEAR(prediction.kl_per_dimension.at(0), 0.5 * std::log1p(signal), 1e-8);
}

// Without a price for the KL the best linear model is principal components: what is left is the variance
// beyond the first Z, 0.3, and a decoder variance that is learned is that much over the columns.
TEST(Predict, WithoutAPriceNothingCollapses) {
  for (const bool learns : {false, true}) {
    const Prediction p = predict(learns ? learned(DecoderVarianceKind::learned, 0.0) : fixed(0.5, 0.0),
                                 diagonal({2.0, 1.0, 0.3}), 2, 0.0);
    const double variance = learns ? 0.1 : 0.5;
    EXPECT_EQ(p.verdict, "healthy");
    EXPECT_NE(p.why.find("beta is 0"), std::string::npos);
    EXPECT_EQ(p.active, 2U);
    EXPECT_EQ(p.effective_variance, 0.0);
    // to the price of 1e-9 that stands for none, times nats
    EXPECT_NEAR(p.loss_floor, 0.3 / (2 * variance) + 1.5 * (log_two_pi + std::log(variance)), 1e-7);
    EXPECT_TRUE(std::isinf(p.kl_per_dimension.at(1)));
    EXPECT_TRUE(std::isinf(p.elbo) && p.elbo < 0.0);
    EXPECT_NEAR(p.learned_variance, learns ? 0.1 : 0.0, 1e-8);
  }
  EXPECT_EQ(predict(learned_columns(0.0), some_covariance(4, 1), 2, 0.0).active, 2U);
  EXPECT_EQ(predict(fixed(0.5, 0.0), diagonal({0.0, 0.0}), 1, 0.0).verdict, "collapsed");
}

TEST(Predict, ConstantDataCollapse) {
  EXPECT_EQ(predict(implied(ObjectiveKind::course), diagonal({0.0, 0.0}), 1, 0.0).verdict, "collapsed");
  EXPECT_EQ(predict(learned(DecoderVarianceKind::learned), diagonal({0.0, 0.0}), 1, 0.0).verdict,
            "collapsed");
}

TEST(Predict, RefusesWhatHasNoAnswer) {
  EXPECT_THROW(predict(fixed(1.0), diagonal({1.0}), 0, 0.0), UsageError);
  EXPECT_THROW(predict(fixed(1.0, -1.0), diagonal({1.0}), 1, 0.0), UsageError);
  EXPECT_THROW(predict(fixed(0.0), diagonal({1.0}), 1, 0.0), UsageError);
  EXPECT_THROW(predict(fixed(1.0), Matrix<double>(2, 3), 1, 0.0), UsageError);
}

}  // namespace
}  // namespace gmmvae
