#pragma once
// Matrix products for one batch. A tile of the result, R rows by V vectors, stays in registers over the whole
// inner dimension; the left operand is read one number at a time and broadcast, so any strides will do for
// it, and no operand is ever transposed or packed on the way in.

#include "host/cpu/simd/vector.hpp"

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

// 32 registers hold 6x4, 8x3, 12x2 or 12x1 accumulators beside the operands; 16 registers hold 6x2 or 8x1.
inline constexpr bool kManyRegisters = GMMVAE_VECTOR_BYTES == 64;
inline constexpr int kMaxTileVectors = kManyRegisters ? 4 : 2;

template <int V>
inline constexpr int kTileRows = kManyRegisters ? (V == 4 ? 6 : (V == 3 ? 8 : 12)) : (V == 2 ? 6 : 8);

/// The next smaller tile height that is compiled. Double precision, which no training uses, has few.
template <class T>
constexpr int smaller_tile(int rows) {
  if (sizeof(T) == sizeof(double)) return rows == 3 ? 1 : rows / 2;
  return rows == 12 ? 8 : (rows == 8 ? 6 : rows - 1);
}

/// Accumulators that hide the latency of multiply-adds (4 clocks) on two units.
inline constexpr int kEnoughChains = 8;

/// Into how many sums a tile's inner dimension is split, so that a small tile has chains enough.
constexpr int inner_split(int accumulators) {
  int split = 1;
  while (2 * split * accumulators <= 2 * kEnoughChains - 1 && split < kEnoughChains) split *= 2;
  return split;
}

/// Element (row, k) of the left operand lies at data + row * row_step + k * k_step.
template <class T>
struct LeftOperand {
  const T* data;
  std::ptrdiff_t row_step;
  std::ptrdiff_t k_step;
};

template <class T, int R, int V>
struct Tile {
  Vec<T> at[R][V];
};

/// tile += left(rows of the tile, k) * right(k, vectors of the tile) for one k.
template <class T, int R, int V>
[[gnu::always_inline]] inline void multiply_add_one(Tile<T, R, V>& tile, const T* left,
                                                    std::ptrdiff_t row_step, const T* right) {
  Vec<T> r[V];
#pragma GCC unroll 4
  for (int v = 0; v < V; ++v) r[v] = load(right + v * kLanes<T>);
#pragma GCC unroll 12
  for (int i = 0; i < R; ++i) {
    const Vec<T> l = broadcast(left[i * row_step]);
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) tile.at[i][v] += l * r[v];
  }
}

/// tile += left(rows of the tile, 0..depth) * right(0..depth, vectors of the tile)
template <class T, int R, int V>
[[gnu::always_inline]] inline void multiply_add(Tile<T, R, V>& tile, const T* left, std::ptrdiff_t row_step,
                                                std::ptrdiff_t k_step, const T* right,
                                                std::ptrdiff_t right_stride, std::ptrdiff_t depth) {
  constexpr int split = inner_split(R * V);
  std::ptrdiff_t k = 0;
  if constexpr (split > 1) {
    Tile<T, R, V> part[split - 1] = {};
    for (; k + split <= depth; k += split) {
      multiply_add_one<T, R, V>(tile, left, row_step, right);
#pragma GCC unroll 8
      for (int s = 1; s < split; ++s)
        multiply_add_one<T, R, V>(part[s - 1], left + s * k_step, row_step, right + s * right_stride);
      left += split * k_step;
      right += split * right_stride;
    }
#pragma GCC unroll 8
    for (int s = 0; s < split - 1; ++s) {
#pragma GCC unroll 12
      for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) tile.at[i][v] += part[s].at[i][v];
      }
    }
  }
  for (; k < depth; ++k) {
    multiply_add_one<T, R, V>(tile, left, row_step, right);
    left += k_step;
    right += right_stride;
  }
}

