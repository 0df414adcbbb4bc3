#pragma once

// A tile of 64 rows by `Groups` times 64 columns of results by a block of 128 threads: 8 x 4 of them a thread
// with 3 LDS.128 for 32 multiply-adds, or 8 x 8 with 4 for 64. The next 16 steps of depth are on their way
// from memory while the current ones are multiplied. Row addresses do not depend on lane bit 0, nor column
// addresses on bit 1 (see block/tiling.cuh).

#include "kernels/block/adam.cuh"
#include "kernels/gpu.hpp"

namespace gmmvae::dense {

inline constexpr int tile_size = 64;
inline constexpr int tile_depth = 16;
inline constexpr int tile_threads = 128;
inline constexpr int rows_a_thread = 8;
inline constexpr int columns_a_group = 4;
inline constexpr int most_groups = 2;

/// Floats of a panel's row: keeps rows on 16 bytes and spreads transposed stores over banks.
__host__ __device__ constexpr int pitch_of(int groups) {
  return groups * tile_size + 4;
}

/// How an operand lies in memory: its rows are results (the depth is contiguous), or its rows are steps of
/// depth.
enum class Lies { along_depth, across_depth };

/// A row-major operand with its true extents.
struct Operand {
  const float* data;
  int stride;
  int rows;
  int columns;

  /// Four neighbours; what lies past the last column is whatever the padding holds.
  [[nodiscard]] __device__ block::Four at(int row, int column) const {
    if (row >= rows || column >= columns) return {};
    return block::load4(data + static_cast<std::ptrdiff_t>(row) * stride + column);
  }
  /// The same with zeros past the last column. Apart from at(), so that nothing waits for the memory before
  /// the panel is stored.
  [[nodiscard]] __device__ block::Four inside(block::Four four, int column) const {
#pragma unroll
    for (int j = 1; j < 4; ++j) four.at[j] = column + j < columns ? four.at[j] : 0.0f;
    return four;
  }
};

template <int Groups>
using Panel = float[tile_depth][pitch_of(Groups)];  ///< [depth][result]

/// This thread's part of a panel.
template <int Groups>
struct PanelPart {
  block::Four four[2 * Groups];
};

template <Lies lies, int Groups>
__device__ inline PanelPart<Groups> fetch(const Operand& operand, int first, int depth) {
  PanelPart<Groups> part;
#pragma unroll
  for (int r = 0; r < 2 * Groups; ++r) {
    const int i = static_cast<int>(threadIdx.x) + tile_threads * r;
    if constexpr (lies == Lies::along_depth) {
      part.four[r] = operand.at(first + i / 4, depth + 4 * (i % 4));
    } else {
      part.four[r] = operand.at(depth + i / (16 * Groups), first + 4 * (i % (16 * Groups)));
    }
  }
  return part;
}

template <Lies lies, int Groups>
__device__ inline void store(Panel<Groups>& panel, const PanelPart<Groups>& part, const Operand& operand,
                             int first, int depth) {
#pragma unroll
  for (int r = 0; r < 2 * Groups; ++r) {
    const int i = static_cast<int>(threadIdx.x) + tile_threads * r;
    if constexpr (lies == Lies::along_depth) {
      const block::Four four = operand.inside(part.four[r], depth + 4 * (i % 4));
#pragma unroll
      for (int j = 0; j < 4; ++j) panel[4 * (i % 4) + j][i / 4] = four.at[j];
    } else {
      const int column = 4 * (i % (16 * Groups));
      block::store4(&panel[i / (16 * Groups)][column], operand.inside(part.four[r], first + column));
    }
  }
}

/// Where this thread's results lie in the tile: eight neighbouring rows, and in each group of 64 columns four
/// neighbouring ones. A warp has 4 x 8 threads, a block 2 x 2 warps.
__device__ inline int first_row_of_thread() {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  return rows_a_thread * (4 * (warp / 2) + ((lane >> 1 & 1) | (lane >> 3 & 2)));
}
__device__ inline int first_column_of_thread() {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int warp = static_cast<int>(threadIdx.x) / 32;
  return columns_a_group * (8 * (warp % 2) + ((lane & 1) | (lane >> 1 & 6)));
}
/// Column j of a thread within the tile, less its first.
__device__ constexpr int column_of(int j) {
  return j / columns_a_group * tile_size + j % columns_a_group;
}

template <int Groups>
using Sums = float[rows_a_thread][columns_a_group * Groups];

/// sum += the products of rows row.. of a with columns column.. of b over `depth` steps. `with_panel(a)` is
/// called for each panel of a while it is in shared memory. All threads of the block; the panels are free
/// again after a barrier.
template <Lies lies_a, Lies lies_b, int Groups, class WithPanel>
__device__ inline void multiply_tile(const Operand& a, const Operand& b, int row, int column, int depth,
                                     Panel<1>& panel_a, Panel<Groups>& panel_b, Sums<Groups>& sum,
                                     WithPanel with_panel) {
  const int r0 = first_row_of_thread();
  const int c0 = first_column_of_thread();
  PanelPart<1> part_a = fetch<lies_a, 1>(a, row, 0);
  PanelPart<Groups> part_b = fetch<lies_b, Groups>(b, column, 0);
  for (int k0 = 0; k0 < depth; k0 += tile_depth) {
    __syncthreads();
    store<lies_a, 1>(panel_a, part_a, a, row, k0);
    store<lies_b, Groups>(panel_b, part_b, b, column, k0);
    __syncthreads();
    if (k0 + tile_depth < depth) {
      part_a = fetch<lies_a, 1>(a, row, k0 + tile_depth);
      part_b = fetch<lies_b, Groups>(b, column, k0 + tile_depth);
    }
#pragma unroll
    for (int k = 0; k < tile_depth; ++k) {
      const block::Four low = block::load4(&panel_a[k][r0]);
      const block::Four high = block::load4(&panel_a[k][r0 + 4]);
#pragma unroll
      for (int g = 0; g < Groups; ++g) {
        const block::Four across = block::load4(&panel_b[k][c0 + tile_size * g]);
#pragma unroll
        for (int i = 0; i < 4; ++i)
#pragma unroll
          for (int j = 0; j < columns_a_group; ++j) {
            sum[i][columns_a_group * g + j] += low.at[i] * across.at[j];
            sum[i + 4][columns_a_group * g + j] += high.at[i] * across.at[j];
          }
      }
    }
    with_panel(panel_a);
  }
}

}  // namespace gmmvae::dense
