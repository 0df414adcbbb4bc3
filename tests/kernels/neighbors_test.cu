// The search for neighbours and the lists behind approximate ones, on the emulated device.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/neighbors/lists.hpp"
#include "kernels/neighbors/neighbors.hpp"
#include "kernels/runtime/stream.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"
#include "tests/tsne/reference.hpp"

namespace gmmvae::cuda {
namespace {

class Neighbors : public test::EmulatorTest {
 protected:
  /// Multiples of 1/8 up to 7/8: distances are exact, and many are equal.
  static Matrix<float> lattice(std::size_t rows, std::size_t dim) {
    const RandomStream random(5, Purpose::mixture_point);
    Matrix<float> x(rows, dim);
    for (std::size_t i = 0; i < x.size(); ++i)
      x.data()[i] = static_cast<float>(std::floor(8.0 * random.uniform(i)) / 8.0);
    return x;
  }
};

TEST_F(Neighbors, AreThoseOfAllPairsWithTiesByNumberInAnyOrderOfThreads) {
  const Stream stream;
  const Matrix<float> x = lattice(47, 2);
  in_every_order([&] {
    const DeviceNeighbors got = find_neighbors(x, 12, NeighborSearch::exact, 0, stream.get());
    const std::vector<std::uint32_t> points = to_host(got.points, stream.get());
    const std::vector<std::uint32_t> order = to_host(got.order, stream.get());
    for (std::size_t p = 0; p < 47; ++p) {
      const std::vector<std::size_t> expected = test::nearest(x, order[p], 12);
      for (std::size_t a = 0; a < 12; ++a) ASSERT_EQ(points[p * 12 + a], expected[a]) << p;
    }
  });
}

/// More candidates than a query's list holds, so that it is sorted again and again, and more neighbours than
/// a tile of candidates.
TEST_F(Neighbors, KeepTheBestOfManyTiles) {
  const Stream stream;
  const Matrix<float> x = lattice(400, 1);
  for (const std::size_t k : {1, 130, 300}) {
    const std::vector<std::uint32_t> points =
        to_host(find_neighbors(x, k, NeighborSearch::exact, 0, stream.get()).points, stream.get());
    for (const std::size_t p : {0, 200, 399}) {
      const std::vector<std::size_t> expected = test::nearest(x, p, k);
      for (std::size_t a = 0; a < k; ++a) ASSERT_EQ(points[p * k + a], expected[a]) << k;
    }
  }
}

TEST_F(Neighbors, ListsHoldEachPointWithItsNearestCentroid) {
  const Stream stream;
  const Matrix<float> x = test::clusters(150, 5, 4, 3);
  const PointLists lists = make_lists(x, 12, stream.get());
  const std::vector<std::uint32_t> order = to_host(lists.order, stream.get());
  const std::vector<float> centroids = to_host(lists.centroids, stream.get());
  const auto distance = [&](std::size_t point, std::size_t list) {
    double sum = 0.0;
    for (std::size_t d = 0; d < 5; ++d)
      sum += std::pow(static_cast<double>(x(point, d)) - centroids[list * 5 + d], 2);
    return sum;
  };
  ASSERT_EQ(lists.host_begins.front(), 0U);
  ASSERT_EQ(lists.host_begins.back(), 150U);
  std::vector<bool> seen(150);
  for (std::size_t list = 0; list < 12; ++list)
    for (std::uint32_t p = lists.host_begins[list]; p < lists.host_begins[list + 1]; ++p) {
      EXPECT_FALSE(seen[order[p]]);
      seen[order[p]] = true;
      for (std::size_t other = 0; other < 12; ++other)
        EXPECT_LE(distance(order[p], list), distance(order[p], other) * (1.0 + 1e-6));
    }
}

/// A block's shared memory on real cards: 64 kB on sm_75, 99 on sm_86, 227 on sm_90.
TEST_F(Neighbors, TheShapeOfABlockFollowsFromItsSharedMemory) {
  EXPECT_EQ(search_shape(90, 227 << 10).queries(), 32);
  EXPECT_EQ(search_shape(90, 227 << 10).capacity, 256);
  for (const std::size_t limit : {64 << 10, 99 << 10, 227 << 10})
    for (const std::size_t k : {1, 90, 128, 129, 500}) {
      const SearchShape shape = search_shape(k, limit);
      EXPECT_GE(static_cast<std::size_t>(shape.capacity), k + 128);
      EXPECT_LE(search_shared_bytes(shape), limit);
    }
  EXPECT_FALSE(search_shape(3900, 227 << 10).in_device_memory);
  const SearchShape long_lists = search_shape(4000, 227 << 10);
  EXPECT_TRUE(long_lists.in_device_memory);
  EXPECT_LE(search_shared_bytes(long_lists), std::size_t{48} << 10);
}

/// What a block does where its lists do not fit: the same, by one block and by several.
TEST_F(Neighbors, ListsInDeviceMemoryHoldTheSame) {
  const Stream stream;
  const Matrix<float> x = lattice(150, 2);
  constexpr std::size_t kFound = 60;
  const DeviceArray<float> points = to_device(x.values(), stream.get());
  const std::vector<std::uint32_t> ids = [] {
    std::vector<std::uint32_t> out(150);
    std::iota(out.begin(), out.end(), 0u);
    return out;
  }();
  const DeviceArray<std::uint32_t> own = to_device(ids, stream.get());
  const DeviceArray<std::uint32_t> begins = to_device(std::vector<std::uint32_t>{0, 150}, stream.get());
  const DeviceArray<QueryTile> tiles =
      to_device(std::vector<QueryTile>{{0, 16, 0}, {16, 9, 0}, {140, 10, 0}}, stream.get());
  DeviceArray<std::uint32_t> found(150 * kFound, stream.get());
  DeviceArray<float> squared(150 * kFound, stream.get());
  SearchTask task;
  task.queries = points.data();
  task.query_ids = own.data();
  task.points = points.data();
  task.list_begins = begins.data();
  task.probes = begins.data();
  task.tiles = tiles.data();
  task.dim = 2;
  task.k = kFound;
  task.found = found.data();
  task.squared = squared.data();
  in_every_order([&] {
    found.fill_with_zeros();
    launch_search(task, 3, {4, 256, true}, stream.get());
    const std::vector<std::uint32_t> got = to_host(found, stream.get());
    for (const std::size_t p : {0, 15, 16, 24, 140, 149}) {
      const std::vector<std::size_t> expected = test::nearest(x, p, kFound);
      for (std::size_t a = 0; a < kFound; ++a) ASSERT_EQ(got[p * kFound + a], expected[a]) << p;
    }
  });
}

TEST_F(Neighbors, OnlyWhatTakesLongerThanTheDescentIsApproximate) {
  EXPECT_FALSE(exact_neighbors_cost_more(50000, 50, 1000));
  EXPECT_FALSE(exact_neighbors_cost_more(200000, 2, 1000));
  EXPECT_TRUE(exact_neighbors_cost_more(1300000, 50, 1000));
  EXPECT_TRUE(exact_neighbors_cost_more(1300000, 50, 0));
}

}  // namespace
}  // namespace gmmvae::cuda
