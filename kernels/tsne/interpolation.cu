#include <algorithm>
#include <string>

#include "host/tsne/kernel_convolution.hpp"
#include "kernels/tsne/interpolation.hpp"
#include "kernels/tsne/spline.cuh"
#include "kernels/tsne/sums.cuh"

// Charges are spread with whole numbers: a weight becomes a multiple of 2^-22, and sums of whole numbers do
// not depend on their order. So points can be binned and added with integer atomics, as fast as the hardware
// can, and every run gives the same bits; 2^-22 is what single precision leaves of such sums anyway.
namespace gmmvae::cuda {
namespace {

constexpr int threads = sum_threads;
/// Cells of a tile a side; its splines reach one node back and two on.
constexpr int tile_cells = 16;
constexpr int tile_nodes = tile_cells + 3;
/// Points of a piece. A node gets at most (2/3)^2 of each: 1024 x 4/9 x 2^22 is below 2^31.
constexpr std::uint32_t piece_points = 1024;
constexpr float charge_unit = 0x1p22f;
/// Blocks that share out the pieces; some eight a multiprocessor of an H200.
constexpr std::size_t most_spread_blocks = 1056;
constexpr float nodes_a_unit = static_cast<float>(1.0 / tsne::kNodeSpacing);
/// Steps of the ladder: the next grid has an eighth more nodes.
constexpr std::uint32_t smallest_transform = 32;
constexpr std::uint32_t largest_transform = 32768;

std::size_t blocks_for(std::size_t count) {
  return (count + threads - 1) / threads;
}

__host__ __device__ inline std::uint32_t tiles_a_side(std::uint32_t nodes) {
  return (nodes + tile_cells - 1) / tile_cells;
}

/// The cell of a point: the node before it in each direction, counted from the grid's first, and how far it
/// lies beyond. Nodes lie at multiples of their distance, wherever the grid begins.
struct Cell {
  int node[2];
  float beyond[2];
};

__device__ inline Cell cell_of(float2 position, const DescentState& state) {
  const float at[2] = {position.x * nodes_a_unit, position.y * nodes_a_unit};
  Cell cell;
#pragma unroll
  for (int d = 0; d < 2; ++d) {
    const float below = floorf(at[d]);
    cell.beyond[d] = at[d] - below;
    cell.node[d] = static_cast<int>(below) - state.first[d];
  }
  return cell;
}

__device__ inline float2 position_at(const float* positions, std::size_t point) {
  return *reinterpret_cast<const float2*>(positions + 2 * point);
}

__global__ void choose_grid(std::uint32_t fewest, std::uint32_t most, std::uint32_t largest,
                            DescentState* state) {
  if (state->halt != Halt::none) return;
  float needed = 0.0f;
  for (int d = 0; d < 2; ++d) {
    const float first = floorf(from_ordered(state->low[d]) * nodes_a_unit) - 1.0f;
    const float last = floorf(from_ordered(state->high[d]) * nodes_a_unit) + 2.0f;
    const float count = last - first + 1.0f;
    needed = count > needed || isnan(count) ? count : needed;
    state->first[d] = fabsf(first) < 1e9f ? static_cast<int>(first) : 0;
  }
  if (!(needed <= static_cast<float>(largest))) {
    state->halt = Halt::too_wide;
    return;
  }
  state->needed = static_cast<std::uint32_t>(needed);
  if (state->needed < fewest || state->needed > most) state->halt = Halt::other_grid;
}

__global__ void __launch_bounds__(threads)
    count_tiles(const float* positions, std::size_t rows, std::uint32_t side, const DescentState* state,
                std::uint32_t* tile_of, std::uint32_t* counts) {
  const std::size_t point = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (state->halt != Halt::none || point >= rows) return;
  const Cell cell = cell_of(position_at(positions, point), *state);
  const std::uint32_t tile = static_cast<std::uint32_t>(cell.node[0] / tile_cells) * side +
                             static_cast<std::uint32_t>(cell.node[1] / tile_cells);
  tile_of[point] = tile;
  atomicAdd(counts + tile, 1u);
}

/// Inclusive sum over the threads of a block, and the total.
__device__ inline std::uint32_t block_scan(std::uint32_t value, std::uint32_t& total) {
  GPU_SHARED(std::uint32_t, parts, [threads / 32]);
  const auto lane = lane_id();
#pragma unroll
  for (unsigned step = 1; step < 32; step *= 2) {
    const std::uint32_t other = __shfl_up_sync(full_warp, value, step);
    if (lane >= step) value += other;
  }
  __syncthreads();
  if (lane == 31) parts[warp_id()] = value;
  __syncthreads();
  total = 0;
  std::uint32_t before = 0;
#pragma unroll
  for (unsigned w = 0; w < threads / 32; ++w) {
    if (w < warp_id()) before += parts[w];
    total += parts[w];
  }
  return before + value;
}

__device__ inline std::uint32_t pieces_of(std::uint32_t points) {
  return (points + piece_points - 1) / piece_points;
}

/// One block: where each tile's points go, and the pieces that they are cut into.
__global__ void __launch_bounds__(threads)
    lay_out_tiles(std::uint32_t tiles, const DescentState* state, std::uint32_t* counts,
                  std::uint32_t* cursors, std::uint32_t* piece_tiles, std::uint32_t* piece_begins,
                  std::uint32_t* piece_count) {
  if (state->halt == Halt::none) {
    std::uint32_t points_before = 0;
    std::uint32_t pieces_before = 0;
    for (std::uint32_t base = 0; base < tiles; base += threads) {
      const std::uint32_t tile = base + threadIdx.x;
      const std::uint32_t points = tile < tiles ? counts[tile] : 0;
      const std::uint32_t pieces = pieces_of(points);
      std::uint32_t all_points = 0;
      std::uint32_t all_pieces = 0;
      const std::uint32_t begin = points_before + block_scan(points, all_points) - points;
      const std::uint32_t piece = pieces_before + block_scan(pieces, all_pieces) - pieces;
      if (tile < tiles) {
        counts[tile] = 0;
        cursors[tile] = begin;
        for (std::uint32_t p = 0; p < pieces; ++p) {
          piece_tiles[piece + p] = tile;
          piece_begins[piece + p] = begin + p * piece_points;
        }
      }
      points_before += all_points;
      pieces_before += all_pieces;
    }
    if (threadIdx.x == 0) {
      *piece_count = pieces_before;
      piece_begins[pieces_before] = points_before;
    }
  }
}

/// The order within a tile is left to chance: sums of whole numbers do not care.
__global__ void __launch_bounds__(threads)
    sort_into_tiles(const std::uint32_t* tile_of, std::size_t rows, const DescentState* state,
                    std::uint32_t* cursors, std::uint32_t* sorted) {
  const std::size_t point = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (state->halt != Halt::none || point >= rows) return;
  sorted[atomicAdd(cursors + tile_of[point], 1u)] = static_cast<std::uint32_t>(point);
}

__device__ inline void spread_point(const Cell& cell, int row0, int column0, unsigned* tile) {
  float down[4];
  float across[4];
  spline(cell.beyond[0], down);
  spline(cell.beyond[1], across);
  const int corner = (cell.node[0] - row0) * tile_nodes + (cell.node[1] - column0);
  // lanes begin at different nodes: where points lie together they would wait for each other
  const int turn = static_cast<int>(lane_id());
#pragma unroll
  for (int s = 0; s < 16; ++s) {
    const int n = (s + turn) % 16;
    float weight_down = down[0];
    float weight_across = across[0];
#pragma unroll
    for (int i = 1; i < 4; ++i) {
      weight_down = n / 4 == i ? down[i] : weight_down;
      weight_across = n % 4 == i ? across[i] : weight_across;
    }
    const int charge = __float2int_rn(weight_down * weight_across * charge_unit);
    atomicAdd(tile + corner + (n / 4) * tile_nodes + n % 4, static_cast<unsigned>(charge));
  }
}

__global__ void __launch_bounds__(threads)
    spread(const float* positions, const std::uint32_t* sorted, const std::uint32_t* piece_tiles,
           const std::uint32_t* piece_begins, const std::uint32_t* piece_count, std::uint32_t side,
           std::uint32_t nodes, const DescentState* state, unsigned long long* counts) {
  GPU_SHARED(unsigned, tile, [tile_nodes * tile_nodes]);
  const std::uint32_t pieces = state->halt == Halt::none ? *piece_count : 0;
  for (std::uint32_t piece = blockIdx.x; piece < pieces; piece += gridDim.x) {
    for (int i = static_cast<int>(threadIdx.x); i < tile_nodes * tile_nodes; i += threads) tile[i] = 0;
    __syncthreads();
    // a cell's splines begin one node before it
    const int row0 = static_cast<int>(piece_tiles[piece] / side) * tile_cells;
    const int column0 = static_cast<int>(piece_tiles[piece] % side) * tile_cells;
    const std::uint32_t end = piece_begins[piece + 1];
    for (std::uint32_t i = piece_begins[piece] + threadIdx.x; i < end; i += threads)
      spread_point(cell_of(position_at(positions, sorted[i]), *state), row0, column0, tile);
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < tile_nodes * tile_nodes; i += threads) {
      if (tile[i] == 0) continue;
      const int row = row0 - 1 + i / tile_nodes;
      const int column = column0 - 1 + i % tile_nodes;
      atomicAdd(counts + static_cast<std::size_t>(row) * nodes + column,
                static_cast<unsigned long long>(tile[i]));
    }
    __syncthreads();
  }
}

/// Whole numbers become charges; the next step begins with zeros.
__global__ void __launch_bounds__(threads)
    to_charges(std::uint32_t nodes, std::uint32_t size, const DescentState* state, unsigned long long* counts,
               float* charges) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (state->halt != Halt::none || i >= static_cast<std::size_t>(nodes) * nodes) return;
  charges[i / nodes * size + i % nodes] =
      static_cast<float>(static_cast<double>(counts[i]) * (1.0 / static_cast<double>(charge_unit)));
  counts[i] = 0;
}

