#include <algorithm>

#include "kernels/tsne/forces.hpp"
#include "kernels/tsne/pair.cuh"

// All pairs: a thread owns a point, a block walks through a piece of all points in tiles of shared memory.
// Sums run in single precision over a tile and go on in double. Pieces are added in their order.
namespace gmmvae::cuda {
namespace {

constexpr int threads = 128;
/// About eight blocks for each of an H200's 132 multiprocessors, where there are points enough.
constexpr std::size_t wanted_blocks = 1056;

template <int Dim>
__device__ inline void repel_from_tile(const float (&own)[Dim], const float* tile, int count,
                                       double (&force)[Dim], double& z) {
  float tile_force[Dim] = {};
  float tile_z = 0.0f;
#pragma unroll 4
  for (int j = 0; j < count; ++j) add_pair<Dim>(own, tile + j * Dim, tile_force, tile_z);
  z += static_cast<double>(tile_z);
#pragma unroll
  for (int d = 0; d < Dim; ++d) force[d] += static_cast<double>(tile_force[d]);
}

/// Sum over the block's 128 threads, for thread 0.
__device__ inline double sum_over_block(double value) {
  GPU_SHARED(double, parts, [threads / 32]);
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(full_warp, value, step);
  if (lane_id() == 0) parts[warp_id()] = value;
  __syncthreads();
  return (parts[0] + parts[1]) + (parts[2] + parts[3]);
}

/// A block's rows against its piece of all points.
template <int Dim>
__device__ inline void repel_rows(const float* positions, std::uint32_t rows, float* partial, double* parts) {
  GPU_SHARED(float, tile, [threads][Dim]);
  const std::uint32_t row = blockIdx.x * threads + threadIdx.x;
  const std::uint32_t tiles = (rows + threads - 1) / threads;
  const auto first = static_cast<std::uint32_t>(std::uint64_t{tiles} * blockIdx.y / gridDim.y);
  const auto last = static_cast<std::uint32_t>(std::uint64_t{tiles} * (blockIdx.y + 1) / gridDim.y);
  float own[Dim] = {};
  if (row < rows) {
#pragma unroll
    for (int d = 0; d < Dim; ++d) own[d] = positions[static_cast<std::size_t>(row) * Dim + d];
  }
  double force[Dim] = {};
  double z = 0.0;
  for (std::uint32_t t = first; t < last; ++t) {
    const std::uint32_t begin = t * threads;
    const int count = static_cast<int>(rows - begin < threads ? rows - begin : threads);
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < count * Dim; i += threads)
      (&tile[0][0])[i] = positions[static_cast<std::size_t>(begin) * Dim + i];
    __syncthreads();
    if (row < rows) repel_from_tile<Dim>(own, &tile[0][0], count, force, z);
  }
  if (row < rows) {
#pragma unroll
    for (int d = 0; d < Dim; ++d)
      partial[(static_cast<std::size_t>(blockIdx.y) * rows + row) * Dim + d] = static_cast<float>(force[d]);
  }
  z = sum_over_block(z);
  if (threadIdx.x == 0) parts[static_cast<std::size_t>(blockIdx.y) * gridDim.x + blockIdx.x] = z;
}

template <int Dim>
__global__ void __launch_bounds__(threads) repel(const float* positions, std::uint32_t rows,
                                                 const DescentState* state, float* partial, double* parts) {
  if (state->halt == Halt::none) repel_rows<Dim>(positions, rows, partial, parts);
}

__global__ void __launch_bounds__(threads) add_pieces(const float* partial, std::size_t count, int pieces,
                                                      const DescentState* state, float* forces) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (state->halt != Halt::none || i >= count) return;
  double sum = 0.0;
  for (int piece = 0; piece < pieces; ++piece)
    sum += static_cast<double>(partial[static_cast<std::size_t>(piece) * count + i]);
  forces[i] = static_cast<float>(sum);
}

}  // namespace

PairTiles pair_tiles(std::size_t rows) {
  PairTiles out;
  out.row_blocks = (rows + threads - 1) / threads;
  out.pieces = std::clamp<std::size_t>(wanted_blocks / out.row_blocks, 1, out.row_blocks);
  return out;
}

void launch_exact_repulsion(const float* positions, std::size_t rows, int dim, const DescentState* state,
                            float* partial, double* parts, float* forces, cudaStream_t stream) {
  const PairTiles tiles = pair_tiles(rows);
  const auto kernel = dim == 1 ? repel<1> : dim == 2 ? repel<2> : repel<3>;
  const dim3 grid(static_cast<unsigned>(tiles.row_blocks), static_cast<unsigned>(tiles.pieces));
  launch(kernel, grid, threads, 0, stream, positions, static_cast<std::uint32_t>(rows), state, partial,
         parts);
  const std::size_t count = rows * static_cast<std::size_t>(dim);
  launch(add_pieces, (count + threads - 1) / threads, threads, 0, stream, partial, count,
         static_cast<int>(tiles.pieces), state, forces);
}

}  // namespace gmmvae::cuda
