#include "gmmvae/mixture.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <numeric>

#include "gmmvae/error.hpp"
#include "tests/mixture/spec_of.hpp"

namespace gmmvae {
namespace {

using Values = std::vector<double>;

/// Three components in two dimensions with covariances of every kind and unequal weights.
Mixture three_in_the_plane() {
  return {{0.5, 0.3, 0.2},
          Matrix<double>(3, 2, Values{0, 0, 2, 1, -1, 3}),
          {Matrix<double>(2, 2, Values{1, 0, 0, 1}), Matrix<double>(2, 2, Values{0.5, 0.2, 0.2, 0.8}),
           Matrix<double>(2, 2, Values{2, -0.6, -0.6, 0.4})}};
}

Mixture two_on_the_line() {
  return {
      {1, 3}, Matrix<double>(2, 1, Values{-1, 2}), {Matrix<double>(1, 1, 0.25), Matrix<double>(1, 1, 2.0)}};
}

/// A density in two dimensions with the inverse and determinant written out, and no logarithm until the end.
double density_by_hand(const Mixture& mixture, double x, double y) {
  double sum = 0.0;
  for (std::size_t k = 0; k < mixture.components(); ++k) {
    const Matrix<double>& s = mixture.covariances()[k];
    const double determinant = s(0, 0) * s(1, 1) - s(0, 1) * s(0, 1);
    const double dx = x - mixture.means()(k, 0);
    const double dy = y - mixture.means()(k, 1);
    const double square = (s(1, 1) * dx * dx - 2 * s(0, 1) * dx * dy + s(0, 0) * dy * dy) / determinant;
    sum += mixture.weights()[k] * std::exp(-0.5 * square) / (2 * std::numbers::pi * std::sqrt(determinant));
  }
  return sum;
}

TEST(Mixture, DensityIsTheFormula) {
  const Mixture mixture = three_in_the_plane();
  for (const double x : {-3.0, 0.1, 1.7}) {
    for (const double y : {-2.0, 0.4, 2.9}) {
      EXPECT_NEAR(mixture.log_density(Values{x, y}), std::log(density_by_hand(mixture, x, y)), 1e-12);
    }
  }
}

// The trapezoidal rule on an analytic function that vanishes at both ends converges faster than any power: at
// a step of a fifth of the least deviation its error is far below rounding; the tails beyond 12 deviations
// hold 1e-32.
TEST(Mixture, DensityIntegratesToOne) {
  double line = 0.0;
  for (int i = 0; i < 4000; ++i)
    line += std::exp(two_on_the_line().log_density(Values{-20 + 0.01 * i})) * 0.01;
  EXPECT_NEAR(line, 1.0, 1e-12);

  const Mixture mixture = three_in_the_plane();
  constexpr double h = 0.1;
  double plane = 0.0;
  for (double x = -20; x < 20; x += h) {
    for (double y = -15; y < 15; y += h) plane += std::exp(mixture.log_density(Values{x, y})) * h * h;
  }
  EXPECT_NEAR(plane, 1.0, 1e-10);
}

TEST(Mixture, FarAwayStaysFinite) {
  const Mixture mixture = three_in_the_plane();
  EXPECT_TRUE(std::isfinite(mixture.log_density(Values{1e6, -1e6})));
  const auto responsibilities = mixture.responsibilities(Values{1e6, -1e6});
  EXPECT_NEAR(std::accumulate(responsibilities.begin(), responsibilities.end(), 0.0), 1.0, 1e-12);
}

TEST(Mixture, ResponsibilitiesAreBayesRule) {
  const Mixture mixture = three_in_the_plane();
  const Values x = {0.8, 1.1};
  const auto responsibilities = mixture.responsibilities(x);
  for (std::size_t k = 0; k < 3; ++k) {
    const double joint = mixture.weights()[k] * std::exp(mixture.component_log_density(k, x));
    EXPECT_NEAR(responsibilities[k], joint / density_by_hand(mixture, x[0], x[1]), 1e-13);
  }
}

// Central differences at h = 1e-5: h^2/6 times a third derivative of order 10, and 2^-53/h rounding, both
// below 1e-9.
TEST(Mixture, ScoreIsTheGradient) {
  const Mixture mixture = three_in_the_plane();
  constexpr double h = 1e-5;
  for (const Values& x : {Values{0.3, 0.2}, Values{1.1, 1.4}, Values{-2, 4}}) {
    const auto score = mixture.score(x);
    EXPECT_NEAR(
        score[0],
        (mixture.log_density(Values{x[0] + h, x[1]}) - mixture.log_density(Values{x[0] - h, x[1]})) / (2 * h),
        1e-8);
    EXPECT_NEAR(
        score[1],
        (mixture.log_density(Values{x[0], x[1] + h}) - mixture.log_density(Values{x[0], x[1] - h})) / (2 * h),
        1e-8);
  }
}

TEST(Mixture, WeightsAreNormalised) {
  EXPECT_EQ(two_on_the_line().weights(), (Values{0.25, 0.75}));
}

TEST(Mixture, RefusesWhatIsNoMixture) {
  const Matrix<double> mean(1, 2);
  const auto with = [&](const Matrix<double>& covariance) { return Mixture({1.0}, mean, {covariance}); };
  EXPECT_THROW(with(Matrix<double>(2, 2, Values{1, 2, 2, 1})), DataError);      // indefinite
  EXPECT_THROW(with(Matrix<double>(2, 2, Values{1, 0.5, 0.1, 1})), DataError);  // not symmetric
  EXPECT_THROW(with(Matrix<double>(3, 3, 1.0)), DataError);
  EXPECT_THROW(Mixture({0.0}, mean, {Matrix<double>(2, 2, Values{1, 0, 0, 1})}), DataError);
  EXPECT_THROW(Mixture({}, Matrix<double>(), {}), DataError);
}

// Sampled mean: standard error sqrt(C_ii / n). Sampled covariance: its variance is at most (E d_i^2 d_j^2) /
// n, and the fourth moments here are below 4 C_ii C_jj. Five standard errors.
TEST(SampleMixture, HasTheExactMoments) {
  const Mixture mixture = three_in_the_plane();
  constexpr std::size_t n = 100'000;
  const LabelledPoints drawn = sample_mixture(mixture, n, 11);
  const Values mean = mixture.mean();
  const Matrix<double> covariance = mixture.covariance();
  Values sample_mean(2);
  Matrix<double> sample_covariance(2, 2);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t a = 0; a < 2; ++a) {
      sample_mean[a] += drawn.points(i, a) / n;
      for (std::size_t b = 0; b < 2; ++b) {
        sample_covariance(a, b) += (drawn.points(i, a) - mean[a]) * (drawn.points(i, b) - mean[b]) / n;
      }
    }
  }
  for (std::size_t a = 0; a < 2; ++a) {
    EXPECT_NEAR(sample_mean[a], mean[a], 5 * std::sqrt(covariance(a, a) / n));
    for (std::size_t b = 0; b < 2; ++b) {
      EXPECT_NEAR(sample_covariance(a, b), covariance(a, b),
                  5 * std::sqrt(4 * covariance(a, a) * covariance(b, b) / n));
    }
  }
}

