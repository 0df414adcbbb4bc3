#include "host/tsne/affinities.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmmvae/error.hpp"
#include "gmmvae/tsne.hpp"
#include "tests/tsne/reference.hpp"

namespace gmmvae {
namespace {

Matrix<double> dense(const Affinities& affinities) {
  const Affinities p = in_data_order(affinities);
  Matrix<double> out(p.points(), p.points());
  for (std::size_t i = 0; i < p.points(); ++i)
    for (std::uint64_t e = p.offsets[i]; e < p.offsets[i + 1]; ++e) out(i, p.columns[e]) = p.values[e];
  return out;
}

TEST(Neighbors, AreThoseOfAllPairs) {
  ThreadPool pool(2);
  for (const std::size_t dim : {1, 2, 3, 7, 20}) {
    const Matrix<float> x = test::clusters(500, dim, 7, dim);
    const tsne::NeighborTree tree = tsne::build_neighbor_tree(x, pool);
    const tsne::NeighborLists lists = tsne::exact_neighbors(tree, 12, pool);
    for (std::size_t r = 0; r < x.rows(); ++r) {
      const std::vector<std::size_t> expected = test::nearest(x, tree.order[r], 12);
      for (std::size_t a = 0; a < 12; ++a) {
        const std::size_t found = tree.order[lists.points[r * 12 + a]];
        EXPECT_NE(found, tree.order[r]);
        // Single precision may swap neighbours whose distances differ in the seventh digit.
        EXPECT_NEAR(test::squared(x, tree.order[r], found), test::squared(x, tree.order[r], expected[a]),
                    1e-6 * test::squared(x, tree.order[r], expected[a]))
            << dim;
      }
    }
  }
}

/// The default's choice, on few points and with approximate neighbours made cheap: a search may cost what
/// looking at a half of the points does. Where there are no clusters every point is looked at in 40
/// dimensions, and where there are twenty about a twentieth.
TEST(Neighbors, AreApproximateWhereExactOnesCostMore) {
  constexpr std::size_t kPoints = 3200, kDim = 40, kEach = 10;
  ThreadPool pool(2);
  const tsne::NeighborTree cloud = tsne::build_neighbor_tree(test::cloud(kPoints, kDim, 1.0, 1), pool);
  const tsne::NeighborTree clusters = tsne::build_neighbor_tree(test::clusters(kPoints, kDim, 20, 1), pool);
  tsne::SearchCosts costs;
  const double all = kPoints / 16.0 * costs.coordinate * (kDim + costs.choice);
  costs.graphs = 0.5 * all;
  EXPECT_TRUE(tsne::exact_is_too_slow(cloud, kEach, 0, pool, costs));
  EXPECT_FALSE(tsne::exact_is_too_slow(clusters, kEach, 0, pool, costs));
  // A long descent dwarfs either search, and with the graphs' true cost so few points are never worth one.
  const auto many = static_cast<std::size_t>(1.1 * all / costs.step);
  EXPECT_FALSE(tsne::exact_is_too_slow(cloud, kEach, many, pool, costs));
  EXPECT_TRUE(tsne::exact_is_too_slow(cloud, kEach, many / 2, pool, costs));
  EXPECT_FALSE(tsne::exact_is_too_slow(cloud, kEach, 0, pool));
}

TEST(Neighbors, OfEqualPointsAreOthers) {
  ThreadPool pool(1);
  const Matrix<float> x(100, 3, 0.25f);
  const tsne::NeighborLists lists = tsne::exact_neighbors(tsne::build_neighbor_tree(x, pool), 9, pool);
  for (std::size_t r = 0; r < 100; ++r) {
    std::vector<std::uint32_t> row(lists.points.begin() + static_cast<std::ptrdiff_t>(r * 9),
                                   lists.points.begin() + static_cast<std::ptrdiff_t>(r * 9 + 9));
    EXPECT_EQ(std::count(row.begin(), row.end(), r), 0);
    std::sort(row.begin(), row.end());
    EXPECT_EQ(std::unique(row.begin(), row.end()), row.end());
  }
}

TEST(Affinities, AreTheDefinitions) {
  const Matrix<float> x = test::clusters(200, 5, 3, 1);
  TsneOptions options;
  options.perplexity = 20.0;
  const Affinities p = tsne_affinities(x, options);
  EXPECT_EQ(p.neighbors, 60u);
  const Matrix<double> got = dense(p), expected = test::joint_probabilities(x, 20.0, 60);
  // Distances and weights in single precision: some units in the seventh digit of the largest.
  const double largest = *std::max_element(expected.values().begin(), expected.values().end());
  for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got.data()[i], expected.data()[i], 2e-6 * largest);
  EXPECT_NEAR(std::accumulate(got.values().begin(), got.values().end(), 0.0), 1.0, 1e-6);
  for (std::size_t i = 0; i < 200; ++i) {
    EXPECT_EQ(got(i, i), 0.0);
    for (std::size_t j = 0; j < i; ++j) ASSERT_EQ(got(i, j), got(j, i));
  }
  EXPECT_NEAR(p.effective_perplexity, 20.0, 1e-6);
}

TEST(Affinities, DoNotCareForScaleOrPlace) {
  const Matrix<float> x = test::clusters(150, 4, 3, 2);
  Matrix<float> huge(150, 4), tiny(150, 4);
  for (std::size_t i = 0; i < x.size(); ++i) {
    huge.data()[i] = x.data()[i] * 0x1p100f;
    tiny.data()[i] = x.data()[i] * 0x1p-120f;
  }
  const TsneOptions options;
  const Affinities p = tsne_affinities(x, options);
  EXPECT_EQ(p.values, tsne_affinities(huge, options).values);
  EXPECT_EQ(p.values, tsne_affinities(tiny, options).values);
}

TEST(Perplexity, RowsWithoutAWidthOfTheirOwn) {
  std::vector<float> equal(10, 3.0f);
  EXPECT_DOUBLE_EQ(tsne::calibrate_row(equal, 4.0), 10.0);
  EXPECT_FLOAT_EQ(equal[3], 0.1f);
  std::vector<float> few = {1.0f, 2.0f, 3.0f};
  EXPECT_DOUBLE_EQ(tsne::calibrate_row(few, 3.0), 3.0);
  EXPECT_FLOAT_EQ(few[2], 1.0f / 3.0f);
  std::vector<float> ties = {1.0f, 1.0f, 5.0f, 6.0f};
  EXPECT_DOUBLE_EQ(tsne::calibrate_row(ties, 1.5), 2.0);
  EXPECT_EQ(ties, (std::vector<float>{0.5f, 0.5f, 0.0f, 0.0f}));
}

TEST(Perplexity, AnOutlierLosesNothing) {
  // The nearest neighbour is a million times farther away than neighbours are from one another.
  std::vector<float> row(30);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = 1e12f + 1e6f * static_cast<float>(i);
  EXPECT_NEAR(tsne::calibrate_row(row, 8.0), 8.0, 1e-6);
  EXPECT_NEAR(std::accumulate(row.begin(), row.end(), 0.0), 1.0, 1e-6);
}

TEST(Affinities, FewPointsLowerThePerplexity) {
  TsneOptions options;
  options.perplexity = 140.0;
  const Affinities p = tsne_affinities(test::cloud(91, 3, 1.0, 1), options);
  EXPECT_EQ(p.perplexity, 30.0);
  EXPECT_EQ(p.neighbors, 90u);
  EXPECT_EQ(p.warnings.size(), 1u);
  for (const std::size_t count : {2, 3, 4, 5}) {
    const Matrix<double> few = dense(tsne_affinities(test::cloud(count, 2, 1.0, count), options));
    EXPECT_NEAR(std::accumulate(few.values().begin(), few.values().end(), 0.0), 1.0, 1e-6) << count;
  }
}

TEST(Affinities, RefuseWhatTheyCannotUse) {
  TsneOptions options;
  EXPECT_THROW(tsne_affinities(Matrix<float>(1, 3), options), DataError);
  Matrix<float> x = test::cloud(10, 2, 1.0, 1);
  x(3, 1) = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(tsne_affinities(x, options), DataError);
  options.perplexity = 0.0;
  EXPECT_THROW(tsne_affinities(test::cloud(10, 2, 1.0, 1), options), UsageError);
}

}  // namespace
}  // namespace gmmvae
