// Counted for an iteration of N points in D dimensions with k centres: the assignment is N k D subtractions
// and multiply-adds, a quarter of a load of 16 bytes (from L1) for each, and N (4 D + 8) bytes of device
// memory; the sums are N k (D + 1) / 256 comparisons a thread of a block, spread over its threads, in a fixed
// order.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/block/reduce.cuh"
#include "kernels/clustering/lloyd.hpp"
#include "kernels/metrics/points.hpp"

namespace gmmvae::cuda {
namespace {

constexpr int threads = 256;
constexpr int rows_in_piece = 4096;
constexpr int group = 8;              // centres that a point is compared with side by side
constexpr int iterations_a_look = 8;  // between two looks of the host

/// The nearest centre of one point and its squared distance; of equal ones the first.
__device__ inline float nearest_center(const LloydRun& run, int row, int& label) {
  float least = INFINITY;
  label = 0;
  for (int first = 0; first < run.padded; first += group) {
    float squared[group] = {};
    for (int d = 0; d < run.dim; ++d) {
      const float x = run.points[static_cast<std::ptrdiff_t>(d) * run.rows + row];
      const auto* at =
          reinterpret_cast<const float4*>(run.centers + static_cast<std::ptrdiff_t>(d) * run.padded + first);
      const float4 low = at[0];
      const float4 high = at[1];
      const float centers[group] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
      for (int c = 0; c < group; ++c) {
        const float difference = x - centers[c];
        squared[c] = fmaf(difference, difference, squared[c]);
      }
    }
#pragma unroll
    for (int c = 0; c < group; ++c) {
      if (squared[c] < least) {
        least = squared[c];
        label = first + c;
      }
    }
  }
  return least;
}

/// Sums of the piece's points by label, and their counts: thread t owns sum t % items over every part-th
/// stretch of the piece, and the parts are added in their order.
__device__ inline void add_by_label(const LloydRun& run, int begin, int end, double* shared) {
  const int items = run.k * (run.dim + 1);
  double* sums = run.sums + static_cast<std::ptrdiff_t>(blockIdx.x) * items;
  const int parts = items < threads ? threads / items : 1;
  const auto thread = static_cast<int>(threadIdx.x);
  const int part = thread / items;
  for (int item = parts > 1 ? thread % items : thread; item < items && part < parts; item += threads) {
    const int c = item / (run.dim + 1);
    const int d = item % (run.dim + 1);
    const float* column = run.points + static_cast<std::ptrdiff_t>(d) * run.rows;
    const int first = begin + static_cast<int>(static_cast<long long>(end - begin) * part / parts);
    const int stop = begin + static_cast<int>(static_cast<long long>(end - begin) * (part + 1) / parts);
    double sum = 0.0;
    for (int i = first; i < stop; ++i) {
      if (run.labels[i] == c) sum += d < run.dim ? static_cast<double>(column[i]) : 1.0;
    }
    if (parts == 1) {
      sums[item] = sum;
    } else {
      shared[thread] = sum;
    }
  }
  __syncthreads();
  if (parts > 1 && thread < items) {
    double sum = 0.0;
    for (int p = 0; p < parts; ++p) sum += shared[p * items + thread];
    sums[thread] = sum;
  }
}

/// Blocks are (piece, run).
__global__ void __launch_bounds__(threads) assign(const LloydRun* runs, int last) {
  GPU_SHARED(double, shared, [threads]);
  GPU_SHARED(double, parts, [threads / 32]);
  const LloydRun run = runs[blockIdx.y];
  const bool works = static_cast<int>(blockIdx.x) < run.pieces && (last != 0 || run.state->done == 0);
  if (works) {  // the same for the whole block
    const int begin = static_cast<int>(blockIdx.x) * rows_in_piece;
    const int end = begin + rows_in_piece < run.rows ? begin + rows_in_piece : run.rows;
    double inertia = 0.0;
    for (int row = begin + static_cast<int>(threadIdx.x); row < end; row += threads) {
      int label = 0;
      const float squared = nearest_center(run, row, label);
      run.labels[row] = label;
      run.distances[row] = squared;
      inertia += static_cast<double>(squared);
    }
    const double total = block::block_sum(inertia, parts);  // its barrier shows everyone the labels
    if (threadIdx.x == 0) run.inertias[blockIdx.x] = total;
    if (last == 0) add_by_label(run, begin, end, shared);
  }
}

/// The row that is farthest from its centre, the first of equal ones; for every thread.
__device__ inline int farthest_row(const LloydRun& run, float* values, int* rows) {
  float value = -1.0f;
  int row = 0;
  for (int i = static_cast<int>(threadIdx.x); i < run.rows; i += threads) {
    if (run.distances[i] > value) {
      value = run.distances[i];
      row = i;
    }
  }
  values[threadIdx.x] = value;
  rows[threadIdx.x] = row;
  __syncthreads();
  for (int t = 0; t < threads; ++t) {
    if (values[t] > value || (values[t] == value && rows[t] < row)) {
      value = values[t];
      row = rows[t];
    }
  }
  __syncthreads();
  return row;
}

/// Puts an empty cluster on the point that is farthest from its centre; where that is at distance 0 there are
/// fewer distinct points than clusters, and the cluster stays empty. Returns the squared move, in thread 0.
__device__ inline double restart(const LloydRun& run, int c, float* values, int* rows) {
  const int row = farthest_row(run, values, rows);
  double moved = 0.0;
  if (threadIdx.x == 0 && run.distances[row] > 0.0f) {
    for (int d = 0; d < run.dim; ++d) {
      float& center = run.centers[static_cast<std::ptrdiff_t>(d) * run.padded + c];
      const float value = run.points[static_cast<std::ptrdiff_t>(d) * run.rows + row];
      const double difference = static_cast<double>(value) - static_cast<double>(center);
      moved += difference * difference;
      center = value;
    }
    run.distances[row] = 0.0f;  // the next empty cluster takes another point
  }
  __syncthreads();
  return moved;
}

/// One block a run: centres become the means of their points.
__global__ void __launch_bounds__(threads) move_centers(const LloydRun* runs) {
  GPU_SHARED(double, parts, [threads / 32]);
  GPU_SHARED(float, values, [threads]);
  GPU_SHARED(int, rows, [threads]);
  const LloydRun run = runs[blockIdx.x];
  if (run.state->done == 0) {  // the same for the whole block
    const int items = run.k * (run.dim + 1);
    for (int item = static_cast<int>(threadIdx.x); item < items; item += threads) {
      double sum = 0.0;
      for (int p = 0; p < run.pieces; ++p) sum += run.sums[static_cast<std::ptrdiff_t>(p) * items + item];
      run.sums[item] = sum;
    }
    __syncthreads();
    double moved = 0.0;
    for (int c = static_cast<int>(threadIdx.x); c < run.k; c += threads) {
      const double* sums = run.sums + static_cast<std::ptrdiff_t>(c) * (run.dim + 1);
      const double count = sums[run.dim];
      for (int d = 0; d < run.dim && count > 0.0; ++d) {
        float& center = run.centers[static_cast<std::ptrdiff_t>(d) * run.padded + c];
        const auto value = static_cast<float>(sums[d] / count);
        const double difference = static_cast<double>(value) - static_cast<double>(center);
        moved += difference * difference;
        center = value;
      }
    }
    double total = block::block_sum(moved, parts);
    for (int c = 0; c < run.k; ++c) {
      if (run.sums[static_cast<std::ptrdiff_t>(c) * (run.dim + 1) + run.dim] == 0.0)
        total += restart(run, c, values, rows);
    }
    __syncthreads();
    if (threadIdx.x == 0) {
      LloydState& state = *run.state;
      ++state.iterations;
      state.converged = total <= run.least_move ? 1 : 0;
      state.done = state.converged != 0 || state.iterations >= run.most_iterations ? 1 : 0;
    }
  }
}

/// One thread a run.
__global__ void __launch_bounds__(threads) add_inertias(const LloydRun* runs, int count) {
  const int r = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  if (r < count) {
    double inertia = 0.0;
    for (int p = 0; p < runs[r].pieces; ++p) inertia += runs[r].inertias[p];
    runs[r].state->inertia = inertia;
  }
}

std::size_t padded_count(std::size_t k) {
  return (k + group - 1) / group * group;
}
std::size_t pieces_of(std::size_t rows) {
  return (rows + rows_in_piece - 1) / rows_in_piece;
}

/// How many numbers of each kind runs take.
struct Sizes {
  std::size_t centers = 0, rows = 0, sums = 0, pieces = 0;

