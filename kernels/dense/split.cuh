#pragma once

// A product whose depth is split over blocks (blockIdx.z): each leaves its sums of a part of a tile in global
// memory, and the one that arrives last adds them, always in the order of the blocks. Nobody waits.

#include "kernels/dense/cut.hpp"
#include "kernels/dense/tile.cuh"

namespace gmmvae::dense {

/// Columns behind a tile's own in what is staged and left: sums of its rows, in four parts.
inline constexpr int extra_columns = 4;

/// This block's share of the depth: steps from `first` up to `end`, none where that is not greater. Whole
/// panels but for the last of all.
struct Share {
  int first;
  int end;
  int of;  ///< blocks with a share

  __device__ Share(int depth, int panel_depth) {
    const int panels = block::ceil_div(depth, panel_depth);
    const int each = block::ceil_div(panels, static_cast<int>(gridDim.z));
    first = static_cast<int>(blockIdx.z) * each * panel_depth;
    end = block::smaller(depth, first + each * panel_depth);
    of = block::ceil_div(panels, each);
  }
};

/// Where the blocks of one tile meet.
template <class T>
class Meeting {
 public:
  __device__ Meeting(const Meetings& meetings, int blocks) : blocks_(blocks) {
    const unsigned tile = blockIdx.y * gridDim.x + blockIdx.x;
    sums_ = meetings.sums + static_cast<std::size_t>(tile) * gridDim.z * floats;
    arrivals_ = meetings.arrivals + tile;
  }
  static constexpr int pitch = T::columns + extra_columns;
  static constexpr int floats = T::rows * pitch;  ///< of a tile of one block

  [[nodiscard]] __device__ bool is_split() const { return blocks_ > 1; }
  __device__ void leave(int row, int column, const block::Four& sums) const {
    block::store4(sums_ + static_cast<int>(blockIdx.z) * floats + row * pitch + column, sums);
  }
  /// Whether this block is the last to have left its sums; the same for all threads, which all call it.
  [[nodiscard]] __device__ bool is_last() const {
    GPU_SHARED(unsigned, before, [1]);
    __threadfence();
    __syncthreads();
    if (thread_rank() == 0) {
      before[0] = atomicAdd(arrivals_, 1u);
      if (before[0] + 1 == static_cast<unsigned>(blocks_)) *arrivals_ = 0;  // for the next launch
    }
    __syncthreads();
    const bool last = before[0] + 1 == static_cast<unsigned>(blocks_);
    if (last) __threadfence();
    return last;
  }
  [[nodiscard]] __device__ block::Four total(int row, int column) const {
    block::Four sum = {};
    for (int n = 0; n < blocks_; ++n) {
      const float4 v = __ldcg(reinterpret_cast<const float4*>(sums_ + n * floats + row * pitch + column));
      sum.at[0] += v.x;
      sum.at[1] += v.y;
      sum.at[2] += v.z;
      sum.at[3] += v.w;
    }
    return sum;
  }

 private:
  float* sums_;
  unsigned* arrivals_;
  int blocks_;
};

/// Sums of the rows of a's panels, where they are wanted: thread n has row n % T::rows, and of its steps
/// every fourth from n / T::rows on.
struct RowSums {
  bool wanted = false;
  float mine = 0.0f;
};

/// Takes a tile's sums to finish.quad(row, column, sums), row and column within the tile, for each quad with
/// a number of finish.rows x finish.columns, and those of rows to finish.row_sum(row, sum); then finish.end()
/// is called by all threads of the block that finishes the tile. All threads.
template <class T, Lies lies_a, Lies lies_b, class Finish>
__device__ inline void finish_tile(const Sums& sum, const RowSums& row_sums, float* buffer,
                                   const Meeting<T>& meeting, Finish& finish) {
  const Place<T> place;
  const int quads = T::columns / 4 + (row_sums.wanted ? 1 : 0);
  const auto each_quad = [&](auto use) {
#pragma unroll 1
    for (int i = static_cast<int>(threadIdx.x); i < T::rows * quads; i += tile_threads) {
      const int row = i / quads;
      const int column = 4 * (i - row * quads);
      if (row < finish.rows && (column < finish.columns || column >= T::columns)) use(row, column);
    }
  };
  if (row_sums.wanted)
    buffer[static_cast<int>(threadIdx.x) % T::rows * Staged<T>::pitch + T::columns +
           static_cast<int>(threadIdx.x) / T::rows] = row_sums.mine;
  Staged<T>::template store<lies_a, lies_b>(place, sum, buffer);
  const auto staged = [&](int row, int column) {
    return column < T::columns ? Staged<T>::load(buffer, row, column)
                               : block::load4(buffer + row * Staged<T>::pitch + column);
  };
  bool finishes = true;
  if (meeting.is_split()) {
    each_quad([&](int row, int column) { meeting.leave(row, column, staged(row, column)); });
    finishes = meeting.is_last();
  }
  if (finishes) {
    finish.begin();
    each_quad([&](int row, int column) {
      const block::Four four = meeting.is_split() ? meeting.total(row, column) : staged(row, column);
      if (column < T::columns) {
        finish.quad(row, column, four);
      } else {
        finish.row_sum(row, (four.at[0] + four.at[1]) + (four.at[2] + four.at[3]));
      }
    });
    finish.end();
  }
}

}  // namespace gmmvae::dense
