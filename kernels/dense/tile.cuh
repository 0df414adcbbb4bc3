#pragma once

// A tile of 64 rows by 64 or 128 columns of results by a block of 256 threads, 8 x 8 of them a thread with 4
// LDS.128 for 64 multiply-adds. A warp has 32 x 64 results, so that a tile has two or four warps' worth: its
// block has several slices of warps, each multiplies its share of every panel, and their sums are added in
// shared memory in a fixed order. The next panel is copied while the current one is multiplied.
//
// Row addresses do not depend on lane bit 0, nor column addresses on bit 1 (see block/tiling.cuh).

#include "kernels/block/adam.cuh"
#include "kernels/dense/panel.cuh"

namespace gmmvae::dense {

inline constexpr int side = 8;  ///< results of a thread in each direction
// A warp's lanes are 4 rows by 8 columns. Along the depth a thread's results lie so far apart; across it in
// two quads, four times as far.
inline constexpr int row_stride = 4;
inline constexpr int column_stride = 8;

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

/// What a thread multiplies, in registers. A slice's share of two panels comes in groups of four steps, and
/// those in rounds: of one step or, where both operands lie along the depth, of four steps and one column.
/// What a round needs is loaded while the one before it multiplies.
template <class T, Lies lies_a, Lies lies_b>
struct Fragments {
  using A = Panel<T, lies_a, T::rows>;
  using B = Panel<T, lies_b, T::columns>;
  static_assert(A::along || !B::along, "weights that lie along the depth meet inputs that do");
  static constexpr int half = side / 2;
  static constexpr int rounds = B::along ? side : 4;  ///< of a group

  block::Four left[A::along ? side : 4];   ///< four steps of each row, or the two quads of two rounds
  block::Four right[2][B::along ? 1 : 2];  ///< of two rounds: a column's four steps or a step's two quads

  /// Half h of the rows for round `r`, where they are others than for the round before; `a` is this thread's
  /// first row at the group's first step.
  __device__ void load_left(int r, int h, const float* a) {
    if constexpr (A::along) {
      if (r > 0) return;
#pragma unroll
      for (int i = half * h; i < half * (h + 1); ++i) left[i] = block::load4(a + row_stride * i * A::pitch);
    } else {
      left[r % 2 * 2 + h] = block::load4(a + r * A::pitch + 4 * row_stride * h);
    }
  }
  /// Columns for round `r`; `b` is this thread's first one at the group's first step.
  __device__ void load_right(int r, const float* b) {
    if constexpr (B::along) {
      right[r % 2][0] = block::load4(b + column_stride * r * B::pitch);
    } else {
#pragma unroll
      for (int h = 0; h < 2; ++h) right[r % 2][h] = block::load4(b + r * B::pitch + 4 * column_stride * h);
    }
  }
  /// sum += the products of a round with half h of the rows.
  __device__ void multiply(int r, int h, Sums& sum) const {
    const auto& columns = right[r % 2];
    if constexpr (B::along) {
#pragma unroll
      for (int n = 0; n < 4; ++n)
#pragma unroll
        for (int i = half * h; i < half * (h + 1); ++i) sum[i][r] += left[i].at[n] * columns[0].at[n];
    } else {
#pragma unroll
      for (int i = half * h; i < half * (h + 1); ++i)
#pragma unroll
        for (int j = 0; j < side; ++j)
          sum[i][j] += (A::along ? left[i].at[r] : left[r % 2 * 2 + h].at[i % 4]) * columns[j / 4].at[j % 4];
    }
  }
};

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

/// A thread's way through panels that lie in shared memory.
template <class T, Lies lies_a, Lies lies_b>
class Multiplier {
  using A = Panel<T, lies_a, T::rows>;
  using B = Panel<T, lies_b, T::columns>;
  using Multiplied = Fragments<T, lies_a, lies_b>;

 public:
  static constexpr int rounds = Multiplied::rounds;
  static constexpr int groups = slice_depth / 4;
  static constexpr int unrolled = B::along ? 1 : groups;  ///< groups at once; more would spill registers

