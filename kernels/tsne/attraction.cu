#include "kernels/tsne/forces.hpp"
#include "kernels/tsne/sums.cuh"

namespace gmmvae::cuda {
namespace {

constexpr int threads = sum_threads;
constexpr int warps = threads / 32;

template <int Dim>
struct Position {
  float x[Dim];
};

template <int Dim>
__device__ inline Position<Dim> position_of(const float* positions, std::uint32_t point) {
  Position<Dim> out;
  if constexpr (Dim == 2) {
    const float2 both = *reinterpret_cast<const float2*>(positions + 2 * static_cast<std::size_t>(point));
    out.x[0] = both.x;
    out.x[1] = both.y;
  } else {
#pragma unroll
    for (int d = 0; d < Dim; ++d) out.x[d] = positions[static_cast<std::size_t>(point) * Dim + d];
  }
  return out;
}

template <int Dim>
__device__ inline float squared_distance(const Position<Dim>& a, const Position<Dim>& b) {
  float sum = 0.0f;
#pragma unroll
  for (int d = 0; d < Dim; ++d) sum += (a.x[d] - b.x[d]) * (a.x[d] - b.x[d]);
  return sum;
}

template <int Dim>
__global__ void __launch_bounds__(threads)
    attract(AffinityRows p, const float* positions, const DescentState* state, float* forces) {
  const std::uint32_t row = blockIdx.x * warps + warp_id();
  if (state->halt != Halt::none || row >= p.rows) return;
  const Position<Dim> own = position_of<Dim>(positions, row);
  float force[Dim] = {};
  for (std::uint64_t e = p.offsets[row] + lane_id(); e < p.offsets[row + 1]; e += 32) {
    const Position<Dim> other = position_of<Dim>(positions, p.columns[e]);
    const float weight = p.values[e] / (1.0f + squared_distance<Dim>(own, other));
#pragma unroll
    for (int d = 0; d < Dim; ++d) force[d] += weight * (own.x[d] - other.x[d]);
  }
#pragma unroll
  for (int d = 0; d < Dim; ++d) {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) force[d] += __shfl_xor_sync(full_warp, force[d], step);
    if (lane_id() == 0) forces[static_cast<std::size_t>(row) * Dim + d] = force[d];
  }
}

template <int Dim>
__global__ void __launch_bounds__(threads)
    edge_logarithms(AffinityRows p, const float* positions, const DescentState* state, double* parts) {
  const std::uint32_t row = blockIdx.x * warps + warp_id();
  double sum = 0.0;
  if (state->halt == Halt::none && row < p.rows) {
    const Position<Dim> own = position_of<Dim>(positions, row);
    for (std::uint64_t e = p.offsets[row] + lane_id(); e < p.offsets[row + 1]; e += 32) {
      const float squared = squared_distance<Dim>(own, position_of<Dim>(positions, p.columns[e]));
      sum += static_cast<double>(p.values[e] * log1pf(squared));
    }
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

__global__ void __launch_bounds__(threads)
    sum_logarithms(const double* parts, std::size_t count, DescentState* state) {
  if (state->halt == Halt::none) {
    const double sum = block_sum_of(parts, count);
    if (threadIdx.x == 0) state->edge_logarithms = sum;
  }
}

__global__ void __launch_bounds__(threads)
    normalize(const double* parts, std::size_t count, double correction, DescentState* state) {
  if (state->halt == Halt::none) {
    const double sum = block_sum_of(parts, count);
    if (threadIdx.x == 0) state->normalization = sum + correction;
  }
}

std::size_t row_blocks(std::size_t rows) {
  return (rows + warps - 1) / warps;
}

}  // namespace

std::size_t logarithm_parts(std::size_t rows) {
  return row_blocks(rows);
}

void launch_attraction(const AffinityRows& p, const float* positions, int dim, const DescentState* state,
                       float* forces, cudaStream_t stream) {
  const auto kernel = dim == 1 ? attract<1> : dim == 2 ? attract<2> : attract<3>;
  launch(kernel, row_blocks(p.rows), threads, 0, stream, p, positions, state, forces);
}

void launch_edge_logarithms(const AffinityRows& p, const float* positions, int dim, const DescentState* state,
                            double* parts, cudaStream_t stream) {
  const auto kernel = dim == 1 ? edge_logarithms<1> : dim == 2 ? edge_logarithms<2> : edge_logarithms<3>;
  launch(kernel, row_blocks(p.rows), threads, 0, stream, p, positions, state, parts);
}

void launch_sum_logarithms(const double* parts, std::size_t count, DescentState* state, cudaStream_t stream) {
  launch(sum_logarithms, 1, threads, 0, stream, parts, count, state);
}

void launch_normalization(const double* parts, std::size_t count, double correction, DescentState* state,
                          cudaStream_t stream) {
  launch(normalize, 1, threads, 0, stream, parts, count, correction, state);
}

}  // namespace gmmvae::cuda