  void add(const LloydStart& start) {
    const std::size_t k = start.centers.rows();
    const std::size_t dim = start.centers.cols();
    centers += padded_count(k) * dim;
    rows += start.rows;
    sums += pieces_of(start.rows) * k * (dim + 1);
    pieces += pieces_of(start.rows);
  }
};

LloydRun shape_of(const LloydStart& start) {
  LloydRun run;
  run.points = start.points;
  run.rows = DevicePoints::to_int(start.rows);
  run.dim = static_cast<int>(start.centers.cols());
  run.k = static_cast<int>(start.centers.rows());
  run.padded = static_cast<int>(padded_count(start.centers.rows()));
  run.pieces = static_cast<int>(pieces_of(start.rows));
  run.most_iterations = static_cast<int>(start.most_iterations);
  run.least_move = start.least_move;
  return run;
}

}  // namespace

std::size_t Lloyd::device_bytes(std::size_t rows, std::size_t dim, std::size_t k) {
  return 8 * rows + 8 * pieces_of(rows) * (k * (dim + 1) + 1) + 4 * padded_count(k) * dim;
}

Lloyd::Lloyd(std::span<const LloydStart> starts, cudaStream_t stream) : stream_(stream) {
  Sizes all;
  for (const LloydStart& start : starts) all.add(start);
  centers_ = DeviceArray<float>(all.centers, stream);
  labels_ = DeviceArray<std::int32_t>(all.rows, stream);
  distances_ = DeviceArray<float>(all.rows, stream);
  sums_ = DeviceArray<double>(all.sums, stream);
  inertias_ = DeviceArray<double>(all.pieces, stream);
  states_ = DeviceArray<LloydState>(starts.size(), stream);
  states_.fill_with_zeros();
  std::vector<float> laid_out;
  laid_out.reserve(all.centers);
  Sizes before;
  for (const LloydStart& start : starts) {
    LloydRun run = shape_of(start);
    run.centers = centers_.data() + before.centers;
    run.labels = labels_.data() + before.rows;
    run.distances = distances_.data() + before.rows;
    run.sums = sums_.data() + before.sums;
    run.inertias = inertias_.data() + before.pieces;
    run.state = states_.data() + runs_.size();
    for (std::size_t d = 0; d < start.centers.cols(); ++d)
      for (std::size_t c = 0; c < padded_count(start.centers.rows()); ++c)
        laid_out.push_back(c < start.centers.rows() ? start.centers(c, d)
                                                    : std::numeric_limits<float>::infinity());
    before.add(start);
    most_pieces_ = std::max(most_pieces_, static_cast<unsigned>(run.pieces));
    runs_.push_back(run);
  }
  copy_to_device(centers_.data(), std::span<const float>(laid_out), stream);
  device_runs_ = to_device(runs_, stream);
}

void Lloyd::iterate(bool last) {
  const dim3 grid(most_pieces_, static_cast<unsigned>(runs_.size()));
  launch(assign, grid, threads, 0, stream_, device_runs_.data(), last ? 1 : 0);
  if (!last) launch(move_centers, runs_.size(), threads, 0, stream_, device_runs_.data());
}

std::vector<LloydEnd> Lloyd::run() {
  bool going =
      std::any_of(runs_.begin(), runs_.end(), [](const LloydRun& r) { return r.most_iterations > 0; });
  while (going) {
    for (int i = 0; i < iterations_a_look; ++i) iterate(false);
    const std::vector<LloydState> states = to_host(states_, stream_);
    going = std::any_of(states.begin(), states.end(), [](const LloydState& s) { return s.done == 0; });
  }
  iterate(true);
  launch(add_inertias, (runs_.size() + threads - 1) / threads, threads, 0, stream_, device_runs_.data(),
         static_cast<int>(runs_.size()));
  const std::vector<LloydState> states = to_host(states_, stream_);
  const std::vector<float> centers = to_host(centers_, stream_);
  std::vector<LloydEnd> ends;
  for (std::size_t r = 0; r < runs_.size(); ++r) {
    const LloydRun& run = runs_[r];
    const float* found = centers.data() + (run.centers - centers_.data());
    Matrix<float> own(static_cast<std::size_t>(run.k), static_cast<std::size_t>(run.dim));
    for (std::size_t c = 0; c < own.rows(); ++c)
      for (std::size_t d = 0; d < own.cols(); ++d)
        own(c, d) = found[d * static_cast<std::size_t>(run.padded) + c];
    ends.push_back({std::move(own), states[r].inertia, static_cast<std::size_t>(states[r].iterations),
                    states[r].converged != 0});
  }
  return ends;
}

std::vector<std::int32_t> Lloyd::labels(std::size_t run) const {
  std::vector<std::int32_t> out(static_cast<std::size_t>(runs_[run].rows));
  copy_to_host(std::span<std::int32_t>(out), static_cast<const std::int32_t*>(runs_[run].labels), stream_);
  GPU_CHECK(cudaStreamSynchronize(stream_));
  return out;
}

}  // namespace gmmvae::cuda