// The label counts are multinomial; the squared Mahalanobis distance to the own component is chi-square with
// D degrees: mean D, variance 2 D. Five standard errors.
TEST(SampleMixture, LabelsFollowTheWeightsAndPointsTheirComponent) {
  const Mixture mixture = three_in_the_plane();
  constexpr std::size_t n = 50'000;
  const LabelledPoints drawn = sample_mixture(mixture, n, 12);
  Values counts(3);
  Values distance(3);
  for (std::size_t i = 0; i < n; ++i) {
    const auto k = static_cast<std::size_t>(drawn.labels[i]);
    counts.at(k) += 1;
    distance[k] += mixture.squared_mahalanobis(k, drawn.points.row(i));
  }
  for (std::size_t k = 0; k < 3; ++k) {
    const double w = mixture.weights()[k];
    EXPECT_NEAR(counts[k], w * n, 5 * std::sqrt(n * w * (1 - w)));
    EXPECT_NEAR(distance[k] / counts[k], 2.0, 5 * std::sqrt(4.0 / counts[k]));
  }
}

TEST(SampleMixture, APointDependsOnItsIndexAlone) {
  const Mixture mixture = three_in_the_plane();
  const LabelledPoints few = sample_mixture(mixture, 10, 5);
  const LabelledPoints many = sample_mixture(mixture, 100, 5);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(few.labels[i], many.labels[i]);
    EXPECT_EQ(few.points(i, 0), many.points(i, 0));
    EXPECT_EQ(few.points(i, 1), many.points(i, 1));
  }
  EXPECT_NE(sample_mixture(mixture, 10, 5, 1).points, few.points);
}