/// Cuts a result of `rows` rows and `vectors` vectors into tiles and calls
/// operation.template tile<R, V>(first row, first column) for each.
template <class T, class Operation>
class Tiling {
 public:
  static void run(Operation& operation, std::ptrdiff_t rows, std::ptrdiff_t vectors) {
    std::ptrdiff_t v = 0;
    for (; vectors - v >= kMaxTileVectors; v += kMaxTileVectors) {
      panel<kMaxTileVectors>(operation, rows, v * kLanes<T>);
    }
    switch (vectors - v) {
      case 3:
        if constexpr (kMaxTileVectors > 3) panel<3>(operation, rows, v * kLanes<T>);
        break;
      case 2:
        if constexpr (kMaxTileVectors > 2) panel<2>(operation, rows, v * kLanes<T>);
        break;
      case 1:
        panel<1>(operation, rows, v * kLanes<T>);
        break;
      default:
        break;
    }
  }

 private:
  template <int V>
  static void panel(Operation& operation, std::ptrdiff_t rows, std::ptrdiff_t column) {
    std::ptrdiff_t row = 0;
    descend<kTileRows<V>, V>(operation, row, rows, column);
  }

  /// Tiles of the greatest height while more are needed than tiles of the next smaller one would be: 64 rows
  /// are nine tiles of 6 and two of 5, not ten of 6 and one of 4.
  template <int R, int V>
  static void descend(Operation& operation, std::ptrdiff_t& row, std::ptrdiff_t rows, std::ptrdiff_t column) {
    if constexpr (R == 1) {
      for (; row < rows; ++row) operation.template tile<1, V>(row, column);
    } else {
      constexpr int smaller = smaller_tile<T>(R);
      const auto tiles = [&](int height) { return (rows - row + height - 1) / height; };
      while (rows - row >= R && ((rows - row) % R == 0 || tiles(smaller) > tiles(R))) {
        operation.template tile<R, V>(row, column);
        row += R;
      }
      descend<smaller, V>(operation, row, rows, column);
    }
  }
};

namespace detail {

/// Lane l of the result is the sum of the lanes of v[l]: a butterfly that halves the vectors in each round.
/// In the round of width w, groups of w lanes of two vectors are interleaved and the two halves of each pair
/// added.
template <class T, int Width = 1>
inline Vec<T> sums_of_lanes(Vec<T>* v, int count = kLanes<T>) {
  if constexpr (Width == kLanes<T>) {
    return v[0];
  } else {
    Mask<T> low = {}, high = {};
    for (int lane = 0; lane < kLanes<T>; ++lane) {
      const int group = lane / Width;  // even groups come from the first vector, odd ones from the second
      const int source = (group & ~1) * Width + lane % Width + (group & 1) * kLanes<T>;
      low[lane] = source;
      high[lane] = source + Width;
    }
    for (int i = 0; i < count / 2; ++i) {
      v[i] = __builtin_shuffle(v[2 * i], v[2 * i + 1], low) + __builtin_shuffle(v[2 * i], v[2 * i + 1], high);
    }
    return sums_of_lanes<T, 2 * Width>(v, count / 2);
  }
}

}  // namespace detail

/// Scalar products of rows: result(o, b) = x(b, :) . w(o, :) for `samples` rows of x (rounded up to whole
/// vectors: the rows behind them must be readable) and `outputs` rows of w; depth is a number of vectors.
/// finish(o, b, sums) gets the sums of kLanes samples from b on.
template <class T, class Finish>
inline void row_products(const T* x, std::ptrdiff_t x_stride, std::ptrdiff_t samples, const T* w,
                         std::ptrdiff_t w_stride, std::ptrdiff_t outputs, std::ptrdiff_t depth,
                         Finish finish) {
  constexpr int lanes = kLanes<T>;
  for (std::ptrdiff_t b = 0; b < samples; b += lanes) {
    for (std::ptrdiff_t o = 0; o < outputs; ++o) {
      Vec<T> sums[lanes] = {};
      for (std::ptrdiff_t k = 0; k < depth; ++k) {
        const Vec<T> weight = load(w + o * w_stride + k * lanes);
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) sums[i] += weight * load(x + (b + i) * x_stride + k * lanes);
      }
      finish(o, b, detail::sums_of_lanes<T>(sums));
    }
  }
}

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
