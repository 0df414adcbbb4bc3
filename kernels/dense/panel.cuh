#pragma once

// Panels: what a tile's block has of its operands in shared memory at a time, and the copies that bring them.
//
// A panel lies in shared memory as its operand lies in global memory, so no operand is transposed: along the
// depth a thread reads four steps of one result at a time, across it four results of one step.

#include "kernels/block/async_copy.cuh"
#include "kernels/block/tiling.cuh"
#include "kernels/gpu.hpp"

namespace gmmvae::dense {

inline constexpr int tile_threads = 256;
inline constexpr int slice_depth = 16;  ///< steps that a slice of warps takes of a panel

/// 64 rows by 64 or 128 columns of results, by a block.
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

/// One thread's copies of an operand's panels: `pieces` quads of each.
template <class P>
class Feed {
 public:
  static constexpr int pieces = P::lines / P::lines_a_copy;

  /// For the results from `first` and the steps from `k` on.
  __device__ Feed(const Operand& operand, int first, int k)
      : stride_(operand.stride),
        results_((P::along ? operand.rows : operand.columns) - first),
        next_(operand.data + ((P::along ? first : k) + line()) * stride_ + (P::along ? k : first) +
              column()) {}

  /// Starts the copies of a panel that begins `ahead` steps after the next one and has `steps` of the depth,
  /// or fewer than a panel has. Zeros lie there for what the operand does not have.
  __device__ void copy_last(float* panel, int ahead, int steps, block::AsyncCopies& copies) const {
    const float* from = next_ + (P::along ? ahead : ahead * stride_);
    float* to = panel + offset();
    const int lines = (P::along ? results_ : steps) - line();
    const int left = (P::along ? steps : results_) - column();
    const int bytes = 4 * block::larger(0, block::smaller(4, left));
#pragma unroll 1
    for (int r = 0; r < P::lines; r += P::lines_a_copy) {
      copies.start(to + r * P::pitch, from, r < lines ? bytes : 0);
      from += P::lines_a_copy * stride_;
    }
  }
  /// Starts the copies of the next panel, which has its full depth: piece n where bit first_bit + n of
  /// `wanted` is set. `to` is this thread's first quad in the panel.
  __device__ void copy(float* to, unsigned wanted, int first_bit, block::AsyncCopies& copies) {
#pragma unroll
    for (int n = 0; n < pieces; ++n) {
      copies.start_if(wanted & 1u << (first_bit + n), to + n * P::lines_a_copy * P::pitch,
                      P::along ? next_ + n * a_copy() : next_);
      if constexpr (!P::along) next_ += P::lines_a_copy * stride_;
    }
    if constexpr (P::along) next_ += P::depth;
  }
  /// Bit n is set where the operand has results of piece n. Where it has none, none are made of what lies
  /// there.
  [[nodiscard]] __device__ unsigned has() const {
    unsigned bits = 0;
#pragma unroll
    for (int n = 0; n < pieces; ++n)
      if ((P::along ? n * P::lines_a_copy + line() : column()) < results_) bits |= 1u << n;
    return bits;
  }
  /// Of this thread's first quad in a panel.
  __device__ static int offset() {
    return line() * P::pitch + column();
  }

 private:
  /// From one piece to the next, in global memory. Of unsigned numbers the product and its addition to an
  /// address are one instruction.
  [[nodiscard]] __device__ std::size_t a_copy() const {
    return static_cast<std::size_t>(static_cast<unsigned>(stride_)) * P::lines_a_copy;
  }
  __device__ static int line() {
    return static_cast<int>(threadIdx.x) / P::quads;
  }
  __device__ static int column() {
    return static_cast<int>(threadIdx.x) % P::quads * 4;
  }

  int stride_;
  int results_;        ///< of the operand, from the tile's first on
  const float* next_;  ///< this thread's first quad of the next panel
};

}  // namespace gmmvae::dense
