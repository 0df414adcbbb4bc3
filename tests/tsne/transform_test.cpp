#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "gmmvae/error.hpp"
#include "gmmvae/tsne.hpp"
#include "host/tsne/neighbors.hpp"
#include "tests/tsne/reference.hpp"

namespace gmmvae {
namespace {

TEST(ApproximateNeighbors, FindMostAndDoNotDependOnThreads) {
  const Matrix<float> x = test::clusters(3000, 20, 5, 1);
  ThreadPool one(1), three(3);
  const tsne::NeighborTree tree = tsne::build_neighbor_tree(x, one);
  const tsne::NeighborLists lists = tsne::approximate_neighbors(tree, 30, one);
  EXPECT_EQ(lists.points, tsne::approximate_neighbors(tree, 30, three).points);
  EXPECT_GT(tsne::neighbor_recall(tree, lists, one), 0.95);
  EXPECT_EQ(tsne::neighbor_recall(tree, tsne::exact_neighbors(tree, 30, one), one), 1.0);
  for (std::size_t i = 0; i < lists.rows(); ++i)
    for (std::size_t a = 0; a < 30; ++a) ASSERT_NE(lists.points[i * 30 + a], i);
}

TEST(Transform, PutsNewPointsIntoTheirClusters) {
  constexpr std::size_t kCenters = 4;
  const Matrix<float> all = test::clusters(700, 6, kCenters, 3);
  const Matrix<float> x(500, 6, std::vector<float>(all.data(), all.data() + 500 * 6));
  const Matrix<float> fresh(200, 6, std::vector<float>(all.data() + 500 * 6, all.data() + 700 * 6));
  TsneOptions options;
  options.iterations = 400;
  const Embedding embedding = embed(x, options);
  const Matrix<float> placed = tsne_transform(x, embedding.points, fresh, 2);
  EXPECT_EQ(placed, tsne_transform(x, embedding.points, fresh, 1));
  std::size_t right = 0;
  for (std::size_t i = 0; i < placed.rows(); ++i) {
    std::size_t nearest = 0;
    double least = INFINITY;
    for (std::size_t j = 0; j < 500; ++j) {
      const double distance =
          std::hypot(placed(i, 0) - embedding.points(j, 0), placed(i, 1) - embedding.points(j, 1));
      if (distance < least) {
        least = distance;
        nearest = j;
      }
    }
    right += nearest % kCenters == (500 + i) % kCenters ? 1 : 0;
  }
  EXPECT_GE(right, 190u);
  // Alone or in company: no new point moves another.
  const Matrix<float> alone(1, 6, std::vector<float>(fresh.data() + 7 * 6, fresh.data() + 8 * 6));
  const Matrix<float> single = tsne_transform(x, embedding.points, alone, 1);
  EXPECT_EQ(single(0, 0), placed(7, 0));
  EXPECT_EQ(single(0, 1), placed(7, 1));
  EXPECT_THROW(tsne_transform(x, embedding.points, Matrix<float>(3, 5), 1), DataError);
}

}  // namespace
}  // namespace gmmvae
