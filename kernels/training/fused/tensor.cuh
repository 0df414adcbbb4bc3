#pragma once

// The middle layers' products of the fused trainer by tensor cores in 3xTF32: a float is the sum of two TF32
// numbers, a product of floats three products of those, the fourth being below rounding. The high number is
// rounded to nearest, so that what is cut off the low one has either sign, and every mma of depth 8 begins
// with zeros and is added in fp32, because tensor cores round their own sums toward zero, which a long chain
// adds up to a bias.
//
// Error of a sum of n products a b, in units of 2^-24 of the sum of |a b|: 8 for what the two numbers leave
// out (2^-23 of a and of b, 2^-22 for low times low), 4 for each mma's own sum, n / 8 for adding them in
// fp32.
//
// With g = lane / 4 and t = lane % 4, a lane's results of a 16 x 8 product are in rows g and g + 8 and
// columns 2 t and 2 t + 1 (block/mma.cuh).

#include "kernels/block/adam.cuh"
#include "kernels/block/mma.cuh"
#include "kernels/training/fused/rows.cuh"

namespace gmmvae::cuda::fused {

/// x = high + low, but for 2^-23 of x. The hardware ignores the 13 low bits of each word: of `low`, which has
/// at most 13 bits and either sign, that is one bit, without a bias.
struct Split {
  std::uint32_t high;
  std::uint32_t low;
};

__device__ __forceinline__ Split split(float x) {
  const std::uint32_t high = (__float_as_uint(x) + 0x1000u) & 0xffffe000u;
  return {high, __float_as_uint(x - __uint_as_float(high))};
}

/// What a lane holds of a step of depth 8 for M x N tiles of 16 x 8, as floats.
template <int M, int N>
struct Operands {
  float a[M][4];
  float b[N][2];
};

/// sum += A B over a step of depth 8. Each kind of product is formed for all tiles before the next one, so
/// that as many as there are tiles are under way in the tensor core.
template <int M, int N>
__device__ __forceinline__ void multiply_split(float (&sum)[M][N][4], const Operands<M, N>& operands) {
  std::uint32_t a_high[M][4];
  std::uint32_t a_low[M][4];
  std::uint32_t b_high[N][2];
  std::uint32_t b_low[N][2];
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const Split parts = split(operands.a[m][e]);
      a_high[m][e] = parts.high;
      a_low[m][e] = parts.low;
    }
#pragma unroll
  for (int n = 0; n < N; ++n)
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      const Split parts = split(operands.b[n][e]);
      b_high[n][e] = parts.high;
      b_low[n][e] = parts.low;
    }
  float part[M][N][4] = {};
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int n = 0; n < N; ++n) mma_tf32(part[m][n], a_low[m], b_high[n]);
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int n = 0; n < N; ++n) mma_tf32(part[m][n], a_high[m], b_low[n]);
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int n = 0; n < N; ++n) mma_tf32(part[m][n], a_high[m], b_high[n]);
#pragma unroll
  for (int m = 0; m < M; ++m)
#pragma unroll
    for (int n = 0; n < N; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e) sum[m][n][e] += part[m][n][e];
}

/// Products of a warp's rows with a middle layer: columns are M = 4 tiles of 16, rows N = 2 tiles of 8, of
/// which the second has its four rows twice, so that a lane has three rows, as many as any other.
using RowFragments = float[4][2][4];

/// A lane of a fragment.
struct Fragment {
  int g;
  int t;
  __device__ Fragment() {
    const int lane = block::anew(static_cast<int>(lane_id()));
    g = lane / 4;
    t = lane % 4;
  }
};

// Which numbers of a matrix meet in a tile is free, as long as both operands agree about the depth and the
// results are taken for what they are. Rows, columns and depths below are dealt out such that a lane reads
// and writes four neighbours at once and a quarter of the warp never meets in a bank
// (tests/kernels/banks_test.cu).

/// On the way there: row of the warp that column c of tile n of rows stands for; lanes read rows 4 apart.
__device__ __forceinline__ int row_there(int n, int c) {
  return n == 0 ? c >> 1 | (c & 1) << 2 : 8 + (c >> 1);
}
/// On the way back: lanes read neighbouring rows.
__device__ __forceinline__ int row_back(int n, int c) {
  return n == 0 ? c : 8 + (c >> 1);
}

/// First of the columns that row g of the tiles stands for on the way there: lanes 4 apart read rows of the
/// weights 16 apart.
__device__ __forceinline__ int column_there(int g) {
  return 16 * (g & 1) + 4 * (g >> 1);
}
/// First of the two outputs that rows g and g + 8 of a gradient's tiles stand for: lanes 4 apart have weights
/// of different fours of rows.
__device__ __forceinline__ int output_of(int g) {
  return 4 * (g & 1) | (g & 2) | 2 * (g & 4);
}

/// The sums of three rows by 2 x 4 neighbouring columns change hands: `to` points to the first of the warp's
/// rows and of the lane's columns, and has the other four 32 further.
template <class RowOf>
__device__ __forceinline__ void store_sums(const RowFragments& sum, int t, float* to, RowOf row_of) {
#pragma unroll
  for (int r = 0; r < 3; ++r)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      Four sums;
#pragma unroll
      for (int i = 0; i < 4; ++i) sums.at[i] = sum[2 * half + i / 2][r / 2][2 * (i % 2) + r % 2];
      block::store4(to + row_of(r / 2, 2 * t + r % 2) * stride + 32 * half, sums);
    }
}

