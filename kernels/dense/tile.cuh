#pragma once

// A tile of 64 x 64 results by a block of 128 threads, 8 x 4 of them a thread: 3 LDS.128 for 32
// multiply-adds. The next 16 steps of depth are on their way from memory while the current ones are
// multiplied.

#include "kernels/block/adam.cuh"
#include "kernels/gpu.hpp"

namespace gmmvae::dense {

inline constexpr int tile_size = 64;
inline constexpr int tile_depth = 16;
inline constexpr int tile_threads = 128;
inline constexpr int tile_pitch =
    tile_size + 4;  ///< keeps rows on 16 bytes and spreads transposed stores over banks
inline constexpr int rows_a_thread = 8;
inline constexpr int columns_a_thread = 4;

/// How an operand lies in memory: its rows are results (the depth is contiguous), or its rows are steps of
/// depth.
enum class Lies { along_depth, across_depth };

/// A row-major operand with its true extents; zero outside them.
struct Operand {
  const float* data;
  int stride;
  int rows;
  int columns;

  __device__ block::Four at(int row, int column) const {
    block::Four four{};
    if (row >= rows || column >= columns) return four;
    four = block::load4(data + static_cast<std::ptrdiff_t>(row) * stride + column);
#pragma unroll
    for (int j = 1; j < 4; ++j) four.at[j] = column + j < columns ? four.at[j] : 0.0f;
    return four;
  }
};

using Panel = float[tile_depth][tile_pitch];  ///< [depth][result]

/// This thread's part of a panel: 2 x 4 numbers.
struct PanelPart {
  block::Four four[2];
};

template <Lies lies>
__device__ inline PanelPart fetch(const Operand& operand, int first, int depth) {
  PanelPart part;
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int i = static_cast<int>(threadIdx.x) + tile_threads * r;
    if constexpr (lies == Lies::along_depth) {
      part.four[r] = operand.at(first + i / 4, depth + 4 * (i % 4));
    } else {
      part.four[r] = operand.at(depth + i / 16, first + 4 * (i % 16));
    }
  }
  return part;
}

template <Lies lies>
__device__ inline void store(Panel& panel, const PanelPart& part) {
#pragma unroll
  for (int r = 0; r < 2; ++r) {
    const int i = static_cast<int>(threadIdx.x) + tile_threads * r;
    if constexpr (lies == Lies::along_depth) {
#pragma unroll
      for (int j = 0; j < 4; ++j) panel[4 * (i % 4) + j][i / 4] = part.four[r].at[j];
    } else {
      block::store4(&panel[i / 16][4 * (i % 16)], part.four[r]);
    }
  }
}

/// Where this thread's results lie in the tile.
__device__ inline int first_row_of_thread() {
  return rows_a_thread * (static_cast<int>(threadIdx.x) / 16);
}
__device__ inline int first_column_of_thread() {
  return columns_a_thread * (static_cast<int>(threadIdx.x) % 16);
}

/// sum += the products of rows row.. of a with columns column.. of b over `depth` steps. `with_panel(a)` is
/// called for each panel of a while it is in shared memory. All threads of the block; the panels are free
/// again after a barrier.
template <Lies lies_a, Lies lies_b, class WithPanel>
__device__ inline void multiply_tile(const Operand& a, const Operand& b, int row, int column, int depth,
                                     Panel& panel_a, Panel& panel_b,
                                     float (&sum)[rows_a_thread][columns_a_thread], WithPanel with_panel) {
  const int r0 = first_row_of_thread();
  const int c0 = first_column_of_thread();
  PanelPart part_a = fetch<lies_a>(a, row, 0);
  PanelPart part_b = fetch<lies_b>(b, column, 0);
  for (int k0 = 0; k0 < depth; k0 += tile_depth) {
    __syncthreads();
    store<lies_a>(panel_a, part_a);
    store<lies_b>(panel_b, part_b);
    __syncthreads();
    if (k0 + tile_depth < depth) {
      part_a = fetch<lies_a>(a, row, k0 + tile_depth);
      part_b = fetch<lies_b>(b, column, k0 + tile_depth);
    }
#pragma unroll
    for (int k = 0; k < tile_depth; ++k) {
      const block::Four low = block::load4(&panel_a[k][r0]);
      const block::Four high = block::load4(&panel_a[k][r0 + 4]);
      const block::Four across = block::load4(&panel_b[k][c0]);
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < columns_a_thread; ++j) {
          sum[i][j] += low.at[i] * across.at[j];
          sum[i + 4][j] += high.at[i] * across.at[j];
        }
    }
    with_panel(panel_a);
  }
}

}  // namespace gmmvae::dense
