#include <gtest/gtest.h>

#include <cmath>

#include "gmmvae/error.hpp"
#include "gmmvae/evaluation.hpp"
#include "gmmvae/random.hpp"
#include "tests/evaluation/mixtures.hpp"
#include "tests/support/backends.hpp"

namespace gmmvae {
namespace {

using test::draw;
using test::line_of_means;
using test::spherical;

class ModeCoverageTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(ModeCoverageTest);

// `counts[k]` points exactly on the mean of component k of a line of modes 100 apart, `far` points between.
Matrix<float> on_means(const std::vector<int>& counts, int far, std::size_t dim) {
  std::vector<float> values;
  const auto push = [&](double first) {
    values.push_back(static_cast<float>(first));
    values.insert(values.end(), dim - 1, 0.0f);
  };
  for (std::size_t k = 0; k < counts.size(); ++k)
    for (int i = 0; i < counts[k]; ++i) push(100.0 * k);
  for (int i = 0; i < far; ++i) push(50.0);
  const std::size_t rows = values.size() / dim;
  return Matrix<float>(rows, dim, std::move(values));
}

TEST_P(ModeCoverageTest, CountsWhatWasPlacedByHand) {
  const Mixture truth = spherical(line_of_means(4, 3, 100.0), 1.0, {0.1, 0.2, 0.3, 0.4});
  // 100 samples: mode 0 has 2 (exactly a fifth of its 10), mode 1 has 3 of 20 (below a fifth), mode 2 none.
  const ModeCoverage c = mode_coverage(backend(), on_means({2, 3, 0, 45}, 50, 3), truth);
  EXPECT_EQ(c.total, 4u);
  EXPECT_EQ(c.hit, 3u);
  EXPECT_EQ(c.captured, 2u);
  EXPECT_DOUBLE_EQ(c.high_quality, 0.5);
  EXPECT_DOUBLE_EQ(c.high_quality_error, 0.05);
  EXPECT_DOUBLE_EQ(c.bridge_mass, 0.5);
  EXPECT_DOUBLE_EQ(c.recall_mass, 0.02 + 0.03 + 0.4);
  EXPECT_EQ(c.mass, (std::vector<double>{0.02, 0.03, 0.0, 0.45}));
  // Shares of the high-quality samples: .04 .06 0 .9 against .1 .2 .3 .4.
  const double reverse = 0.04 * std::log(0.4) + 0.06 * std::log(0.3) + 0.9 * std::log(2.25);
  EXPECT_NEAR(c.reverse_kl.value(), reverse, 1e-14);
  EXPECT_NEAR(c.total_variation.value(), 0.5, 1e-15);
  EXPECT_FALSE(c.forward_kl.has_value());  // a mode without a share makes it infinite
  EXPECT_NEAR(*c.mean_error[3], 0.0, 1e-12);
  EXPECT_FALSE(c.mean_error[2].has_value());
  EXPECT_FALSE(c.covariance_error[0].has_value());  // two points have no covariance in three dimensions
}

TEST_P(ModeCoverageTest, ForwardKlOfUnevenShares) {
  const Mixture truth = spherical(line_of_means(2, 2, 100.0), 1.0);
  const ModeCoverage c = mode_coverage(backend(), on_means({30, 10}, 0, 2), truth);
  EXPECT_NEAR(*c.forward_kl, 0.5 * std::log(0.5 / 0.75) + 0.5 * std::log(0.5 / 0.25), 1e-14);
  const double js = 0.5 * (0.75 * std::log(0.75 / 0.625) + 0.25 * std::log(0.25 / 0.375)) +
                    0.5 * (0.5 * std::log(0.5 / 0.625) + 0.5 * std::log(0.5 / 0.375));
  EXPECT_NEAR(*c.jensen_shannon, js, 1e-14);
}

TEST_P(ModeCoverageTest, ReverseKlIsUndefinedWithoutHighQualitySamples) {
  const Mixture truth = spherical(line_of_means(3, 2, 100.0), 1.0);
  const ModeCoverage c = mode_coverage(backend(), on_means({0, 0, 0}, 10, 2), truth);
  EXPECT_EQ(c.hit, 0u);
  EXPECT_EQ(c.captured, 0u);
  EXPECT_FALSE(c.reverse_kl.has_value());
  EXPECT_FALSE(c.forward_kl.has_value());
  EXPECT_FALSE(c.total_variation.has_value());
  EXPECT_FALSE(c.jensen_shannon.has_value());
}

TEST_P(ModeCoverageTest, TheTruthReachesItsCeilingInEveryDimension) {
  for (std::size_t dim : {1, 2, 3, 10, 50}) {
    const Mixture truth = spherical(line_of_means(5, dim, 100.0), 0.7);
    const std::size_t n = 20000;
    const ModeCoverage c = mode_coverage(backend(), draw(truth, n, 7), truth);
    EXPECT_EQ(c.captured, 5u);
    // Five standard errors of a binomial fraction: fails by chance less than once in a million.
    EXPECT_NEAR(c.high_quality, c.high_quality_ceiling, 5.0 * std::sqrt(0.0111 / n)) << dim;
    EXPECT_LT(*c.reverse_kl,
              8.0 * *c.reverse_kl_floor);  // 2 N KL is chi-square with 4 degrees: P(> 32) = 2e-6
    for (std::size_t k = 0; k < 5; ++k) {
      const double nk = n / 5.0;
      // The squared norm of the mean error has mean D / n_k; three times the root is beyond any chance.
      EXPECT_LT(*c.mean_error[k], 3.0 * std::sqrt(dim / nk)) << dim;
      // Without the correction for the cut the bias alone would be near 0.08 in one dimension (4 errors
      // here).
      EXPECT_LT(*c.covariance_error[k], 3.0 * std::sqrt((dim + 1.0) / nk)) << dim;
    }
  }
}

// What the errors claim is how the figures scatter over samples: of shares that differ from the weights,
// where the delta method counts, and of equal ones, where it vanishes.
TEST_P(ModeCoverageTest, ErrorsAreTheScatterOverSamples) {
  const Mixture truth = spherical(line_of_means(4, 1, 100.0), 1.0, {0.1, 0.2, 0.3, 0.4});
  for (const std::vector<double>& weights : {std::vector<double>{0.4, 0.3, 0.2, 0.1}, truth.weights()}) {
    const Mixture other = spherical(line_of_means(4, 1, 100.0), 1.0, weights);
    const int trials = 60;
    std::vector<std::vector<double>> values(4), claimed(4);
    for (int t = 0; t < trials; ++t) {
      const ModeCoverage c = mode_coverage(backend(), draw(other, 500, 100 + t), truth);
      const double all[] = {*c.reverse_kl, *c.forward_kl, *c.jensen_shannon, c.recall_mass};
      const double errors[] = {*c.reverse_kl_error, *c.forward_kl_error, *c.jensen_shannon_error,
                               c.recall_mass_error};
      for (std::size_t f = 0; f < 4; ++f) values[f].push_back(all[f]), claimed[f].push_back(errors[f]);
    }
    for (std::size_t f = 0; f < 4; ++f) {
      double mean = 0.0, spread = 0.0, claim = 0.0;
      for (double v : values[f]) mean += v / trials;
      for (double v : values[f]) spread += (v - mean) * (v - mean) / (trials - 1);
      for (double v : claimed[f]) claim += v / trials;
      // 60 trials know a scatter to 9 %; the chi-square's tail and the kink of the minimum add to it.
      EXPECT_GT(claim / std::sqrt(spread), 0.6) << f;
      EXPECT_LT(claim / std::sqrt(spread), 2.5) << f;
    }
  }
}

TEST_P(ModeCoverageTest, FullCovariancesAreMeasuredInTheirOwnUnits) {
  Matrix<double> means(2, 2, {0.0, 0.0, 50.0, 0.0});
  const Matrix<double> covariance(2, 2, {4.0, 1.8, 1.8, 1.0});
  const Mixture truth({0.5, 0.5}, means, {covariance, covariance});
  // (2,1) is near the long axis: squared distance 4 by hand-inverted covariance; (2,-1) across it: 77.
  EXPECT_EQ(mode_coverage(backend(), Matrix<float>(1, 2, {2.0f, 1.0f}), truth).hit, 1u);
  EXPECT_EQ(mode_coverage(backend(), Matrix<float>(1, 2, {2.0f, -1.0f}), truth).hit, 0u);
  // Samples from components moved by one standard deviation along the first axis show just that.
  Matrix<double> moved(2, 2, {2.0, 0.9, 52.0, 0.9});  // L e_1 with L = chol(covariance)
  const Matrix<double> small(2, 2, {0.004, 0.0018, 0.0018, 0.001});
  const ModeCoverage c =
      mode_coverage(backend(), draw(Mixture({0.5, 0.5}, moved, {small, small}), 2000, 3), truth);
  EXPECT_NEAR(*c.mean_error[0], 1.0, 0.01);
}

TEST_P(ModeCoverageTest, TrapPureNoiseHitsEveryModeButCapturesNone) {
  const Mixture truth = draw_mixture({.components = 10, .dim = 3, .spread = 10.0}, 360);
  const RandomStream stream(1, Purpose::evaluation);
  Matrix<float> noise(10000, 3);
  for (std::size_t i = 0; i < noise.size(); ++i)
    noise.data()[i] = static_cast<float>(-25.0 + 50.0 * stream.uniform(i));
  const ModeCoverage c = mode_coverage(backend(), noise, truth);
  EXPECT_EQ(c.hit, 10u);
  EXPECT_LE(c.captured, 1u);
  EXPECT_LT(c.high_quality, 0.15);
}

TEST_P(ModeCoverageTest, TrapOneModeCanHaveFullQuality) {
  const Mixture truth =
      draw_mixture({.layout = Layout::grid, .components = 25, .dim = 2, .spread = 2.0, .sigma = 0.05}, 1);
  const ModeCoverage c =
      mode_coverage(backend(), Matrix<float>(2500, 2, 0.0f), truth);  // the data's mean is a mode
  EXPECT_DOUBLE_EQ(c.high_quality, 1.0);
  EXPECT_EQ(c.captured, 1u);
  EXPECT_NEAR(*c.reverse_kl, std::log(25.0), 1e-12);  // 3.22, as published for a collapsed model
}

TEST_P(ModeCoverageTest, BadInputIsNamed) {
  const Mixture truth = spherical(line_of_means(2, 3, 10.0), 1.0);
  EXPECT_THROW(mode_coverage(backend(), Matrix<float>(0, 3), truth), DataError);
  EXPECT_THROW(mode_coverage(backend(), Matrix<float>(5, 2), truth), DataError);
  EXPECT_EQ(mode_coverage(backend(), Matrix<float>(1, 3), truth).hit, 1u);
}

TEST(Verdict, FollowsTheActiveUnits) {
  EXPECT_EQ(judge({{1e-5, 2e-5}, {1e-5, 1e-6}, 0.002}).verdict, "collapsed");
  EXPECT_EQ(judge({{1.2, 2e-5}, {0.9, 1e-6}, 0.6}).verdict, "partly-collapsed");
  EXPECT_EQ(judge({{1.2, 1.1}, {0.9, 0.8}, 0.95}).verdict, "healthy");
  // A posterior that is wrong but the same for every x has KL and no information: collapsed all the same.
  EXPECT_EQ(judge({{0.7}, {0.0}, 0.5}).verdict, "collapsed");
  EXPECT_NE(judge({{0.02, 0.01}, {0.04, 0.02}, 0.01}).why.find("if only a little"), std::string::npos);
  EXPECT_EQ(judge({{1.2, 1.1}, {0.9, 0.8}, 0.95}).why.find("if only a little"), std::string::npos);
  const std::string why = judge({{1.2, 2e-5}, {0.9, 1e-6}, 0.6}).why;
  EXPECT_NE(why.find("1 of 2"), std::string::npos) << why;
  EXPECT_NE(why.find("60 %"), std::string::npos) << why;
  EXPECT_THROW(judge({{}, {}, 1.0}), UsageError);
  EXPECT_THROW(judge({{1.0}, {1.0, 2.0}, 1.0}), UsageError);
}

TEST(VarianceRatio, IsTheRatioOfTraces) {
  const Matrix<float> data(2, 2, {0.0f, 0.0f, 4.0f, 2.0f});     // variances 4 and 1
  const Matrix<float> samples(2, 2, {7.0f, 1.0f, 8.0f, 1.0f});  // variances 0.25 and 0
  EXPECT_DOUBLE_EQ(variance_ratio(samples, data), 0.05);
  EXPECT_DOUBLE_EQ(variance_ratio(data, Matrix<float>(3, 2, 5.0f)), 0.0);
  EXPECT_THROW(variance_ratio(Matrix<float>(0, 2), data), DataError);
}

}  // namespace
}  // namespace gmmvae
