#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <vector>

#include "gmmvae/random.hpp"

namespace gmmvae {
namespace {

constexpr std::size_t N = 200'000;

std::vector<double> normals(std::uint64_t seed) {
  const RandomStream stream(seed, Purpose::training_noise, 3, 17);
  std::vector<double> values(N);
  for (std::size_t i = 0; i < N; ++i) values[i] = stream.normal(i);
  return values;
}

double mean_of(const std::vector<double>& values, int power) {
  double sum = 0.0;
  for (const double v : values) sum += std::pow(v, power);
  return sum / static_cast<double>(values.size());
}

/// Kolmogorov's statistic sqrt(n) sup |F_n - F| for values whose distribution function is `cdf`.
template <class Cdf>
double kolmogorov(std::vector<double> values, Cdf cdf) {
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(values.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double f = cdf(values[i]);
    largest = std::max({largest, static_cast<double>(i + 1) / n - f, f - static_cast<double>(i) / n});
  }
  return std::sqrt(n) * largest;
}

// P(K > 1.95) = 2 exp(-2 1.95^2) = 0.001: the seeds here are fixed, so this decides once and for all.
constexpr double kolmogorov_at_one_in_a_thousand = 1.95;

// The m-th power of a standard normal has mean E x^m and variance E x^2m - (E x^m)^2; five standard errors.
TEST(RandomStream, NormalsHaveTheirMoments) {
  const std::vector<double> x = normals(1);
  const auto allowed = [](double variance) { return 5.0 * std::sqrt(variance / N); };
  EXPECT_NEAR(mean_of(x, 1), 0.0, allowed(1));
  EXPECT_NEAR(mean_of(x, 2), 1.0, allowed(3 - 1));
  EXPECT_NEAR(mean_of(x, 3), 0.0, allowed(15));
  EXPECT_NEAR(mean_of(x, 4), 3.0, allowed(105 - 9));
}

TEST(RandomStream, NormalsPassKolmogorovSmirnov) {
  const auto cdf = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  EXPECT_LT(kolmogorov(normals(2), cdf), kolmogorov_at_one_in_a_thousand);
}

// Cosine and sine of one pair share their radius: neither they nor their squares may be correlated. The
// variance of x y is 1, that of (x^2 - 1)(y^2 - 1) is 4.
TEST(RandomStream, NeighboursAreUncorrelated) {
  const std::vector<double> x = normals(3);
  double product = 0.0;
  double squares = 0.0;
  for (std::size_t i = 0; i + 1 < N; i += 2) {
    product += x[i] * x[i + 1];
    squares += (x[i] * x[i] - 1) * (x[i + 1] * x[i + 1] - 1);
  }
  const double pairs = N / 2.0;
  EXPECT_NEAR(product / pairs, 0.0, 5.0 * std::sqrt(1 / pairs));
  EXPECT_NEAR(squares / pairs, 0.0, 5.0 * std::sqrt(4 / pairs));
}

TEST(RandomStream, UniformsLieInsideTheirIntervalAndFillIt) {
  const RandomStream stream(4, Purpose::evaluation);
  std::vector<double> u(N);
  for (std::size_t i = 0; i < N; ++i) {
    u[i] = stream.uniform(i);
    ASSERT_GT(u[i], 0.0);
    ASSERT_LT(u[i], 1.0);
    // an odd multiple of 2^-53 and nothing finer
    const double cells = u[i] * 0x1p53;
    ASSERT_EQ(cells, std::floor(cells));
    ASSERT_EQ(std::fmod(cells, 2.0), 1.0);
  }
  EXPECT_LT(kolmogorov(u, [](double x) { return x; }), kolmogorov_at_one_in_a_thousand);
}

TEST(RandomStream, ElementsReadTheWordsOfTheirBlock) {
  const RandomStream stream(99, Purpose::embedding, 5, 6);
  const auto words = philox(99, Purpose::embedding, 5, 6, 21);
  // 52 bits of a 64-bit word pair, in units of 2^-52, against the pair itself
  const auto expected = [](std::uint32_t high, std::uint32_t low) { return (high * 0x1p32 + low) * 0x1p-64; };
  EXPECT_NEAR(stream.uniform(42), expected(words[0], words[1]), 0x1p-51);
  EXPECT_NEAR(stream.uniform(43), expected(words[2], words[3]), 0x1p-51);
  // Box-Muller: the pair's squares sum to -2 log of the first uniform, their angle is the second's
  const double x = stream.normal(42);
  const double y = stream.normal(43);
  EXPECT_NEAR(x * x + y * y, -2 * std::log(stream.uniform(42)), 1e-13);
  EXPECT_NEAR(std::atan2(y, x),
              std::remainder(2 * std::numbers::pi * stream.uniform(43), 2 * std::numbers::pi), 1e-13);
}

TEST(RandomStream, ManyNormalsAreTheSameAsOneByOne) {
  const RandomStream stream(99, Purpose::embedding, 5, 6);
  for (const std::size_t count : {0, 1, 2, 101}) {
    std::vector<double> all(count);
    stream.normals(all);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(all[i], stream.normal(i));
  }
}

TEST(RandomStream, StreamsDifferInEveryPartOfTheirAddress) {
  std::set<double> first;
  for (const std::uint64_t seed : {1ULL, 2ULL, (1ULL << 32) + 1}) {
    for (const auto purpose : {Purpose::shuffle, Purpose::initialization}) {
      for (const std::uint32_t model : {0U, 1U}) {
        for (const std::uint32_t step : {0U, 1U})
          first.insert(RandomStream(seed, purpose, model, step).uniform(0));
      }
    }
  }
  EXPECT_EQ(first.size(), 24U);
}

}  // namespace
}  // namespace gmmvae