__global__ void __launch_bounds__(threads)
    multiply(const float* spectrum, std::size_t count, const DescentState* state, float2* transformed) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (state->halt != Halt::none || i >= count) return;
  float2 value = transformed[i];
  value.x *= spectrum[i];
  value.y *= spectrum[i];
  transformed[i] = value;
}

/// Forces on the points, and the block's share of Z.
__global__ void __launch_bounds__(threads)
    read_potential(const float* positions, std::size_t rows, const float* potential, std::uint32_t size,
                   SelfAction self, const DescentState* state, float* forces, double* parts) {
  const std::size_t point = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  double z = 0.0;
  if (state->halt == Halt::none && point < rows) {
    const Cell cell = cell_of(position_at(positions, point), *state);
    Reading reading;
    read_nodes(cell.beyond[0], cell.beyond[1],
               potential + static_cast<std::size_t>(cell.node[0] - 1) * size + (cell.node[1] - 1), size, self,
               reading);
    z = static_cast<double>(reading.potential);
    forces[2 * point] = -0.5f * nodes_a_unit * reading.slope_down;
    forces[2 * point + 1] = -0.5f * nodes_a_unit * reading.slope_across;
  }
  z = block_sum(z);
  if (threadIdx.x == 0) parts[blockIdx.x] = z;
}

