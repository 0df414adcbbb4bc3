#include <cmath>
#include <numeric>

#include "kernels/block/partition_point.cuh"
#include "kernels/library/sort.hpp"
#include "kernels/tsne/affinities.hpp"
#include "kernels/tsne/sums.cuh"

namespace gmmvae::cuda {
namespace {

constexpr int threads = sum_threads;
constexpr int warps = threads / 32;
/// Blocks whose sums are added up on the host: the same cut whatever the device.
constexpr std::size_t sum_blocks = 256;

/// Entropies are met to this many nats; a hundred times better than single-precision probabilities can tell.
constexpr double tolerance = 1e-9;
constexpr int most_steps = 100;

/// Sum over a warp, for every lane.
__device__ inline double warp_sum(double value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(full_warp, value, step);
  return value;
}

/// What the distances of a row say before any search: all of its lanes know all of it.
struct RowShape {
  float least;
  double unit;  ///< 1 / mean of the distances beyond the least, or 0 where that is 0
  double ties;  ///< neighbours at the least distance
};

__device__ inline RowShape shape_of(const float* row, int k) {
  const int lane = static_cast<int>(lane_id());
  float least = row[0];
  __syncwarp();  // every lane has read the number that lane 0 will write
  for (int a = lane; a < k; a += 32) least = row[a] < least ? row[a] : least;
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    const float other = __shfl_xor_sync(full_warp, least, step);
    least = other < least ? other : least;
  }
  double sum = 0.0;
  double ties = 0.0;
  for (int a = lane; a < k; a += 32) {
    sum += static_cast<double>(row[a]) - least;
    ties += row[a] == least ? 1.0 : 0.0;
  }
  sum = warp_sum(sum);
  return {least, sum > 0.0 ? k / sum : 0.0, warp_sum(ties)};
}

/// The entropy of the row at beta = exp(t), and its variance of beta d2, in units of the mean distance.
struct Moments {
  double share;  ///< 1 / sum of the weights
  double entropy;
  double variance;
};

__device__ inline Moments moments_at(const float* row, int k, const RowShape& shape, double beta) {
  double weight = 0.0;
  double squared = 0.0;
  double fourth = 0.0;
  for (int a = static_cast<int>(lane_id()); a < k; a += 32) {
    const double d2 = (static_cast<double>(row[a]) - shape.least) * shape.unit;
    const double w = exp(-beta * d2);
    weight += w;
    squared += w * d2;
    fourth += w * d2 * d2;
  }
  weight = warp_sum(weight);
  const double share = 1.0 / weight;
  const double average = warp_sum(squared) * share;
  const double second = warp_sum(fourth) * share;
  return {share, log(weight) + beta * average, second - average * average};
}

/// H(beta) falls from log k to log(ties). In t = log(beta) its derivative is -beta^2 Var(d2): Newton's step,
/// or the middle of the bracket where that leaves it.
__device__ inline double calibrate_row(float* row, int k, double perplexity, double goal) {
  const int lane = static_cast<int>(lane_id());
  const RowShape shape = shape_of(row, k);
  if (shape.unit <= 0.0 || perplexity >= k) {
    for (int a = lane; a < k; a += 32) row[a] = 1.0f / static_cast<float>(k);
    return k;
  }
  if (perplexity <= shape.ties) {
    for (int a = lane; a < k; a += 32)
      row[a] = row[a] == shape.least ? static_cast<float>(1.0 / shape.ties) : 0.0f;
    return shape.ties;
  }
  double low = -60.0;
  double high = 60.0;
  double t = 0.0;
  double beta = 1.0;
  Moments at{};
  for (int step = 0; step < most_steps; ++step) {
    beta = exp(t);
    at = moments_at(row, k, shape, beta);
    if (fabs(at.entropy - goal) < tolerance) break;
    if (at.entropy > goal) {
      low = t;
    } else {
      high = t;
    }
    const double newton = t + (at.entropy - goal) / (beta * beta * at.variance);
    t = newton > low && newton < high ? newton : 0.5 * (low + high);
  }
  for (int a = lane; a < k; a += 32) {
    const double d2 = (static_cast<double>(row[a]) - shape.least) * shape.unit;
    row[a] = static_cast<float>(exp(-beta * d2) * at.share);
  }
  return exp(at.entropy);
}

/// A warp a row.
__global__ void __launch_bounds__(threads, 2)
    calibrate_rows(float* squared, std::size_t rows, int k, double perplexity, double goal, double* reached) {
  const std::size_t row = static_cast<std::size_t>(blockIdx.x) * warps + warp_id();
  if (row >= rows) return;
  const double got = calibrate_row(squared + row * k, k, perplexity, goal);
  if (lane_id() == 0) reached[row] = got;
}

__global__ void __launch_bounds__(threads)
    sum_parts(const double* numbers, std::size_t count, double* parts) {
  double sum = 0.0;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x; i < count;
       i += sum_blocks * threads)
    sum += numbers[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(threads)
    entropy_parts(const float* values, std::size_t count, double* parts) {
  double sum = 0.0;
  for (std::size_t i = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x; i < count;
       i += sum_blocks * threads) {
    const double p = values[i];
    if (p > 0.0) sum += p * log(p);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(threads)
    invert(const std::uint32_t* order, std::size_t rows, std::uint32_t* place_of) {
  const std::size_t p = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (p < rows) place_of[order[p]] = static_cast<std::uint32_t>(p);
}

/// Row and column of an edge as one number, which sorts by row and then by column.
__device__ inline std::uint64_t edge(std::uint32_t row, std::uint32_t column, int bits) {
  return static_cast<std::uint64_t>(row) << bits | column;
}

/// Both directions of each pair of a point and its neighbour.
__global__ void __launch_bounds__(threads)
    make_edges(const std::uint32_t* points, const float* p, const std::uint32_t* place_of, std::size_t count,
               std::uint32_t k, int bits, std::uint64_t* edges, float* values) {
  const std::size_t e = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (e >= count) return;
  const auto row = static_cast<std::uint32_t>(e / k);
  const std::uint32_t column = place_of[points[e]];
  edges[2 * e] = edge(row, column, bits);
  edges[2 * e + 1] = edge(column, row, bits);
  values[2 * e] = p[e];
  values[2 * e + 1] = p[e];
}

/// An edge occurs once, or twice where each of its ends is a neighbour of the other. The first of them gets
/// the sum. Sums that vanish are no edges.
__device__ inline float merged(const std::uint64_t* edges, const float* values, std::size_t count,
                               std::size_t e, float scale) {
  if (e > 0 && edges[e - 1] == edges[e]) return 0.0f;
  const bool twice = e + 1 < count && edges[e + 1] == edges[e];
  return (twice ? values[e] + values[e + 1] : values[e]) * scale;
}

__global__ void __launch_bounds__(threads) mark_edges(const std::uint64_t* edges, const float* values,
                                                      std::size_t count, float scale, std::uint32_t* kept) {
  const std::size_t e = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (e > count) return;
  kept[e] = e < count && merged(edges, values, count, e, scale) > 0.0f ? 1 : 0;
}

__global__ void __launch_bounds__(threads)
    keep_edges(const std::uint64_t* edges, const float* values, std::size_t count, float scale, int bits,
               const std::uint64_t* places, std::uint32_t* columns, float* out) {
  const std::size_t e = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (e >= count) return;
  const float value = merged(edges, values, count, e, scale);
  if (!(value > 0.0f)) return;
  columns[places[e]] = static_cast<std::uint32_t>(edges[e] & ((std::uint64_t{1} << bits) - 1));
  out[places[e]] = value;
}

__global__ void __launch_bounds__(threads)
    row_offsets(const std::uint64_t* edges, std::size_t count, int bits, const std::uint64_t* places,
                std::size_t rows, std::uint64_t* offsets) {
  const std::size_t row = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (row > rows) return;
  offsets[row] = places[block::partition_point(count, [&](std::size_t e) { return edges[e] >> bits < row; })];
}

std::size_t blocks_for(std::size_t count) {
  return (count + threads - 1) / threads;
}

double total_of(const DeviceArray<double>& parts, cudaStream_t stream) {
  const std::vector<double> host = to_host(parts, stream);
  return std::accumulate(host.begin(), host.end(), 0.0);
}

void measure_entropy(DeviceAffinities& p, cudaStream_t stream) {
  DeviceArray<double> parts(sum_blocks, stream);
  launch(entropy_parts, sum_blocks, threads, 0, stream, p.values.data(), p.values.size(), parts.data());
  p.entropy = total_of(parts, stream);
}

}  // namespace

double calibrate(DeviceArray<float>& squared, std::size_t rows, std::size_t k, double perplexity,
                 cudaStream_t stream) {
  DeviceArray<double> reached(rows, stream);
  launch(calibrate_rows, (rows + warps - 1) / warps, threads, 0, stream, squared.data(), rows,
         static_cast<int>(k), perplexity, std::log(perplexity), reached.data());
  DeviceArray<double> parts(sum_blocks, stream);
  launch(sum_parts, sum_blocks, threads, 0, stream, reached.data(), rows, parts.data());
  return total_of(parts, stream) / static_cast<double>(rows);
}

DeviceAffinities symmetrize(DeviceNeighbors& conditional, cudaStream_t stream) {
  const std::size_t rows = conditional.rows;
  const std::size_t pairs = rows * conditional.k;
  const std::size_t count = 2 * pairs;
  const int bits = bits_below(rows);
  DeviceArray<std::uint64_t> edges(count, stream);
  DeviceArray<float> values(count, stream);
  {
    DeviceArray<std::uint32_t> place_of(rows, stream);
    launch(invert, blocks_for(rows), threads, 0, stream, conditional.order.data(), rows, place_of.data());
    launch(make_edges, blocks_for(pairs), threads, 0, stream, conditional.points.data(),
           conditional.squared.data(), place_of.data(), pairs, static_cast<std::uint32_t>(conditional.k),
           bits, edges.data(), values.data());
  }
  conditional.points = {};
  conditional.squared = {};
  sort_pairs(edges.data(), values.data(), count, 2 * bits, stream);
  const auto scale = static_cast<float>(0.5 / static_cast<double>(rows));
  DeviceArray<std::uint64_t> places(count + 1, stream);
  {
    DeviceArray<std::uint32_t> kept(count + 1, stream);
    launch(mark_edges, blocks_for(count + 1), threads, 0, stream, edges.data(), values.data(), count, scale,
           kept.data());
    exclusive_sums(kept.data(), places.data(), count, stream);
  }
  DeviceAffinities out;
  out.rows = rows;
  out.offsets = DeviceArray<std::uint64_t>(rows + 1, stream);
  launch(row_offsets, blocks_for(rows + 1), threads, 0, stream, edges.data(), count, bits, places.data(),
         rows, out.offsets.data());
  std::uint64_t total = 0;
  copy_to_host(std::span(&total, 1), places.data() + count, stream);
  GPU_CHECK(cudaStreamSynchronize(stream));
  out.columns = DeviceArray<std::uint32_t>(total, stream);
  out.values = DeviceArray<float>(total, stream);
  launch(keep_edges, blocks_for(count), threads, 0, stream, edges.data(), values.data(), count, scale, bits,
         places.data(), out.columns.data(), out.values.data());
  measure_entropy(out, stream);
  return out;
}

DeviceAffinities upload(const Affinities& affinities, cudaStream_t stream) {
  DeviceAffinities out;
  out.rows = affinities.points();
  out.offsets = to_device(affinities.offsets, stream);
  out.columns = to_device(affinities.columns, stream);
  out.values = to_device(affinities.values, stream);
  measure_entropy(out, stream);
  return out;
}

void download(const DeviceAffinities& from, Affinities& to, cudaStream_t stream) {
  to.offsets = to_host(from.offsets, stream);
  to.columns = to_host(from.columns, stream);
  to.values = to_host(from.values, stream);
}

}  // namespace gmmvae::cuda
