// Counted for a pair in D dimensions: D subtractions, D multiply-adds (and D multiplications where there are
// weights), an exponential and four more operations; one addition in double for 32 pairs.
#include "kernels/metrics/log_sums.hpp"

namespace gmmvae::cuda {
namespace {

constexpr int threads = 128;
constexpr int group = 32;
constexpr int pieces = 16;
constexpr float nothing = -1e30f;  // below every term that counts; its own exponentials are 0

/// tile[d][j] <- coordinate and half the weight of up to `group` others; zeros beyond.
template <int chunk, bool weighted>
__device__ inline void stage(const LogSumTask& task, int first, int count, int first_dim,
                             float2 (*tile)[group]) {
  for (int e = static_cast<int>(threadIdx.x); e < chunk * group; e += threads) {
    const int d = e / group;
    const int j = e % group;
    float2 value = make_float2(0.0f, 0.0f);
    if (first_dim + d < task.dim && j < count) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(first_dim + d) * task.others_count + first + j;
      value = make_float2(task.others[at], weighted ? 0.5f * task.weights[at] : 0.5f);
    }
    tile[d][j] = value;
  }
}

/// Blocks are (128 points, one piece of the others).
template <int chunk, bool weighted>
__global__ void __launch_bounds__(threads, 3) add_terms(LogSumTask task) {
  GPU_SHARED(float2, tile, [chunk][group]);
  GPU_SHARED(float, offsets, [group]);
  const int row = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  const int point = row < task.points_count ? row : task.points_count - 1;
  const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(blockIdx.y) * task.points_count + point;
  const long long others = task.others_count;
  const auto end = static_cast<int>(others * (blockIdx.y + 1) / task.pieces);
  float largest = task.largest[at];
  double sum = task.sums[at];
  for (auto first = static_cast<int>(others * blockIdx.y / task.pieces); first < end; first += group) {
    const int count = end - first < group ? end - first : group;
    float terms[group];
    for (int d = 0; d < task.dim; d += chunk) {
      __syncthreads();  // everyone is done with the last tile
      stage<chunk, weighted>(task, first, count, d, tile);
      const int j = static_cast<int>(threadIdx.x);
      if (d == 0 && j < group) offsets[j] = j < count ? task.offsets[first + j] : nothing;
      __syncthreads();
      if (d == 0) {
#pragma unroll
        for (int i = 0; i < group; ++i) terms[i] = offsets[i];
      }
#pragma unroll
      for (int c = 0; c < chunk; ++c) {
        const std::ptrdiff_t coordinate = d + c;
        const float x = d + c < task.dim ? task.points[coordinate * task.points_count + point] : 0.0f;
#pragma unroll
        for (int i = 0; i < group; ++i) {
          const float difference = x - tile[c][i].x;
          const float weight = d + c < task.dim ? (weighted ? tile[c][i].y : 0.5f) : 0.0f;
          terms[i] = fmaf(-weight * difference, difference, terms[i]);
        }
      }
    }
    float most = terms[0];
#pragma unroll
    for (int i = 1; i < group; ++i) most = fmaxf(most, terms[i]);
    if (most > largest) {
      sum *= exp(static_cast<double>(largest) - static_cast<double>(most));
      largest = most;
    }
    float added = 0.0f;
#pragma unroll
    for (int i = 0; i < group; ++i) added += expf(terms[i] - largest);
    sum += static_cast<double>(added);
  }
  if (row < task.points_count) {
    task.largest[at] = largest;
    task.sums[at] = sum;
  }
}

__global__ void __launch_bounds__(threads) clear(LogSumTask task) {
  const int row = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  if (row < task.points_count) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(blockIdx.y) * task.points_count + row;
    task.largest[at] = nothing;
    task.sums[at] = 0.0;
  }
}

__global__ void __launch_bounds__(threads) join_pieces(LogSumTask task, double* values) {
  const int row = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  if (row < task.points_count) {
    float largest = nothing;
    for (int p = 0; p < task.pieces; ++p)
      largest = fmaxf(largest, task.largest[static_cast<std::ptrdiff_t>(p) * task.points_count + row]);
    double sum = 0.0;
    for (int p = 0; p < task.pieces; ++p) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(p) * task.points_count + row;
      sum += task.sums[at] * exp(static_cast<double>(task.largest[at]) - static_cast<double>(largest));
    }
    values[row] = static_cast<double>(largest) + log(sum);
  }
}

template <bool weighted>
void launch_add(const LogSumTask& task, dim3 grid, cudaStream_t stream) {
  const auto start = [&](void (*kernel)(LogSumTask)) { launch(kernel, grid, threads, 0, stream, task); };
  if (task.dim <= 2) return start(add_terms<2, weighted>);
  if (task.dim == 3) return start(add_terms<3, weighted>);
  if (task.dim == 4) return start(add_terms<4, weighted>);
  start(add_terms<8, weighted>);
}

dim3 grid_of(const LogSumTask& task) {
  return dim3(static_cast<unsigned>((task.points_count + threads - 1) / threads),
              static_cast<unsigned>(task.pieces));
}

}  // namespace

LogSums::LogSums(const DevicePoints& points, cudaStream_t stream)
    : stream_(stream),
      largest_(static_cast<std::size_t>(points.count()) * pieces, stream),
      sums_(static_cast<std::size_t>(points.count()) * pieces, stream),
      values_(static_cast<std::size_t>(points.count()), stream) {
  task_.points = points.data();
  task_.points_count = points.count();
  task_.dim = points.dim();
  task_.pieces = pieces;
  task_.largest = largest_.data();
  task_.sums = sums_.data();
  launch(clear, grid_of(task_), threads, 0, stream, task_);
}

void LogSums::add(const float* others, int count, const float* offsets, const float* weights) {
  task_.others = others;
  task_.others_count = count;
  task_.offsets = offsets;
  task_.weights = weights;
  if (weights != nullptr) {
    launch_add<true>(task_, grid_of(task_), stream_);
  } else {
    launch_add<false>(task_, grid_of(task_), stream_);
  }
}

std::vector<double> LogSums::values() {
  launch(join_pieces, (task_.points_count + threads - 1) / threads, threads, 0, stream_, task_,
         values_.data());
  return to_host(values_, stream_);
}

}  // namespace gmmvae::cuda
