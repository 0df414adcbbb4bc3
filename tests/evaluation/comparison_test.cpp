// What backends measure for an evaluation, against brute force in double precision, at sizes that fit no
// tile.
#include "gmmvae/comparison.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "tests/evaluation/mixtures.hpp"
#include "tests/support/backends.hpp"

namespace gmmvae {
namespace {

class ComparisonTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(ComparisonTest);

Matrix<float> normal_points(std::size_t count, std::size_t dim, std::uint32_t number) {
  const RandomStream stream(11, Purpose::evaluation, number);
  Matrix<float> x(count, dim);
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(stream.normal(i));
  return x;
}

double squared(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += (double{a[d]} - b[d]) * (double{a[d]} - b[d]);
  return sum;
}

constexpr double kBase = 3.0;

double four_kernels(double squared_distance) {
  double sum = 0.0;
  for (const double scale : {1.0, 0.25, 0.0625, 0.015625})
    sum += 0.25 * std::exp(-squared_distance / (2.0 * kBase * scale));
  return sum;
}

/// Sums over pairs are formed in single precision for up to 256 of them, of terms with a relative error of a
/// few 2^-24 (the smallest kernel's: 64 times that of the exponent), then in double.
constexpr double kSum = 256 * 0x1p-24;

void expect_sums_of(const PointSums& got, const Matrix<float>& own, const Matrix<float>& other, std::size_t k,
                    const std::vector<float>& other_radii) {
  ASSERT_EQ(got.rows, own.rows());
  for (std::size_t i = 0; i < own.rows(); ++i) {
    std::vector<double> within, across;
    double kernels_own = 0.0, kernels_other = 0.0, distances_own = 0.0, distances_other = 0.0;
    for (std::size_t j = 0; j < own.rows(); ++j) {
      within.push_back(squared(own.row(i), own.row(j)));
      kernels_own += four_kernels(within.back());
      distances_own += std::sqrt(within.back());
    }
    std::size_t surely_inside = 0, perhaps_inside = 0;
    for (std::size_t j = 0; j < other.rows(); ++j) {
      across.push_back(squared(own.row(i), other.row(j)));
      kernels_other += four_kernels(across.back());
      distances_other += std::sqrt(across.back());
      if (k > 0) {
        surely_inside += across.back() < other_radii[j] * (1.0 - 0x1p-20) ? 1 : 0;
        perhaps_inside += across.back() <= other_radii[j] * (1.0 + 0x1p-20) ? 1 : 0;
      }
    }
    EXPECT_NEAR(got.kernels_own[i], kernels_own, kSum * kernels_own + 1e-6);
    EXPECT_NEAR(got.kernels_other[i], kernels_other, kSum * kernels_other + 1e-6);
    EXPECT_NEAR(got.distances_own[i], distances_own, kSum * distances_own);
    EXPECT_NEAR(got.distances_other[i], distances_other, kSum * distances_other);
    if (k == 0) continue;
    std::sort(within.begin(), within.end());
    EXPECT_NEAR(got.radius2[i], within[k], within[k] * 0x1p-20);  // position 0 is the point itself
    const double nearest = *std::min_element(across.begin(), across.end());
    EXPECT_NEAR(got.nearest2[i], nearest, nearest * 0x1p-20);
    EXPECT_GE(got.inside[i], surely_inside);
    EXPECT_LE(got.inside[i], perhaps_inside);
  }
}

TEST_P(ComparisonTest, MatchesBruteForceAtSizesThatFitNoTile) {
  struct Case {
    std::size_t rows, others, dim, neighbors;
  };
  for (const Case& c : {Case{1, 3, 2, 0}, Case{3, 31, 1, 2}, Case{31, 33, 3, 5}, Case{65, 200, 5, 5},
                        Case{200, 129, 17, 15}, Case{33, 65, 4, 1}, Case{1100, 40, 3, 5}}) {
    SCOPED_TRACE(testing::Message() << c.rows << " against " << c.others << " in " << c.dim);
    const Matrix<float> x = normal_points(c.rows, c.dim, 1), y = normal_points(c.others, c.dim, 2);
    ComparisonOptions options;
    options.neighbors = c.neighbors;
    options.kernel_base = kBase;
    options.distances = true;
    const SampleComparison got = backend().compare_samples(x, y, options);
    expect_sums_of(got.x, x, y, c.neighbors, got.y.radius2);
    expect_sums_of(got.y, y, x, c.neighbors, got.x.radius2);
    EXPECT_TRUE(got.squared_w2.empty());
  }
}

TEST_P(ComparisonTest, GivesWhatWasAskedForAndRefusesWhatCannotBe) {
  const Matrix<float> x = normal_points(20, 2, 1), y = normal_points(6, 2, 2);
  ComparisonOptions options;
  options.kernel_base = 1.0;
  options.kernels_of_x_alone = true;
  const SampleComparison got = backend().compare_samples(x, y, options);
  EXPECT_EQ(got.x.kernels_own.size(), 20u);
  for (const auto* absent : {&got.x.kernels_other, &got.y.kernels_own, &got.x.distances_own})
    EXPECT_TRUE(absent->empty());
  EXPECT_TRUE(got.x.inside.empty());
  options.neighbors = 6;  // y has only five others
  EXPECT_THROW(backend().compare_samples(x, y, options), UsageError);
  EXPECT_THROW(backend().compare_samples(x, normal_points(6, 3, 2), {}), DataError);
  EXPECT_THROW(backend().compare_samples(Matrix<float>(0, 2), y, {}), DataError);
}

TEST_P(ComparisonTest, ProjectionsAreComparedBySorting) {
  const Matrix<float> x = normal_points(33, 1, 1), y = normal_points(65, 1, 2);
  ComparisonOptions options;
  options.directions = 3;
  const SampleComparison got = backend().compare_samples(x, y, options);
  // In one dimension every direction is 1 or -1. Each point of x 65 times and of y 33 times: equal counts.
  std::vector<float> a = x.values(), b = y.values();
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double sum = 0.0;
  for (std::size_t i = 0; i < 33 * 65; ++i) sum += std::pow(double{a[i / 65]} - b[i / 33], 2);
  ASSERT_EQ(got.squared_w2.size(), 3u);
  for (const double value : got.squared_w2) EXPECT_NEAR(value, sum / (33 * 65), 1e-12);
}

TEST_P(ComparisonTest, ScoresPointsInAMixture) {
  for (const std::size_t dim : {1, 2, 3, 4, 7}) {
    for (const CovarianceKind kind : {CovarianceKind::spherical, CovarianceKind::full}) {
      const Mixture mixture = draw_mixture(
          {.components = 5, .dim = dim, .spread = 3.0, .covariance = kind, .weights = "dirichlet:2"}, 4);
      Matrix<float> x = test::draw(mixture, 131, 9);
      for (std::size_t d = 0; d < dim; ++d) x(0, d) = 1e4f;  // where every density is 0 in double
      const MixtureScores got = backend().score_mixture(mixture, x);
      ASSERT_EQ(got.log_density.size(), x.rows());
      for (std::size_t i = 0; i < x.rows(); ++i) {
        const std::vector<double> point(x.row(i).begin(), x.row(i).end());
        const double expected = mixture.log_density(point);
        EXPECT_NEAR(got.log_density[i], expected, 1e-12 * (1.0 + std::abs(expected)));
        std::vector<double> distances;
        for (std::size_t k = 0; k < 5; ++k) distances.push_back(mixture.squared_mahalanobis(k, point));
        const auto least = std::min_element(distances.begin(), distances.end());
        EXPECT_EQ(got.nearest[i], least - distances.begin());
        EXPECT_NEAR(got.squared_distance[i], *least, 1e-12 * (1.0 + *least));
      }
    }
  }
  EXPECT_THROW(
      backend().score_mixture(test::spherical(Matrix<double>(1, 2, 0.0), 1.0), normal_points(3, 3, 1)),
      DataError);
}

TEST_P(ComparisonTest, ThePosteriorsMeanIsAMixture) {
  for (const std::size_t latent : {1, 2, 3, 6, 17}) {
    Posterior posterior{normal_points(67, latent, 1), Matrix<float>(67, latent)};
    const RandomStream stream(5, Purpose::evaluation);
    for (std::size_t i = 0; i < posterior.variance.size(); ++i)
      posterior.variance.data()[i] = static_cast<float>(0.1 + stream.uniform(i));
    const Matrix<float> z = normal_points(33, latent, 2);
    const std::vector<double> got = backend().log_aggregate(posterior, z);
    for (std::size_t i = 0; i < z.rows(); ++i) {
      double density = 0.0;
      for (std::size_t j = 0; j < 67; ++j) {
        double log_density = 0.0;
        for (std::size_t d = 0; d < latent; ++d) {
          const double v = posterior.variance(j, d), difference = double{z(i, d)} - posterior.mean(j, d);
          log_density -= 0.5 * (difference * difference / v + std::log(2.0 * M_PI * v));
        }
        density += std::exp(log_density) / 67.0;
      }
      // Terms in single precision: a few 2^-24 of the exponents, which are below 100 here.
      EXPECT_NEAR(got[i], std::log(density), 5e-5) << latent;
    }
  }
}

TEST_P(ComparisonTest, SumsDistancesByGroup) {
  const Matrix<float> y = normal_points(35, 3, 1), x = normal_points(150, 3, 2);
  const std::vector<std::size_t> offsets = {0, 70, 70, 71, 150};  // one group has no points, one has one
  const Matrix<double> got = backend().distances_to_groups(y, x, offsets);
  for (std::size_t i = 0; i < y.rows(); ++i)
    for (std::size_t g = 0; g < 4; ++g) {
      double sum = 0.0;
      for (std::size_t j = offsets[g]; j < offsets[g + 1]; ++j) sum += std::sqrt(squared(y.row(i), x.row(j)));
      EXPECT_NEAR(got(i, g), sum, kSum * sum);
    }
}

}  // namespace
}  // namespace gmmvae