/// 1 / (1 + r^2) between nodes, wrapped around.
__global__ void __launch_bounds__(threads) sample_kernel(std::uint32_t size, float* grid) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (i >= static_cast<std::size_t>(size) * size) return;
  const auto row = static_cast<std::uint32_t>(i / size);
  const auto column = static_cast<std::uint32_t>(i % size);
  const double x = tsne::kNodeSpacing * (row < size - row ? row : size - row);
  const double y = tsne::kNodeSpacing * (column < size - column ? column : size - column);
  grid[i] = static_cast<float>(1.0 / (1.0 + x * x + y * y));
}

/// The kernel's transform, which is real, times what makes forces most accurate, both transforms' scale taken
/// off. `factors` [size/2+1,size/2+1] are for frequencies up to half of the size.
__global__ void __launch_bounds__(threads)
    finish_spectrum(std::uint32_t size, const float2* transformed, const float* factors, float* spectrum) {
  const std::uint32_t half = size / 2 + 1;
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (i >= static_cast<std::size_t>(size) * half) return;
  const auto row = static_cast<std::uint32_t>(i / half);
  const std::uint32_t frequency = row < size - row ? row : size - row;
  const double scale = static_cast<double>(size) * size;
  spectrum[i] = static_cast<float>(static_cast<double>(transformed[i].x) *
                                   factors[static_cast<std::size_t>(frequency) * half + i % half] / scale);
}

SelfAction self_action() {
  SelfAction out;
  const auto& table = tsne::kernel_near_zero();
  for (int a = 0; a < 4; ++a)
    for (int b = 0; b < 4; ++b) out.kernel[a][b] = table[a][b];
  return out;
}

}  // namespace

const std::vector<std::uint32_t>& grid_ladder() {
  static const std::vector<std::uint32_t> ladder = [] {
    std::vector<std::uint32_t> nodes;
    std::size_t size = smallest_transform;
    while (size <= largest_transform) {
      nodes.push_back(static_cast<std::uint32_t>(size / 2));
      size = RealFft2d::good_size(size + size / 8 + 1);
    }
    return nodes;
  }();
  return ladder;
}

