// Counted for a pair in D dimensions: D subtractions, D multiply-adds and D/4 LDS.128 a warp; an exponential,
// seven multiplications and four additions for the kernels, a square root for a distance, a comparison for a
// ball or the nearest point. Tiles are read once a block: 4 D bytes for 128 pairs.
#include <algorithm>

#include "kernels/metrics/pairs.hpp"

namespace gmmvae::cuda {
namespace {

constexpr int threads = 128;
constexpr int group = 32;  // others that a thread works on side by side, its squared distances in registers
constexpr float far_away = std::numeric_limits<float>::infinity();

/// Moves a value down an ascending list by compare and swap.
template <int listed>
__device__ inline void insert(float value, float (&list)[listed]) {
#pragma unroll
  for (int s = 0; s < listed; ++s) {
    const float low = fminf(value, list[s]);
    value = fmaxf(value, list[s]);
    list[s] = low;
  }
}

/// What one point has seen so far.
template <int listed>
struct Seen {
  float list[listed > 0 ? listed : 1];
  float nearest = far_away;
  unsigned inside = 0;
  double kernels = 0.0;
  double distances = 0.0;
};

/// One exponential serves the four bandwidths: each kernel is the fourth power of the wider one.
__device__ inline float four_kernels(float squared, float factor) {
  const float wide = expf(squared * factor);
  const float a = wide * wide * (wide * wide);
  const float b = a * a * (a * a);
  const float c = b * b * (b * b);
  return 0.25f * ((wide + a) + (b + c));
}

/// Takes up to `group` squared distances in; beyond `count` they are infinite.
template <int listed>
__device__ inline void take_in(const PairTask& task, const float (&squared)[group], const float* radii,
                               int count, Seen<listed>& seen) {
  if constexpr (listed > 0) {
#pragma unroll
    for (int j = 0; j < group; ++j) {
      if (squared[j] < seen.list[listed - 1]) insert(squared[j], seen.list);
    }
  }
  if (task.nearest != nullptr) {
#pragma unroll
    for (int j = 0; j < group; ++j) seen.nearest = fminf(seen.nearest, squared[j]);
  }
  if (task.inside != nullptr) {
#pragma unroll
    for (int j = 0; j < group; ++j) seen.inside += squared[j] <= radii[j] ? 1u : 0u;
  }
  if (task.kernels != nullptr) {
    float sum = 0.0f;
#pragma unroll
    for (int j = 0; j < group; ++j) sum += four_kernels(squared[j], task.kernel_factor);
    seen.kernels += static_cast<double>(sum);
  }
  if (task.distances != nullptr) {
    float sum = 0.0f;
#pragma unroll
    for (int j = 0; j < group; ++j) sum += j < count ? sqrtf(squared[j]) : 0.0f;
    seen.distances += static_cast<double>(sum);
  }
}

/// Up to `chunk` coordinates of up to `group` others, zeros beyond: tile[d][j / 4] holds others j to j + 3.
template <int chunk>
__device__ inline void stage(const PairTask& task, int first, int count, int first_dim,
                             float4 (*tile)[group / 4]) {
  for (int e = static_cast<int>(threadIdx.x); e < chunk * (group / 4); e += threads) {
    const int d = e / (group / 4);
    const int j = e % (group / 4) * 4;
    const bool inside = first_dim + d < task.dim;
    const float* from =
        task.others + static_cast<std::ptrdiff_t>(first_dim + d) * task.others_count + first + j;
    tile[d][j / 4] =
        make_float4(inside && j < count ? from[0] : 0.0f, inside && j + 1 < count ? from[1] : 0.0f,
                    inside && j + 2 < count ? from[2] : 0.0f, inside && j + 3 < count ? from[3] : 0.0f);
  }
}

/// Adds the squared differences of `chunk` coordinates.
template <int chunk>
__device__ inline void add_squares(const PairTask& task, int point, int first_dim,
                                   const float4 (*tile)[group / 4], float (&squared)[group]) {
  float x[chunk];
#pragma unroll
  for (int d = 0; d < chunk; ++d) {
    const std::ptrdiff_t row = first_dim + d;
    x[d] = first_dim + d < task.dim ? task.points[row * task.points_count + point] : 0.0f;
  }
#pragma unroll
  for (int d = 0; d < chunk; ++d) {
#pragma unroll
    for (int j = 0; j < group; j += 4) {
      const float4 y = tile[d][j / 4];
      const float a = x[d] - y.x;
      const float b = x[d] - y.y;
      const float c = x[d] - y.z;
      const float e = x[d] - y.w;
      squared[j] = fmaf(a, a, squared[j]);
      squared[j + 1] = fmaf(b, b, squared[j + 1]);
      squared[j + 2] = fmaf(c, c, squared[j + 2]);
      squared[j + 3] = fmaf(e, e, squared[j + 3]);
    }
  }
}

template <int listed>
__device__ inline void store(const PairTask& task, int row, const Seen<listed>& seen) {
  const std::ptrdiff_t piece = blockIdx.y;
  const std::ptrdiff_t at = piece * task.rows + row;
  if constexpr (listed > 0) {
#pragma unroll
    for (int s = 0; s < listed; ++s) {
      if (s < task.listed) task.lists[(piece * task.listed + s) * task.rows + row] = seen.list[s];
    }
  }
  if (task.nearest != nullptr) task.nearest[at] = seen.nearest;
  if (task.inside != nullptr) task.inside[at] = seen.inside;
  if (task.kernels != nullptr) task.kernels[at] = seen.kernels;
  if (task.distances != nullptr) task.distances[at] = seen.distances;
}

/// Blocks are (128 points, one piece of the others).
template <int chunk, int listed>
__global__ void __launch_bounds__(threads) see_others(PairTask task) {
  GPU_SHARED(float4, tile, [chunk][group / 4]);
  GPU_SHARED(float, radii, [group]);
  const int row = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  const int point = task.first_row + (row < task.rows ? row : task.rows - 1);
  const int end = task.pieces[blockIdx.y + 1];
  Seen<listed> seen;
  if constexpr (listed > 0) {
#pragma unroll
    for (int s = 0; s < listed; ++s) seen.list[s] = far_away;
  }
  for (int first = task.pieces[blockIdx.y]; first < end; first += group) {
    const int count = end - first < group ? end - first : group;
    float squared[group];
#pragma unroll
    for (int j = 0; j < group; ++j) squared[j] = j < count ? 0.0f : far_away;
    for (int d = 0; d < task.dim; d += chunk) {
      __syncthreads();  // everyone is done with the last tile
      stage<chunk>(task, first, count, d, tile);
      const int j = static_cast<int>(threadIdx.x);
      if (task.radii != nullptr && d == 0 && j < group) radii[j] = j < count ? task.radii[first + j] : -1.0f;
      __syncthreads();
      add_squares<chunk>(task, point, d, tile, squared);
    }
    take_in(task, squared, radii, count, seen);
  }
  if (row < task.rows) store(task, row, seen);
}

/// Adds up what the pieces have of one point.
__global__ void __launch_bounds__(threads) add_pieces(PairTask task, int pieces, PairTotals totals) {
  const int row = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  if (row < task.rows) {
    float list[most_listed];
#pragma unroll
    for (int s = 0; s < most_listed; ++s) list[s] = far_away;
    float nearest = far_away;
    unsigned inside = 0;
    double kernels = 0.0;
    double distances = 0.0;
    for (int p = 0; p < pieces; ++p) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(p) * task.rows + row;
      if (totals.radius2 != nullptr) {
        const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(p) * task.listed;
        for (int s = 0; s < task.listed; ++s) insert(task.lists[(first + s) * task.rows + row], list);
      }
      if (totals.nearest != nullptr) nearest = fminf(nearest, task.nearest[at]);
      if (totals.inside != nullptr) inside += task.inside[at];
      if (totals.kernels != nullptr) kernels += task.kernels[at];
      if (totals.distances != nullptr) distances += task.distances[at];
    }
    if (totals.radius2 != nullptr) {
      float last = 0.0f;
#pragma unroll
      for (int s = 0; s < most_listed; ++s) last = s == task.listed - 1 ? list[s] : last;
      totals.radius2[row] = last;
    }
    if (totals.nearest != nullptr) totals.nearest[row] = nearest;
    if (totals.inside != nullptr) totals.inside[row] = inside;
    if (totals.kernels != nullptr) totals.kernels[row] = kernels;
    if (totals.distances != nullptr) totals.distances[row] = distances;
  }
}

template <int listed>
void launch_for_dimension(const PairTask& task, dim3 grid, cudaStream_t stream) {
  const auto start = [&](void (*kernel)(PairTask)) { launch(kernel, grid, threads, 0, stream, task); };
  if (task.dim <= 2) return start(see_others<2, listed>);
  if (task.dim == 3) return start(see_others<3, listed>);
  if (task.dim == 4) return start(see_others<4, listed>);
  if (task.dim <= 8) return start(see_others<8, listed>);
  start(see_others<16, listed>);
}

}  // namespace

void launch_pairs(const PairTask& task, int pieces, cudaStream_t stream) {
  const dim3 grid(static_cast<unsigned>((task.rows + threads - 1) / threads), static_cast<unsigned>(pieces));
  if (task.lists == nullptr) {
    launch_for_dimension<0>(task, grid, stream);
  } else if (task.listed <= 6) {  // the five nearest, which the metrics take
    launch_for_dimension<6>(task, grid, stream);
  } else {
    launch_for_dimension<most_listed>(task, grid, stream);
  }
}

void launch_totals(const PairTask& task, int pieces, const PairTotals& totals, cudaStream_t stream) {
  launch(add_pieces, (task.rows + threads - 1) / threads, threads, 0, stream, task, pieces, totals);
}

}  // namespace gmmvae::cuda