/// As middle_layer(); net.last is where the sums change hands. Row g of tile m and row g + 8 stand for
/// columns that are neighbours, as are those of tile m + 1 for even m.
__device__ __forceinline__ void middle_layer_split(const Place& place, const Network& net, Tile& tile) {
  const Fragment lane;
  const int column = column_there(lane.g);
  const float* w = net.weights + Packed<2>::middle_weight + middle_row(column) + 4 * lane.t;
  const float* x = net.first + place.first * stride + 4 * lane.t;
  const float* upper = x + row_there(0, lane.g) * stride;
  const float* lower = x + row_there(1, lane.g) * stride;
  RowFragments sum;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const Four bias = load4(net.weights + Packed<2>::middle_bias + column + 32 * half);
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int r = 0; r < 4; ++r) sum[2 * half + i / 2][r / 2][2 * (i % 2) + r % 2] = bias.at[i];
  }
#pragma unroll 1
  for (int k = 0; k < width; k += 16) {  // of depths k + 4 t + 0, 1, 2, 3 the first step has two
    Four ws[8];
#pragma unroll
    for (int i = 0; i < 8; ++i) ws[i] = load4(w + middle_row(32 * (i / 4) + i % 4) + k);
    const Four xs[2] = {load4(upper + k), load4(lower + k)};
#pragma unroll
    for (int s = 0; s < 2; ++s) {
      Operands<4, 2> operands;
#pragma unroll
      for (int m = 0; m < 4; ++m)
#pragma unroll
        for (int e = 0; e < 4; ++e) operands.a[m][e] = ws[2 * m + e % 2].at[2 * s + e / 2];
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int e = 0; e < 2; ++e) operands.b[n][e] = xs[n].at[2 * s + e];
      multiply_split(sum, operands);
    }
  }
  store_sums(sum, lane.t, net.last + place.first * stride + column, row_there);
  __syncwarp();
  load_tile(place, net.last, tile);
#pragma unroll
  for (float& sum_of : tile) sum_of = relu(sum_of);
}

/// As through_middle(). The sums change hands in net.first, whose numbers are in registers meanwhile. Tiles
/// 2 m and 2 m + 1 have columns 32 m + 4 g to 32 m + 4 g + 3. Of depths 32 v + 8 t + 0 to 7 a step has two.
__device__ __forceinline__ void through_middle_split(const Place& place, const Network& net, Tile& tile) {
  const Fragment lane;
  const float* w = net.weights + Packed<2>::middle_weight + middle_row(8 * lane.t) + 4 * lane.g;
  const float* d = net.last + place.first * stride + 8 * lane.t;
  const float* upper = d + row_back(0, lane.g) * stride;
  const float* lower = d + row_back(1, lane.g) * stride;
  RowFragments sum = {};
#pragma unroll 1
  for (int k = 0; k < width / 4; k += 4) {  // depths 0, 4, 32 and 36 further
    const int depth = k + 3 * (k & 8);
    const Four ds[2] = {load4(upper + depth), load4(lower + depth)};
#pragma unroll
    for (int s = 0; s < 2; ++s) {
      Operands<4, 2> operands;
#pragma unroll
      for (int e = 0; e < 2; ++e)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const Four ws = load4(w + middle_row(depth) + middle_row(2 * s + e) + 32 * half);
#pragma unroll
          for (int i = 0; i < 4; ++i) operands.a[2 * half + i / 2][2 * e + i % 2] = ws.at[i];
        }
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int e = 0; e < 2; ++e) operands.b[n][e] = ds[n].at[2 * s + e];
      multiply_split(sum, operands);
    }
  }
  Four y[tile_rows];
#pragma unroll
  for (int i = 0; i < tile_rows; ++i) y[i] = load4(net.first + place.row_of(i) * stride + place.column);
  __syncwarp();
  store_sums(sum, lane.t, net.first + place.first * stride + 4 * lane.g, row_back);
  __syncwarp();
#pragma unroll
  for (int i = 0; i < tile_rows; ++i) {
    float* place_of = net.first + place.row_of(i) * stride + place.column;
    const Four gradient = load4(place_of);
    block::store4(place_of, y[i]);
#pragma unroll
    for (int j = 0; j < tile_columns; ++j) tile[i * tile_columns + j] = pass_relu(gradient.at[j], y[i].at[j]);
  }
}

/// delta^T input of a middle layer over `rows` rows for 2 x 2 x 8 weights of this lane, of 32 x 32 of its
/// warp; rows is a multiple of 16, those without a sample are zero. `d` points to the lane's two columns of
/// the deltas, of which it has two more 16 further, `x` to its four of the activations. Column c of tile n
/// stands for input 4 c + n.
__device__ __forceinline__ void middle_gradient_split(const float* d, const float* x, int rows,
                                                      Four (&gradient)[2][4]) {
  float sum[2][4][4] = {};
#pragma unroll 1
  for (int k = 0; k < rows; k += 16, d += 16 * stride, x += 16 * stride) {
#pragma unroll
    for (int s = 0; s < 2; ++s) {
      Operands<2, 4> operands;
#pragma unroll
      for (int depth = 0; depth < 2; ++depth) {
        const int row = 8 * s + depth;
#pragma unroll
        for (int m = 0; m < 2; ++m) {
          const float2 ds = *reinterpret_cast<const float2*>(d + row * stride + 16 * m);
          operands.a[m][2 * depth] = ds.x;
          operands.a[m][2 * depth + 1] = ds.y;
        }
        const Four xs = load4(x + row * stride);
#pragma unroll
        for (int i = 0; i < 4; ++i) operands.b[i][depth] = xs.at[i];
      }
      multiply_split(sum, operands);
    }
  }
#pragma unroll
  for (int m = 0; m < 2; ++m)
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int j = 0; j < 4; ++j) gradient[m][i].at[j] = sum[m][j][i];
}

}  // namespace gmmvae::cuda::fused