InterpolationGrid::InterpolationGrid(std::size_t level, cudaStream_t stream)
    : nodes_(grid_ladder().at(level)),
      fewest_(level == 0 ? 0 : grid_ladder()[level - 1] + 1),
      size_(2 * nodes_),
      counts_(static_cast<std::size_t>(nodes_) * nodes_, stream),
      charges_(static_cast<std::size_t>(size_) * size_, stream),
      potential_(charges_.size(), stream),
      transformed_(static_cast<std::size_t>(size_) * (size_ / 2 + 1), stream),
      spectrum_(transformed_.size(), stream),
      fft_(size_, stream) {
  counts_.fill_with_zeros();
  launch(sample_kernel, blocks_for(charges_.size()), threads, 0, stream, size_, potential_.data());
  fft_.forward(potential_.data(), transformed_.data());
  const DeviceArray<float> factors = to_device(tsne::spectrum_factors(size_), stream);
  launch(finish_spectrum, blocks_for(spectrum_.size()), threads, 0, stream, size_, transformed_.data(),
         factors.data(), spectrum_.data());
  fft_.backward(transformed_.data(),
                potential_.data());  // whatever is loaded late is loaded before a capture
  charges_.fill_with_zeros();
}

void InterpolationGrid::convolve(const DescentState* state, cudaStream_t stream) {
  launch(to_charges, blocks_for(counts_.size()), threads, 0, stream, nodes_, size_, state, counts_.data(),
         charges_.data());
  fft_.forward(charges_.data(), transformed_.data());
  launch(multiply, blocks_for(transformed_.size()), threads, 0, stream, spectrum_.data(), transformed_.size(),
         state, transformed_.data());
  fft_.backward(transformed_.data(), potential_.data());
}

InterpolationScratch::InterpolationScratch(std::size_t rows, cudaStream_t stream)
    : tile_of(rows, stream), sorted(rows, stream), piece_count(1, stream), parts(blocks_for(rows), stream) {
  const std::size_t side = tiles_a_side(grid_ladder().back());
  tile_counts = DeviceArray<std::uint32_t>(side * side, stream);
  tile_counts.fill_with_zeros();
  cursors = DeviceArray<std::uint32_t>(side * side, stream);
  // every tile that has points has a piece that is not full, at most
  const std::size_t pieces = std::min(side * side, rows) + rows / piece_points;
  piece_tiles = DeviceArray<std::uint32_t>(pieces, stream);
  piece_begins = DeviceArray<std::uint32_t>(pieces + 1, stream);
}

void launch_choose_grid(const InterpolationGrid& grid, DescentState* state, cudaStream_t stream) {
  launch(choose_grid, 1, 1, 0, stream, grid.fewest_nodes(), grid.nodes(), grid_ladder().back(), state);
}

void launch_interpolated_repulsion(InterpolationGrid& grid, InterpolationScratch& scratch,
                                   const float* positions, std::size_t rows, const DescentState* state,
                                   float* forces, cudaStream_t stream) {
  const std::uint32_t side = tiles_a_side(grid.nodes());
  const std::size_t blocks = blocks_for(rows);
  launch(count_tiles, blocks, threads, 0, stream, positions, rows, side, state, scratch.tile_of.data(),
         scratch.tile_counts.data());
  launch(lay_out_tiles, 1, threads, 0, stream, side * side, state, scratch.tile_counts.data(),
         scratch.cursors.data(), scratch.piece_tiles.data(), scratch.piece_begins.data(),
         scratch.piece_count.data());
  launch(sort_into_tiles, blocks, threads, 0, stream, scratch.tile_of.data(), rows, state,
         scratch.cursors.data(), scratch.sorted.data());
  const std::size_t spreaders = std::min(most_spread_blocks, scratch.piece_tiles.size());
  launch(spread, spreaders, threads, 0, stream, positions, scratch.sorted.data(), scratch.piece_tiles.data(),
         scratch.piece_begins.data(), scratch.piece_count.data(), side, grid.nodes(), state, grid.counts());
  grid.convolve(state, stream);
  launch(read_potential, blocks, threads, 0, stream, positions, rows, grid.potential(), grid.size(),
         self_action(), state, forces, scratch.parts.data());
}

}  // namespace gmmvae::cuda
