#pragma once

// A product whose depth is split over blocks (blockIdx.z): each leaves its sums of a part of a tile in global
// memory, and the one that arrives last adds them, always in the order of the blocks. Nobody waits.

#include "kernels/block/anew.cuh"
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

/// Takes a tile's sums to finish.quad(row, column, sums, loaded), row and column within the tile, for each
/// quad with a number of finish.rows x finish.columns, and those of rows to finish.row_sum(row, sum); then
/// finish.end() is called by all threads of the block that finishes the tile. `loaded` is what
/// finish.load(row, column) gave, which is called for several quads before any of them is finished: memory is
/// waited for once. All threads.
template <class T, Lies lies_a, Lies lies_b, class Finish>
__device__ inline void finish_tile(const Sums& sum, const RowSums& row_sums, float* buffer,
                                   const Meeting<T>& meeting, Finish& finish) {
  constexpr int quads = T::columns / 4;
  constexpr int apart = tile_threads / quads;  // rows from one of a thread's quads to the next
  constexpr int together = Finish::together;
  static_assert(T::rows % (together * apart) == 0);
  const Place<T> place;
  const int thread = block::anew(static_cast<int>(threadIdx.x));
  const int column = thread % quads * 4;
  const int first_row = thread / quads;
  const int rows = column < finish.columns ? finish.rows : 0;  // that have something in this column
  const bool has_row_sum = row_sums.wanted && thread < T::rows && thread < finish.rows;
  const float* its_row_sum = buffer + thread * Staged<T>::pitch + T::columns;
  if (row_sums.wanted)
    buffer[thread % T::rows * Staged<T>::pitch + T::columns + thread / T::rows] = row_sums.mine;
  Staged<T>::template store<lies_a, lies_b>(place, sum, buffer);
  bool finishes = true;
  if (meeting.is_split()) {
#pragma unroll 1
    for (int row = first_row; row < block::smaller(rows, T::rows); row += apart)
      meeting.leave(row, column, Staged<T>::load(buffer, row, column));
    if (has_row_sum) meeting.leave(thread, T::columns, block::load4(its_row_sum));
    finishes = meeting.is_last();
  }
  if (finishes) {
    finish.begin();
#pragma unroll 1
    for (int first = first_row; first < T::rows; first += together * apart) {
      typename Finish::Loaded loaded[together];
      block::Four sums[together];
#pragma unroll
      for (int n = 0; n < together; ++n) {
        const int row = first + n * apart;
        if (row >= rows) continue;
        loaded[n] = finish.load(row, column);
        sums[n] = meeting.is_split() ? meeting.total(row, column) : Staged<T>::load(buffer, row, column);
      }
#pragma unroll
      for (int n = 0; n < together; ++n)
        if (first + n * apart < rows) finish.quad(first + n * apart, column, sums[n], loaded[n]);
    }
    if (has_row_sum) {
      const block::Four four =
          meeting.is_split() ? meeting.total(thread, T::columns) : block::load4(its_row_sum);
      finish.row_sum(thread, (four.at[0] + four.at[1]) + (four.at[2] + four.at[3]));
    }
    finish.end();
  }
}

}  // namespace gmmvae::dense
