#include <algorithm>

#include "kernels/block/partition_point.cuh"
#include "kernels/library/sort.hpp"
#include "kernels/neighbors/lists.hpp"

namespace gmmvae::cuda {
namespace {

constexpr int threads = 256;
constexpr int lloyd_steps = 5;
/// Points of the sample a centroid.
constexpr std::size_t sample_a_list = 64;

std::size_t blocks_for(std::size_t count) {
  return (count + threads - 1) / threads;
}

__global__ void __launch_bounds__(threads) iota(std::uint32_t* numbers, std::size_t count) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (i < count) numbers[i] = static_cast<std::uint32_t>(i);
}

__global__ void __launch_bounds__(threads)
    gather_rows(const float* from, const std::uint32_t* rows, std::size_t count, std::size_t dim, float* to) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (i < count * dim) to[i] = from[rows[i / dim] * dim + i % dim];
}

__global__ void __launch_bounds__(threads)
    list_begins(const std::uint32_t* sorted, std::size_t count, std::size_t keys, std::uint32_t* begins) {
  const std::size_t key = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (key > keys) return;
  begins[key] = static_cast<std::uint32_t>(
      block::partition_point(count, [&](std::size_t i) { return sorted[i] < key; }));
}

/// Each block moves one centroid to the mean of its points; one without points stays.
__global__ void __launch_bounds__(64)
    move_centroids(const float* points, const std::uint32_t* members, const std::uint32_t* begins,
                   std::size_t dim, float* centroids) {
  const std::uint32_t begin = begins[blockIdx.x];
  const std::uint32_t end = begins[blockIdx.x + 1];
  if (begin == end) return;
  for (std::size_t d = threadIdx.x; d < dim; d += 64) {
    double sum = 0.0;
    for (std::uint32_t m = begin; m < end; ++m) sum += static_cast<double>(points[members[m] * dim + d]);
    centroids[blockIdx.x * dim + d] = static_cast<float>(sum / static_cast<double>(end - begin));
  }
}

/// The list whose centroid is nearest to each point, and the points sorted by it.
struct Assignment {
  DeviceArray<std::uint32_t> members;  ///< [N] list by list, ascending in each
  DeviceArray<std::uint32_t> begins;   ///< [lists+1]
};

Assignment assign(const float* points, std::size_t rows, const DeviceArray<float>& centroids,
                  std::size_t lists, std::size_t dim, cudaStream_t stream) {
  const SearchShape shape = search_shape(1, shared_limit());
  std::vector<QueryTile> tiles;
  add_tiles(tiles, 0, static_cast<std::uint32_t>(rows), 0, shape);
  const std::vector<std::uint32_t> one_list = {0, static_cast<std::uint32_t>(lists)};
  const DeviceArray<QueryTile> device_tiles = to_device(tiles, stream);
  const DeviceArray<std::uint32_t> begins =
      to_device(one_list, stream);  // its first number is also the probe
  DeviceArray<std::uint32_t> nearest(rows, stream);
  DeviceArray<float> squared(rows, stream);
  SearchTask task;
  task.queries = points;
  task.points = centroids.data();
  task.list_begins = begins.data();
  task.probes = begins.data();
  task.tiles = device_tiles.data();
  task.dim = static_cast<int>(dim);
  task.k = 1;
  task.found = nearest.data();
  task.squared = squared.data();
  launch_search(task, tiles.size(), shape, stream);
  Assignment out{DeviceArray<std::uint32_t>(rows, stream), DeviceArray<std::uint32_t>(lists + 1, stream)};
  launch_iota(out.members.data(), rows, stream);
  sort_pairs(nearest.data(), out.members.data(), rows, bits_below(lists), stream);
  launch_list_begins(nearest.data(), rows, lists, out.begins.data(), stream);
  return out;
}

/// `count` of `rows`, evenly spread.
std::vector<std::uint32_t> spread_rows(std::size_t rows, std::size_t count) {
  std::vector<std::uint32_t> out(count);
  for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::uint32_t>(i * rows / count);
  return out;
}

DeviceArray<float> rows_at(const DeviceArray<float>& x, const std::vector<std::uint32_t>& rows,
                           std::size_t dim, cudaStream_t stream) {
  const DeviceArray<std::uint32_t> numbers = to_device(rows, stream);
  DeviceArray<float> out(rows.size() * dim, stream);
  launch_gather_rows(x.data(), numbers.data(), rows.size(), dim, out.data(), stream);
  return out;
}

}  // namespace

void launch_iota(std::uint32_t* numbers, std::size_t count, cudaStream_t stream) {
  launch(iota, blocks_for(count), threads, 0, stream, numbers, count);
}

void launch_gather_rows(const float* from, const std::uint32_t* rows, std::size_t count, std::size_t dim,
                        float* to, cudaStream_t stream) {
  launch(gather_rows, blocks_for(count * dim), threads, 0, stream, from, rows, count, dim, to);
}

void launch_list_begins(const std::uint32_t* sorted, std::size_t count, std::size_t keys,
                        std::uint32_t* begins, cudaStream_t stream) {
  launch(list_begins, blocks_for(keys + 1), threads, 0, stream, sorted, count, keys, begins);
}

void add_tiles(std::vector<QueryTile>& tiles, std::uint32_t first, std::uint32_t count, std::uint32_t probes,
               const SearchShape& shape) {
  const auto most = static_cast<std::uint32_t>(shape.queries());
  for (std::uint32_t done = 0; done < count; done += most)
    tiles.push_back({first + done, std::min(most, count - done), probes});
}

PointLists make_lists(MatrixView<float> x, std::size_t lists, cudaStream_t stream) {
  PointLists out;
  out.rows = x.rows;
  out.dim = x.cols;
  DeviceArray<float> points = to_device(std::span(x.data, x.size()), stream);
  if (lists <= 1) {
    out.host_begins = {0, static_cast<std::uint32_t>(x.rows)};
    out.begins = to_device(out.host_begins, stream);
    out.order = DeviceArray<std::uint32_t>(x.rows, stream);
    launch_iota(out.order.data(), x.rows, stream);
    out.points = std::move(points);
    return out;
  }
  out.centroids = rows_at(points, spread_rows(x.rows, lists), x.cols, stream);
  const std::size_t sampled = std::min(x.rows, sample_a_list * lists);
  {
    const DeviceArray<float> sample = rows_at(points, spread_rows(x.rows, sampled), x.cols, stream);
    for (int step = 0; step < lloyd_steps; ++step) {
      const Assignment members = assign(sample.data(), sampled, out.centroids, lists, x.cols, stream);
      launch(move_centroids, lists, 64, 0, stream, sample.data(), members.members.data(),
             members.begins.data(), x.cols, out.centroids.data());
    }
  }
  Assignment members = assign(points.data(), x.rows, out.centroids, lists, x.cols, stream);
  out.order = std::move(members.members);
  out.begins = std::move(members.begins);
  out.host_begins = to_host(out.begins, stream);
  out.points = DeviceArray<float>(x.size(), stream);
  launch_gather_rows(points.data(), out.order.data(), x.rows, x.cols, out.points.data(), stream);
  return out;
}

}  // namespace gmmvae::cuda
