#pragma once

// A tile of 64 rows by 64 or 128 columns of results by a block of 256 threads, 8 x 8 of them a thread with 4
// LDS.128 for 64 multiply-adds. A warp has 32 x 64 results, so that a tile has two or four warps' worth: its
// block has several slices of warps, each multiplies its share of every panel, and their sums are added in
// shared memory in a fixed order. The next panel is copied while the current one is multiplied.
//
// A panel lies in shared memory as its operand lies in global memory, so no operand is transposed: along the
// depth a thread reads four steps of one result at a time, across it four results of one step. Row addresses
// do not depend on lane bit 0, nor column addresses on bit 1 (see block/tiling.cuh).

#include "kernels/block/adam.cuh"
#include "kernels/block/async_copy.cuh"
#include "kernels/block/tiling.cuh"
#include "kernels/gpu.hpp"

namespace gmmvae::dense {

inline constexpr int tile_threads = 256;
inline constexpr int side = 8;          ///< results of a thread in each direction
inline constexpr int slice_depth = 16;  ///< steps that a slice of warps takes of a panel
// A warp's lanes are 4 rows by 8 columns. Along the depth a thread's results lie so far apart; across it in
// two quads, four times as far.
inline constexpr int row_stride = 4;
inline constexpr int column_stride = 8;

template <int Columns>
struct Tile {
  static constexpr int rows = 64;
  static constexpr int columns = Columns;
  static constexpr int warps_across = Columns / 64;
  static constexpr int slices = 4 / warps_across;
  static constexpr int depth = slice_depth * slices;  ///< of a panel
};

/// How an operand lies in memory: its rows are results (the depth is contiguous), or its rows are steps of
/// depth.
enum class Lies { along_depth, across_depth };

/// A row-major operand with its true extents; what lies beyond them counts as zeros.
struct Operand {
  const float* data;
  int stride;
  int rows;
  int columns;
};

/// `Results` rows or columns of a tile over T::depth steps, in shared memory. The padding of a line along the
/// depth puts eight neighbouring lines on different banks.
template <class T, Lies lies, int Results>
struct Panel {
  static constexpr bool along = lies == Lies::along_depth;
  static constexpr int depth = T::depth;
  static constexpr int results = Results;
  static constexpr int pitch = along ? T::depth + 4 : Results;
  static constexpr int lines = along ? Results : T::depth;
  static constexpr int floats = lines * pitch;
  static constexpr int step = along ? 1 : pitch;                  ///< from one step of the depth to the next
  static constexpr int quads = (along ? T::depth : Results) / 4;  ///< of a line
  static constexpr int lines_a_copy = tile_threads / quads;
};

/// One thread's copies of an operand's panels, one after another. Where the next one begins is kept as a
/// pointer or, in a register less, as an offset: whichever lets a kernel do without spills.
template <class P, bool keeps_offset>
class Feed {
 public:
  /// For the results from `first` and the steps from `k` on.
  __device__ Feed(const Operand& operand, int first, int k)
      : data_(operand.data),
        stride_(operand.stride),
        results_((P::along ? operand.rows : operand.columns) - first),
        from_(((P::along ? first : k) + line()) * stride_ + (P::along ? k : first) + column()) {
    if constexpr (!keeps_offset) {
      data_ += from_;
      from_ = 0;
    }
  }

  /// Starts the copies of a panel and goes on to the next; `steps` of the depth are left.
  __device__ void copy(float* panel, int steps, block::AsyncCopies& copies) {
    float* to = panel + line() * P::pitch + column();
    int from = from_;
    if (results_ >= P::results && steps >= P::depth) {
#pragma unroll
      for (int r = 0; r < P::lines; r += P::lines_a_copy) {
        copies.start(to + r * P::pitch, data_ + from);
        from += P::lines_a_copy * stride_;
      }
    } else {
      const int lines = (P::along ? results_ : steps) - line();
      const int left = (P::along ? steps : results_) - column();
      const int bytes = 4 * block::larger(0, block::smaller(4, left));
#pragma unroll 1
      for (int r = 0; r < P::lines; r += P::lines_a_copy) {
        copies.start(to + r * P::pitch, data_ + from, r < lines ? bytes : 0);
        from += P::lines_a_copy * stride_;
      }
    }
    const int step = P::along ? P::depth : P::depth * stride_;
    if constexpr (keeps_offset) {
      from_ += step;
    } else {
      data_ += step;
    }
  }