// H of one Gaussian is 1/2 log det(2 pi e S); both bounds are exact for it.
TEST(Entropy, OfOneGaussianIsExact) {
  const Mixture one({1.0}, Matrix<double>(1, 2, Values{3, -1}),
                    {Matrix<double>(2, 2, Values{0.5, 0.2, 0.2, 0.8})});
  const double exact = std::log(2 * std::numbers::pi * std::numbers::e) + 0.5 * std::log(0.5 * 0.8 - 0.04);
  EXPECT_NEAR(one.entropy_lower_bound(), exact, 1e-13);
  EXPECT_NEAR(one.entropy_upper_bound(), exact, 1e-13);
  const Estimate estimate = one.entropy(20'000, 3);
  // -log p is half a chi-square with two degrees plus a constant: its standard deviation is 1
  EXPECT_NEAR(estimate.standard_error, 1 / std::sqrt(20'000.0), 0.05 / std::sqrt(20'000.0));
  EXPECT_NEAR(estimate.value, exact, 5 * estimate.standard_error);
}

TEST(Entropy, LiesBetweenTheBoundsAndMatchesQuadrature) {
  const Mixture mixture = two_on_the_line();
  double exact = 0.0;
  for (int i = 0; i < 4000; ++i) {
    const double log_density = mixture.log_density(Values{-20 + 0.01 * i});
    exact -= std::exp(log_density) * log_density * 0.01;
  }
  EXPECT_LT(mixture.entropy_lower_bound(), exact);
  EXPECT_GT(mixture.entropy_upper_bound(), exact);
  const Estimate estimate = mixture.entropy(100'000, 1);
  EXPECT_NEAR(estimate.value, exact, 5 * estimate.standard_error);

  const Mixture plane = three_in_the_plane();
  const Estimate sampled = plane.entropy(100'000, 2);
  EXPECT_LT(plane.entropy_lower_bound(), sampled.value);
  EXPECT_GT(plane.entropy_upper_bound(), sampled.value);
}

// With one covariance S the pairwise distances are d' S^-1 d / 2 (KL) and / 8 (Bhattacharyya): Kolchinsky &
// Tracey.
TEST(Entropy, BoundsOfEqualCovariancesAreTheirFormula) {
  const Mixture pair({0.4, 0.6}, Matrix<double>(2, 1, Values{0, 3}),
                     {Matrix<double>(1, 1, 2.0), Matrix<double>(1, 1, 2.0)});
  const auto bound = [](double distance) {
    const double own = 0.5 * std::log(2 * std::numbers::pi * std::numbers::e * 2);
    return own - 0.4 * std::log(0.4 + 0.6 * std::exp(-distance)) -
           0.6 * std::log(0.6 + 0.4 * std::exp(-distance));
  };
  EXPECT_NEAR(pair.entropy_upper_bound(), bound(9.0 / 2 / 2), 1e-13);
  EXPECT_NEAR(pair.entropy_lower_bound(), bound(9.0 / 2 / 8), 1e-13);
}

// The KL and Bhattacharyya distances of two Gaussians of different variance, by quadrature of their
// definitions.
TEST(Entropy, BoundsOfDifferentCovariancesMatchQuadrature) {
  const Mixture mixture = two_on_the_line();
  double kl01 = 0.0;
  double kl10 = 0.0;
  double overlap = 0.0;
  for (int i = 0; i < 6000; ++i) {
    const Values x = {-30 + 0.01 * i};
    const double p = mixture.component_log_density(0, x);
    const double q = mixture.component_log_density(1, x);
    kl01 += std::exp(p) * (p - q) * 0.01;
    kl10 += std::exp(q) * (q - p) * 0.01;
    overlap += std::exp(0.5 * (p + q)) * 0.01;
  }
  const auto entropy = [](double variance) {
    return 0.5 * std::log(2 * std::numbers::pi * std::numbers::e * variance);
  };
  const double own = 0.25 * entropy(0.25) + 0.75 * entropy(2.0);
  EXPECT_NEAR(
      mixture.entropy_upper_bound(),
      own - 0.25 * std::log(0.25 + 0.75 * std::exp(-kl01)) - 0.75 * std::log(0.75 + 0.25 * std::exp(-kl10)),
      1e-10);
  EXPECT_NEAR(mixture.entropy_lower_bound(),
              own - 0.25 * std::log(0.25 + 0.75 * overlap) - 0.75 * std::log(0.75 + 0.25 * overlap), 1e-10);
}

// Ten unit Gaussians far apart: log 10 + 3/2 log(2 pi e) = 6.5594 nats.
TEST(Entropy, OfSeparatedComponentsIsAClosedForm) {
  MixtureSpec spec = spec_of(Layout::grid, 10, 3);
  spec.spread = 100;
  const Mixture mixture = draw_mixture(spec, 1);
  const double exact = std::log(10.0) + 1.5 * std::log(2 * std::numbers::pi * std::numbers::e);
  EXPECT_NEAR(exact, 6.5594, 5e-5);
  EXPECT_NEAR(mixture.entropy_lower_bound(), exact, 1e-12);
  EXPECT_NEAR(mixture.entropy_upper_bound(), exact, 1e-12);
  const Estimate estimate = mixture.entropy(20'000, 1);
  EXPECT_NEAR(estimate.value, exact, 5 * estimate.standard_error);
}

}  // namespace
}  // namespace gmmvae