  /// From the first round of a panel on, a's and b's beginning at `a` and `b`.
  __device__ Multiplier(const float* a, const float* b) {
    const Place<T> place;
    a_ = a + place.slice * slice_depth * A::step +
         place.template row_of<lies_a>(0) * (A::along ? A::pitch : 1);
    b_ = b + place.slice * slice_depth * B::step +
         place.template column_of<lies_b>(0) * (B::along ? B::pitch : 1);
    fragments_.load_left(0, 0, a_);
    fragments_.load_left(0, 1, a_);
    fragments_.load_right(0, b_);
  }
  /// Rounds `from` up to `to` of a group. The last one of a group loads from the next group.
  __device__ void run(int from, int to, Sums& sum) {
#pragma unroll
    for (int r = from; r < to; ++r) {
      const int next = (r + 1) % rounds;
      if constexpr (!A::along) {
        fragments_.load_left(next, 0, a_);
        fragments_.load_left(next, 1, a_);
      }
      fragments_.load_right(next, b_);
      fragments_.multiply(r, 0, sum);
      if constexpr (A::along) fragments_.load_left(next, 0, a_);  // in the place of what is used up
      fragments_.multiply(r, 1, sum);
      if constexpr (A::along) fragments_.load_left(next, 1, a_);
    }
  }
  /// The last round of all.
  __device__ void finish(Sums& sum) {
    fragments_.multiply(rounds - 1, 0, sum);
    fragments_.multiply(rounds - 1, 1, sum);
  }
  /// To the next group of the panel, or to the first of a panel `floats` after this one.
  __device__ void go_on() {
    a_ += 4 * A::step;
    b_ += 4 * B::step;
  }
  __device__ void go_to_panel(int floats) {
    a_ += floats - 4 * (groups - 1) * A::step;
    b_ += floats - 4 * (groups - 1) * B::step;
  }

 private:
  const float* a_;  ///< this thread's first row and column, at the group that is loaded from
  const float* b_;
  Multiplied fragments_;
};

/// sum += the products of rows row.. of a with columns column.. of b over the depth from step `first` up to
/// `end`. Panels have their full depth but for the last, which comes first. `with_panel(a)` is called for
/// each panel of a while it is in shared memory. All threads of the block; `buffer` is free again afterwards.
///
/// The loops over panels and over groups turn within a group of rounds, not behind one: the compiler moves
/// loads and multiply-adds within a turn alone, and here what belongs together lies in one.
template <class T, Lies lies_a, Lies lies_b, class WithPanel>
__device__ inline void multiply_tile(const Operand& a, const Operand& b, int row, int column, int first,
                                     int end, float* buffer, Sums& sum, WithPanel with_panel) {
  using A = Panel<T, lies_a, T::rows>;
  using B = Panel<T, lies_b, T::columns>;
  using M = Multiplier<T, lies_a, lies_b>;
  constexpr int floats = A::floats + B::floats;
  constexpr int quarter = M::rounds / 4;
  constexpr bool alike = A::along == B::along && A::quads == B::quads;
  block::AsyncCopies copies;
  Feed<A> feed_a(a, row, first);
  Feed<B> feed_b(b, column, first);
  int others = (end - first - 1) / T::depth;  // panels from this one to the last but one
  feed_a.copy_last(buffer, others * T::depth, end - first - others * T::depth, copies);
  feed_b.copy_last(buffer + A::floats, others * T::depth, end - first - others * T::depth, copies);
  copies.close_group();
  unsigned wanted = others > 0 ? feed_a.has() | feed_b.has() << Feed<A>::pieces : 0;
  float* to_a = buffer + floats + Feed<A>::offset();
  float* to_b = buffer + floats + A::floats + Feed<B>::offset();
  const float* panel = buffer;
  int step = floats;  // from the panel that is multiplied to the one that is copied
  copies.wait<0>();
  __syncthreads();
  M multiplier(buffer, buffer + A::floats);
  multiplier.run(0, quarter, sum);
#pragma unroll 1
  for (;;) {
    with_panel(panel);
    multiplier.run(quarter, 2 * quarter, sum);
    feed_a.copy(to_a, wanted, 0, copies);
    multiplier.run(2 * quarter, 3 * quarter, sum);
    feed_b.copy(alike ? to_a + A::floats : to_b, wanted, Feed<A>::pieces, copies);
    copies.close_group();
#pragma unroll(M::unrolled)
    for (int g = 0; g < M::groups - 1; ++g) {
      multiplier.run(3 * quarter, M::rounds - 1, sum);
      multiplier.go_on();
      multiplier.run(M::rounds - 1, M::rounds, sum);
      multiplier.run(0, 3 * quarter, sum);
    }
    multiplier.run(3 * quarter, M::rounds - 1, sum);
    if (others == 0) break;
    copies.wait<0>();
    __syncthreads();  // the next panel is there, and nobody reads this one any more
    multiplier.go_to_panel(step);
    panel += step;
    to_a -= step;
    to_b -= step;
    step = -step;
    if (--others == 0) wanted = 0;
    multiplier.run(M::rounds - 1, M::rounds, sum);
    multiplier.run(0, quarter, sum);
  }
  multiplier.finish(sum);
  __syncthreads();
}

}  // namespace gmmvae::dense