 private:
  __device__ static int line() {
    return static_cast<int>(threadIdx.x) / P::quads;
  }
  __device__ static int column() {
    return static_cast<int>(threadIdx.x) % P::quads * 4;
  }

  const float* data_;
  int stride_;
  int results_;  ///< of the operand, from the tile's first on
  int from_;     ///< of the next copy, in floats; less than 2^31 of them are checked for when a model is laid
                 ///< out
};

/// Which results a thread has.
template <class T>
struct Place {
  int slice;
  int row;     ///< of the warp's part of the tile
  int column;  ///< the same
  int lane_row;
  int lane_column;

  __device__ Place() {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int warp = static_cast<int>(threadIdx.x) / 32;
    constexpr int warps = 8 / T::slices;
    slice = warp / warps;
    row = warp % warps / T::warps_across * 32;
    column = warp % T::warps_across * 64;
    lane_row = (lane >> 1 & 1) | (lane >> 3 & 2);
    lane_column = (lane & 1) | (lane >> 1 & 6);
  }
  /// Row i and column j of its 8 x 8 within the tile: strided by lanes along the depth, else quads.
  template <Lies lies>
  [[nodiscard]] __device__ int row_of(int i) const {
    return row + (lies == Lies::along_depth ? lane_row + row_stride * i
                                            : 4 * (lane_row + row_stride * (i / 4)) + i % 4);
  }
  template <Lies lies>
  [[nodiscard]] __device__ int column_of(int j) const {
    return column + (lies == Lies::along_depth ? lane_column + column_stride * j
                                               : 4 * (lane_column + column_stride * (j / 4)) + j % 4);
  }
};

using Sums = float[side][side];

/// sum += the products of two panels over four steps, which begin at `a` and `b` for this thread's first row
/// and column.
template <class T, Lies lies_a, Lies lies_b>
__device__ inline void multiply_four_steps(const float* a, const float* b, Sums& sum) {
  using A = Panel<T, lies_a, T::rows>;
  using B = Panel<T, lies_b, T::columns>;
  block::Four left[side];
  if constexpr (A::along) {
#pragma unroll
    for (int i = 0; i < side; ++i) left[i] = block::load4(a + row_stride * i * A::pitch);
  }
  if constexpr (B::along) {
    static_assert(A::along, "weights that lie along the depth meet inputs that do");
#pragma unroll
    for (int j = 0; j < side; j += 2) {  // by twos: sums enough between an addition and the next to it
      const block::Four right = block::load4(b + column_stride * j * B::pitch);
      const block::Four next = block::load4(b + column_stride * (j + 1) * B::pitch);
#pragma unroll
      for (int n = 0; n < 4; ++n)
#pragma unroll
        for (int i = 0; i < side; ++i) {
          sum[i][j] += left[i].at[n] * right.at[n];
          sum[i][j + 1] += left[i].at[n] * next.at[n];
        }
    }
  } else {
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      block::Four right[2];
#pragma unroll
      for (int h = 0; h < 2; ++h) {
        if constexpr (!A::along) left[h] = block::load4(a + n * A::pitch + 4 * row_stride * h);
        right[h] = block::load4(b + n * B::pitch + 4 * column_stride * h);
      }
#pragma unroll
      for (int i = 0; i < side; ++i)
#pragma unroll
        for (int j = 0; j < side; ++j)
          sum[i][j] += (A::along ? left[i].at[n] : left[i / 4].at[i % 4]) * right[j / 4].at[j % 4];
    }
  }
}

/// sum += a slice's share of the products of two panels; `a` and `b` as above for its first step.
template <class T, Lies lies_a, Lies lies_b>
__device__ inline void multiply_panels(const float* a, const float* b, Sums& sum) {
  using A = Panel<T, lies_a, T::rows>;
  using B = Panel<T, lies_b, T::columns>;
  if constexpr (A::along && B::along) {
#pragma unroll 1  // unrolled, it spills registers
    for (int step = 0; step < slice_depth; step += 4)
      multiply_four_steps<T, lies_a, lies_b>(a + step * A::step, b + step * B::step, sum);
  } else {
#pragma unroll
    for (int step = 0; step < slice_depth; step += 4)
      multiply_four_steps<T, lies_a, lies_b>(a + step * A::step, b + step * B::step, sum);
  }
}

