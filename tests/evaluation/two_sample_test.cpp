#include "host/evaluation/two_sample.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/evaluation/pairwise.hpp"
#include "tests/evaluation/mixtures.hpp"
#include "tests/support/backends.hpp"

namespace gmmvae {
namespace {

using test::draw;
using test::line_of_means;
using test::spherical;

class TwoSampleTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(TwoSampleTest);
class MmdTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(MmdTest);
class EnergyDistanceTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(EnergyDistanceTest);
class SlicedWassersteinTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(SlicedWassersteinTest);

Matrix<float> normal_points(std::size_t count, std::size_t dim, std::uint64_t seed, double shift = 0.0,
                            double scale = 1.0) {
  const RandomStream stream(seed, Purpose::evaluation, 77);
  Matrix<float> x(count, dim);
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(scale * stream.normal(i));
  for (std::size_t i = 0; i < count; ++i) x(i, 0) += static_cast<float>(shift);
  return x;
}

Matrix<float> from_json(const nlohmann::json& values, std::size_t dim) {
  const auto flat = values.get<std::vector<float>>();
  return Matrix<float>(flat.size() / dim, dim, flat);
}

TEST_P(TwoSampleTest, MatchesTheFrozenReference) {
  const auto cases =
      nlohmann::json::parse(std::ifstream(GMMVAE_TEST_DATA "/evaluation/two_sample_reference.json"));
  for (const auto& c : cases) {
    const std::size_t dim = c["dim"];
    const Matrix<float> real = from_json(c["real"], dim), generated = from_json(c["generated"], dim);
    const NeighborMetrics n = neighbor_metrics(backend(), real, generated, c["k"]);
    // Counts over counts: equal but for the last bit.
    EXPECT_NEAR(n.precision.value, c["precision"], 1e-15);
    EXPECT_NEAR(n.recall.value, c["recall"], 1e-15);
    EXPECT_NEAR(n.density.value, c["density"], 1e-14);
    EXPECT_NEAR(n.coverage.value, c["coverage"], 1e-15);
    // Single-precision sums of at most 61 terms below 1 (kernels) or 10 (distances): 61 * 2^-24 each at the
    // worst.
    EXPECT_NEAR(mmd2(backend(), real, generated, c["base"]).value, c["mmd2"], 4e-6);
    EXPECT_NEAR(energy_distance(backend(), real, generated).distance.value, c["energy"], 4e-5);
    // Single-precision costs: 2^-24 relative in each, and the sum of roots' derivative is below 1.
    if (c.contains("wasserstein")) {
      EXPECT_NEAR(wasserstein(real, generated), c["wasserstein"], 1e-6);
    }
  }
  EXPECT_EQ(cases.size(), 4u);
}

TEST_P(TwoSampleTest, EqualLawsGiveTheExpectedDensityAndCoverage) {
  const std::size_t n = 3000, m = 2000;
  const NeighborMetrics metrics =
      neighbor_metrics(backend(), normal_points(n, 3, 1), normal_points(m, 3, 2), 5);
  // Over seeds the density scatters by about 0.02 and coverage by 0.004: five of each.
  EXPECT_NEAR(metrics.density.value, 1.0, 0.1);
  EXPECT_NEAR(metrics.coverage.value, expected_coverage(n, m, 5), 0.02);
  // M = N large: 1 - 2^-k, from the published formula.
  EXPECT_NEAR(expected_coverage(1000000, 1000000, 5), 0.96875, 1e-5);
  EXPECT_NEAR(expected_coverage(1000, 1000, 5), 0.96898, 1e-5);
  EXPECT_NEAR(expected_coverage(6, 1, 5), 1.0 - 5.0 / 6 * 4.0 / 5 * 3.0 / 4 * 2.0 / 3 * 1.0 / 2, 1e-15);
}

TEST_P(TwoSampleTest, TrapDuplicatesAndConstantColumns) {
  // Every real point many times over: the balls have radius 0 and only exact copies are inside.
  Matrix<float> real(40, 2, 3.0f), same(20, 2, 3.0f), other(20, 2, 4.0f);
  const NeighborMetrics hit = neighbor_metrics(backend(), real, same, 5);
  EXPECT_DOUBLE_EQ(hit.precision.value, 1.0);
  EXPECT_DOUBLE_EQ(hit.recall.value, 1.0);
  EXPECT_DOUBLE_EQ(hit.coverage.value, 1.0);
  EXPECT_DOUBLE_EQ(hit.density.value, 8.0);  // all 40 balls hold it, over k = 5
  const NeighborMetrics miss = neighbor_metrics(backend(), real, other, 5);
  EXPECT_DOUBLE_EQ(miss.precision.value, 0.0);
  EXPECT_DOUBLE_EQ(miss.coverage.value, 0.0);
  EXPECT_DOUBLE_EQ(energy_distance(backend(), real, same).distance.value, 0.0);
  EXPECT_NEAR(energy_distance(backend(), real, other).distance.value, 2.0 * std::sqrt(2.0), 1e-6);
  EXPECT_THROW(mmd2(backend(), real, same, 0.0), DataError);
}

TEST_P(TwoSampleTest, TrapTooFewPoints) {
  const Matrix<float> five = normal_points(5, 2, 1), many = normal_points(20, 2, 2),
                      one = normal_points(1, 2, 3);
  EXPECT_THROW(neighbor_metrics(backend(), many, five, 5), DataError);
  EXPECT_THROW(neighbor_metrics(backend(), five, many, 5), DataError);
  EXPECT_THROW(mmd2(backend(), one, many, 1.0), DataError);
  EXPECT_THROW(wasserstein(one, many), DataError);
  EXPECT_THROW(sliced_wasserstein(backend(), Matrix<float>(0, 2), many, 10, 1), DataError);
  EXPECT_GE(energy_distance(backend(), one, many).distance.value, 0.0);
}

// A shift by s: MMD^2 of N(0,1) against N(s,1) is 2 (v - c) with v = l / sqrt(l^2 + 2), c = v exp(-s^2 / (2
// (l^2 + 2))).
TEST_P(MmdTest, MatchesTheClosedFormOfTwoGaussians) {
  const double base = 4.0, shift = 0.8;
  double expected = 0.0;
  for (double scale : {1.0, 0.25, 0.0625, 0.015625}) {
    const double l2 = base * scale;
    expected +=
        0.25 * 2.0 * std::sqrt(l2 / (l2 + 2.0)) * (1.0 - std::exp(-shift * shift / (2.0 * (l2 + 2.0))));
  }
  const Matrix<float> x = normal_points(emulated() ? 1000 : 4000, 1, 5, shift);
  const Mixture truth = spherical(Matrix<double>(1, 1, 0.0), 1.0);
  const Estimate one_sided = mmd2(backend(), x, truth, base);
  EXPECT_NEAR(one_sided.value, expected, 5.0 * one_sided.standard_error);
  EXPECT_LT(one_sided.standard_error, (emulated() ? 0.2 : 0.1) * expected);
  const Estimate two_sided = mmd2(backend(), x, normal_points(emulated() ? 1200 : 5000, 1, 6), base);
  EXPECT_NEAR(two_sided.value, expected, 5.0 * two_sided.standard_error);
}

TEST_P(MmdTest, IsUnbiasedAtZeroWithAnHonestError) {
  const Mixture truth(
      {0.3, 0.7}, Matrix<double>(2, 2, {0.0, 0.0, 3.0, 1.0}),
      {Matrix<double>(2, 2, {1.0, 0.3, 0.3, 0.5}), Matrix<double>(2, 2, {0.2, 0.0, 0.0, 2.0})});
  double sum = 0.0, squares = 0.0, claimed = 0.0;
  const int trials = 40;
  for (int t = 0; t < trials; ++t) {
    const Estimate e = mmd2(backend(), draw(truth, 400, 1000 + t), truth, 4.0);
    sum += e.value, squares += e.value * e.value, claimed += e.standard_error / trials;
  }
  const double spread = std::sqrt(squares / trials);
  EXPECT_LT(std::abs(sum / trials), 4.0 * spread / std::sqrt(trials));
  EXPECT_LT(spread, 1.5 * claimed);  // the claimed error may be generous under equal laws, never too small
  EXPECT_GT(spread, claimed / 10.0);
}

TEST_P(EnergyDistanceTest, MatchesItsMeanForEqualLawsAndTheClosedFormForAShift) {
  const std::size_t n = 2000;
  const EnergyDistance same = energy_distance(backend(), normal_points(n, 1, 1), normal_points(n, 1, 2));
  // E|Y-Y'| = 2 / sqrt(pi) for N(0,1).
  EXPECT_NEAR(same.expected, 2.0 / n * 2.0 / std::sqrt(M_PI), 0.05 * same.expected);
  EXPECT_LT(same.distance.value, 8.0 * same.expected);
  // N(0,1) against N(s,1): E|X-Y| = 2/sqrt(pi) exp(-s^2/4) + s erf(s/2).
  const double s = 1.5;
  const double expected =
      2.0 * (2.0 / std::sqrt(M_PI) * std::exp(-s * s / 4.0) + s * std::erf(s / 2.0)) - 4.0 / std::sqrt(M_PI);
  const EnergyDistance shifted =
      energy_distance(backend(), normal_points(n, 1, 1, s), normal_points(n, 1, 2));
  EXPECT_NEAR(shifted.distance.value, expected, 5.0 * shifted.distance.standard_error + same.expected);
  EXPECT_LT(shifted.distance.standard_error, 0.1 * expected);
}

TEST_P(SlicedWassersteinTest, OfAShiftIsTheMeanProjectedShift) {
  // Shifting every point by s along an axis moves each projection by s cos(angle): the mean square is s^2 /
  // D.
  const Matrix<float> x = normal_points(500, 3, 4);
  Matrix<float> y = x;
  for (std::size_t i = 0; i < y.rows(); ++i) y(i, 0) += 2.0f;
  const Estimate d = sliced_wasserstein(backend(), x, y, 2000, 9);
  EXPECT_NEAR(d.value, 2.0 / std::sqrt(3.0), 5.0 * d.standard_error);
  EXPECT_LT(d.standard_error, 0.02);
  EXPECT_NEAR(sliced_wasserstein(backend(), x, x, 10, 9).value, 0.0, 1e-12);
}

TEST_P(SlicedWassersteinTest, UnequalCountsAgreeWithRepeatedPoints) {
  const Matrix<float> x = normal_points(7, 2, 1), y = normal_points(5, 2, 2);
  // Each point of x five times and of y seven times: the same laws with 35 points each.
  const auto repeat = [](const Matrix<float>& m, std::size_t times) {
    Matrix<float> out(m.rows() * times, m.cols());
    for (std::size_t i = 0; i < out.rows(); ++i)
      for (std::size_t d = 0; d < m.cols(); ++d) out(i, d) = m(i / times, d);
    return out;
  };
  EXPECT_NEAR(sliced_wasserstein(backend(), x, y, 20, 3).value,
              sliced_wasserstein(backend(), repeat(x, 5), repeat(y, 7), 20, 3).value, 1e-12);
}

TEST(Wasserstein, MatchesEveryPermutationTried) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const std::size_t n = 1 + seed % 7;
    const Matrix<float> x = normal_points(n, 2, seed), y = normal_points(n, 2, 500 + seed, 0.5);
    std::vector<std::size_t> order(n);
    std::iota(order.begin(), order.end(), 0u);
    double best = INFINITY;
    do {
      double sum = 0.0;
      for (std::size_t i = 0; i < n; ++i)
        sum += std::pow(double{x(i, 0)} - y(order[i], 0), 2) + std::pow(double{x(i, 1)} - y(order[i], 1), 2);
      best = std::min(best, sum);
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_NEAR(wasserstein(x, y), std::sqrt(best / n), 1e-6);
  }
}

TEST(Wasserstein, InOneDimensionIsTheSortedMatching) {
  const Matrix<float> x = normal_points(700, 1, 1), y = normal_points(700, 1, 2, 0.3, 1.4);
  std::vector<float> a = x.values(), b = y.values();
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  double sum = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(double{a[i]} - b[i], 2);
  EXPECT_NEAR(wasserstein(x, y), std::sqrt(sum / a.size()), 1e-6);
}

TEST(Pairwise, DoesNotDependOnThreadsAndMatchesBruteForce) {
  const Matrix<float> x = normal_points(77, 4, 1), y = normal_points(301, 4, 2);
  ThreadPool one(1), three(3);
  EXPECT_EQ(distance_sums(x, y, one), distance_sums(x, y, three));
  EXPECT_EQ(rbf_sums(x, y, 2.0, one), rbf_sums(x, y, 2.0, three));
  EXPECT_EQ(kth_neighbor_squared(y, 3, one), kth_neighbor_squared(y, 3, three));
  const auto kth = kth_neighbor_squared(y, 3, one);
  const auto sums = distance_sums(x, y, one);
  const auto distance2 = [](std::span<const float> a, std::span<const float> b) {
    double sum = 0.0;
    for (std::size_t d = 0; d < a.size(); ++d) sum += (double{a[d]} - b[d]) * (double{a[d]} - b[d]);
    return sum;
  };
  for (std::size_t i = 0; i < 77; ++i) {
    double sum = 0.0;
    for (std::size_t j = 0; j < 301; ++j) sum += std::sqrt(distance2(x.row(i), y.row(j)));
    EXPECT_NEAR(sums[i], sum, sum * 0x1p-18);  // tiles of 256 terms in single precision
    std::vector<double> all;
    for (std::size_t j = 0; j < 301; ++j) all.push_back(distance2(y.row(i), y.row(j)));
    std::nth_element(all.begin(), all.begin() + 3, all.end());  // position 0 is the point itself
    EXPECT_NEAR(kth[i], all[3], all[3] * 0x1p-21);
  }
}

}  // namespace
}  // namespace gmmvae
