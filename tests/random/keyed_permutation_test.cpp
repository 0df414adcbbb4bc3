#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"

namespace gmmvae {
namespace {

std::vector<std::uint32_t> order_of(std::uint32_t size, std::uint32_t epoch, std::uint64_t seed = 1) {
  const KeyedPermutation permutation(size, seed, Purpose::shuffle, 0, epoch);
  std::vector<std::uint32_t> order(size);
  for (std::uint32_t i = 0; i < size; ++i) order[i] = permutation(i);
  return order;
}

bool is_permutation_of_indices(std::vector<std::uint32_t> order) {
  std::sort(order.begin(), order.end());
  for (std::uint32_t i = 0; i < order.size(); ++i) {
    if (order[i] != i) return false;
  }
  return true;
}

/// The value that a chi-square variable with `freedom` degrees exceeds once in 3.5 million draws, by Wilson
/// and Hilferty: its cube root is close to normal with mean 1 - 2/(9 f) and variance 2/(9 f); five
/// deviations.
double chi_square_limit(double freedom) {
  const double v = 2.0 / (9.0 * freedom);
  return freedom * std::pow(1.0 - v + 5.0 * std::sqrt(v), 3.0);
}

TEST(KeyedPermutation, IsABijectionOfEverySize) {
  for (std::uint32_t size = 1; size <= 300; ++size) {
    ASSERT_TRUE(is_permutation_of_indices(order_of(size, size))) << size;
  }
  for (const std::uint32_t size : {1023U, 1024U, 1025U, 65'537U, 1'000'000U}) {
    ASSERT_TRUE(is_permutation_of_indices(order_of(size, 1))) << size;
  }
}

TEST(KeyedPermutation, TheLargestSizeStaysInside) {
  const std::uint32_t largest = 1U << 31;
  const KeyedPermutation permutation(largest, 1, Purpose::shuffle, 0, 0);
  for (std::uint32_t i = 0; i < 1000; ++i) EXPECT_LT(permutation(largest - 1 - i * 1001), largest);
  EXPECT_THROW(KeyedPermutation(0, 1, Purpose::shuffle, 0, 0), UsageError);
  EXPECT_THROW(KeyedPermutation(largest + 1, 1, Purpose::shuffle, 0, 0), UsageError);
}

// Every element at every position equally often. Counts of one epoch sum to 1 in each row and column, which
// leaves (n-1)^2 degrees of freedom.
TEST(KeyedPermutation, EveryElementVisitsEveryPosition) {
  for (const std::uint32_t size : {2U, 7U, 33U, 64U, 100U}) {
    constexpr std::uint32_t epochs = 10'000;
    std::vector<double> counts(std::size_t{size} * size);
    for (std::uint32_t epoch = 0; epoch < epochs; ++epoch) {
      const auto order = order_of(size, epoch);
      for (std::uint32_t i = 0; i < size; ++i) counts[i * size + order[i]] += 1;
    }
    const double expected = static_cast<double>(epochs) / size;
    double chi_square = 0.0;
    for (const double count : counts) chi_square += (count - expected) * (count - expected) / expected;
    // A count's variance is E/n (1 - 1/n), so the statistic's mean is n (n-1): n/(n-1) times its freedom.
    EXPECT_LT(chi_square * (size - 1.0) / size, chi_square_limit((size - 1.0) * (size - 1.0))) << size;
  }
}

TEST(KeyedPermutation, AllOrdersOfAFewElementsAreEquallyLikely) {
  for (const std::uint32_t size : {3U, 4U, 5U}) {
    constexpr std::uint32_t epochs = 60'000;
    std::map<std::vector<std::uint32_t>, double> counts;
    for (std::uint32_t epoch = 0; epoch < epochs; ++epoch) counts[order_of(size, epoch)] += 1;
    const double orders = std::tgamma(size + 1.0);
    ASSERT_EQ(counts.size(), static_cast<std::size_t>(orders));
    const double expected = epochs / orders;
    double chi_square = 0.0;
    for (const auto& [order, count] : counts)
      chi_square += (count - expected) * (count - expected) / expected;
    EXPECT_LT(chi_square, chi_square_limit(orders - 1)) << size;
  }
}

// Spearman's correlation of two random orders of n has mean 0 and variance 1/(n-1); averaged over E
// independent pairs, 1/(E (n-1)). Five standard errors.
TEST(KeyedPermutation, SuccessiveEpochsAreUncorrelated) {
  constexpr std::uint32_t size = 1000;
  constexpr int epochs = 200;
  double total = 0.0;
  double with_identity = 0.0;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const auto first = order_of(size, epoch);
    const auto second = order_of(size, epoch + 1);
    for (std::uint32_t i = 0; i < size; ++i) {
      total += (first[i] - 499.5) * (second[i] - 499.5);
      with_identity += (first[i] - 499.5) * (i - 499.5);
    }
  }
  const double scale = epochs * (size * (size * 1.0 * size - 1.0) / 12.0);
  const double allowed = 5.0 / std::sqrt(epochs * (size - 1.0));
  EXPECT_NEAR(total / scale, 0.0, allowed);
  EXPECT_NEAR(with_identity / scale, 0.0, allowed);
}

// A random order keeps neighbours together at a rate of 2/n: n-1 adjacent pairs, each at distance 1 with
// probability 2/n, so 2 (n-1)/n a shuffle; the count is close to Poisson.
TEST(KeyedPermutation, NeighboursPart) {
  constexpr std::uint32_t size = 1000;
  constexpr int epochs = 500;
  double together = 0.0;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const auto order = order_of(size, epoch);
    for (std::uint32_t i = 0; i + 1 < size; ++i) {
      together += std::max(order[i], order[i + 1]) - std::min(order[i], order[i + 1]) == 1;
    }
  }
  const double expected = epochs * 2.0 * (size - 1) / size;
  EXPECT_NEAR(together, expected, 5.0 * std::sqrt(expected));
}

// Computed by an independent implementation of Philox and of the network in Python's integers. A change of
// these numbers changes every training's result.
TEST(KeyedPermutation, KeepsItsOrders) {
  const std::vector<std::uint32_t> order = order_of(1000, 3, 42);
  EXPECT_EQ(std::vector<std::uint32_t>(order.begin(), order.begin() + 6),
            (std::vector<std::uint32_t>{31, 691, 219, 281, 475, 288}));
}

}  // namespace
}  // namespace gmmvae