/// A tile's sums on their way out: they pass through shared memory, where the slices meet and from where
/// whole lines go to global memory.
template <class T>
struct Staged {
  static constexpr int pitch = T::columns + 8;  ///< four rows on different banks
  static constexpr int regions = T::slices / 2;
  static constexpr int floats = regions * T::rows * pitch;

  /// Half of the slices put their sums there, then the others add theirs. All threads; ends with a barrier.
  template <Lies lies_a, Lies lies_b>
  __device__ static void store(const Place<T>& place, const Sums& sum, float* staged) {
    float* region = staged + place.slice % regions * T::rows * pitch;
#pragma unroll
    for (int round = 0; round < 2; ++round) {
      if (place.slice / regions == round) {
#pragma unroll
        for (int i = 0; i < side; ++i)
#pragma unroll
          for (int j = 0; j < side; j += lies_b == Lies::along_depth ? 1 : 4)
            put<lies_b>(
                region + place.template row_of<lies_a>(i) * pitch + place.template column_of<lies_b>(j),
                &sum[i][j], round > 0);
      }
      __syncthreads();
    }
  }

  __device__ static block::Four load(const float* staged, int row, int column) {
    block::Four four = block::load4(staged + row * pitch + column);
    if constexpr (regions == 2) {
      const block::Four more = block::load4(staged + (T::rows + row) * pitch + column);
#pragma unroll
      for (int j = 0; j < 4; ++j) four.at[j] += more.at[j];
    }
    return four;
  }

 private:
  /// One sum, or the four neighbours that a thread has across the depth.
  template <Lies lies>
  __device__ static void put(float* at, const float* sum, bool add) {
    if constexpr (lies == Lies::along_depth) {
      *at = add ? *at + *sum : *sum;
    } else {
      block::Four four = {{sum[0], sum[1], sum[2], sum[3]}};
      if (add) {
        const block::Four before = block::load4(at);
#pragma unroll
        for (int j = 0; j < 4; ++j) four.at[j] = before.at[j] + sum[j];
      }
      block::store4(at, four);
    }
  }
};

/// Floats of shared memory that a product of such tiles takes.
template <class T, Lies lies_a, Lies lies_b>
__host__ __device__ constexpr int floats_of_tile() {
  constexpr int panels = 2 * (Panel<T, lies_a, T::rows>::floats + Panel<T, lies_b, T::columns>::floats);
  return panels > Staged<T>::floats ? panels : Staged<T>::floats;
}

/// sum += the products of rows row.. of a with columns column.. of b over the depth from step `first` up to
/// `end`, whole panels but for the depth's last. `with_panel(a)` is called for each panel of a while it is in
/// shared memory. All threads of the block; `buffer` is free again afterwards.
template <class T, Lies lies_a, Lies lies_b, class WithPanel>
__device__ inline void multiply_tile(const Operand& a, const Operand& b, int row, int column, int first,
                                     int end, float* buffer, Sums& sum, WithPanel with_panel) {
  using A = Panel<T, lies_a, T::rows>;
  using B = Panel<T, lies_b, T::columns>;
  constexpr int floats = A::floats + B::floats;
  block::AsyncCopies copies;
  Feed<A, !A::along> feed_a(a, row, first);
  Feed<B, !A::along> feed_b(b, column, first);
  int steps = end - first;  // from the next copy on
  const auto copy = [&](float* to) {
    feed_a.copy(to, steps, copies);
    feed_b.copy(to + A::floats, steps, copies);
    copies.close_group();
    steps -= T::depth;
  };
  const Place<T> place;
  const float* at_a = buffer + place.slice * slice_depth * A::step +
                      place.template row_of<lies_a>(0) * (A::along ? A::pitch : 1);
  const float* at_b = buffer + A::floats + place.slice * slice_depth * B::step +
                      place.template column_of<lies_b>(0) * (B::along ? B::pitch : 1);
  int here = 0;
  bool goes_on = true;
  copy(buffer);
#pragma unroll 1
  while (goes_on) {
    copies.wait<0>();
    __syncthreads();  // this panel is there, and nobody reads the other one any more
    goes_on = steps > 0;
    if (goes_on) copy(buffer + (floats - here));
    with_panel(buffer + here);
    multiply_panels<T, lies_a, lies_b>(at_a + here, at_b + here, sum);
    here = floats - here;
  }
  __syncthreads();
}

}  // namespace gmmvae::dense
