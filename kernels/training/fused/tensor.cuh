#pragma once

// The middle layers' products of the fused trainer by tensor cores in 3xTF32: a float is the sum of two TF32
// numbers, a product of floats three products of those, the fourth being below rounding. Both numbers are
// rounded to nearest, and every mma of depth 8 begins with zeros and is added in fp32, because tensor cores
// round their own sums toward zero, which a long chain adds up to a bias.
//
// Error of a sum of n products a b, in units of 2^-24 of the sum of |a b|: 12 for what the two numbers leave
// out (2^-22 of a and of b, and low times low), 4 for each mma's own sum, n / 8 for adding them in fp32.
//
// With g = lane / 4 and t = lane % 4, a lane's results of a 16 x 8 product are in rows g and g + 8 and
// columns 2 t and 2 t + 1 (block/mma.cuh). The order of the depth is free: where t and t + 4 would meet in a
// bank, 2 t and 2 t + 1 are taken instead.

#include "kernels/block/adam.cuh"
#include "kernels/block/mma.cuh"
#include "kernels/training/fused/rows.cuh"

namespace gmmvae::cuda::fused {

/// x = high + low, but for 2^-22 of x. The hardware ignores the 13 low bits of each word.
struct Split {
  std::uint32_t high;
  std::uint32_t low;
};

__device__ inline Split split(float x) {
  const std::uint32_t high = (__float_as_uint(x) + 0x1000u) & 0xffffe000u;
  return {high, __float_as_uint(x - __uint_as_float(high)) + 0x1000u};
}

/// sum += A B over `steps` steps of depth 8, M x N tiles of 16 x 8. a(m, e, s) and b(n, e, s) are the
/// elements of this lane's fragments in step s.
template <int M, int N, class LoadA, class LoadB>
__device__ inline void multiply_split(float (&sum)[M][N][4], int steps, LoadA a, LoadB b) {
#pragma unroll 1
  for (int s = 0; s < steps; ++s) {
    std::uint32_t a_high[M][4];
    std::uint32_t a_low[M][4];
    std::uint32_t b_high[N][2];
    std::uint32_t b_low[N][2];
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const Split parts = split(a(m, e, s));
        a_high[m][e] = parts.high;
        a_low[m][e] = parts.low;
      }
#pragma unroll
    for (int n = 0; n < N; ++n)
#pragma unroll
      for (int e = 0; e < 2; ++e) {
        const Split parts = split(b(n, e, s));
        b_high[n][e] = parts.high;
        b_low[n][e] = parts.low;
      }
#pragma unroll
    for (int m = 0; m < M; ++m)
#pragma unroll
      for (int n = 0; n < N; ++n) {
        float part[4] = {};
        mma_tf32(part, a_low[m], b_high[n]);
        mma_tf32(part, a_high[m], b_low[n]);
        mma_tf32(part, a_high[m], b_high[n]);
#pragma unroll
        for (int e = 0; e < 4; ++e) sum[m][n][e] += part[e];
      }
  }
}

/// Products of a warp's rows with a middle layer: columns are M = 4 tiles of 16, rows N = 2 tiles of 8, of
/// which the second has four.
using RowFragments = float[4][2][4];

/// The row of the warp that a lane reads for the second operand.
__device__ inline int operand_row(int n) {
  const int g = static_cast<int>(lane_id()) / 4;
  return 8 * n + (n == 1 ? g % 4 : g);
}

/// A warp's results to [rows][stride].
__device__ inline void store_fragments(const Place& place, const RowFragments& sum, float* to) {
  const int g = static_cast<int>(lane_id()) / 4;
  const int t = static_cast<int>(lane_id()) % 4;
#pragma unroll
  for (int n = 0; n < 2; ++n) {
    if (n == 1 && t >= 2) continue;
#pragma unroll
    for (int m = 0; m < 4; ++m)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        to[(place.first + 8 * n + 2 * t + e % 2) * stride + 16 * m + g + 8 * (e / 2)] = sum[m][n][e];
  }
}

/// As middle_layer(); net.last is where the sums change hands.
__device__ inline void middle_layer_split(const Place& place, const Network& net, Tile& tile) {
  const int g = static_cast<int>(lane_id()) / 4;
  const int t = static_cast<int>(lane_id()) % 4;
  const float* w = net.weights + Packed<2>::middle_weight + g * stride + t;
  const float* x = net.first + place.first * stride + t;
  RowFragments sum = {};
  multiply_split(
      sum, width / 8,
      [&](int m, int e, int s) { return w[(16 * m + 8 * (e % 2)) * stride + 8 * s + 4 * (e / 2)]; },
      [&](int n, int e, int s) { return x[operand_row(n) * stride + 8 * s + 4 * e]; });
  store_fragments(place, sum, net.last);
  __syncwarp();
  load_tile(place, net.last, tile);
#pragma unroll
  for (int j = 0; j < tile_columns; ++j) {
    const float bias = net.weights[Packed<2>::middle_bias + place.column_of<Columns::strided>(j)];
#pragma unroll
    for (int i = 0; i < tile_rows; ++i) tile[i * tile_columns + j] = relu(tile[i * tile_columns + j] + bias);
  }
}

/// As through_middle(). The sums change hands in net.first, whose numbers are in registers meanwhile.
__device__ inline void through_middle_split(const Place& place, const Network& net, Tile& tile) {
  const int g = static_cast<int>(lane_id()) / 4;
  const int t = static_cast<int>(lane_id()) % 4;
  const float* w = net.weights + Packed<2>::middle_weight + 2 * t * stride + g;
  const float* d = net.last + place.first * stride + 2 * t;
  RowFragments sum = {};
  multiply_split(
      sum, width / 8, [&](int m, int e, int s) { return w[(8 * s + e / 2) * stride + 16 * m + 8 * (e % 2)]; },
      [&](int n, int e, int s) { return d[operand_row(n) * stride + 8 * s + e]; });
  Four y[tile_rows];
#pragma unroll
  for (int i = 0; i < tile_rows; ++i) y[i] = load4(net.first + place.row_of(i) * stride + 4 * place.column);
  __syncwarp();
  store_fragments(place, sum, net.first);
  __syncwarp();
#pragma unroll
  for (int i = 0; i < tile_rows; ++i) {
    float* place_of = net.first + place.row_of(i) * stride + 4 * place.column;
    const Four gradient = load4(place_of);
    block::store4(place_of, y[i]);
#pragma unroll
    for (int j = 0; j < tile_columns; ++j) tile[i * tile_columns + j] = pass_relu(gradient.at[j], y[i].at[j]);
  }
}

/// As move_middle(): a warp has 32 x 32 weights of a middle layer, each lane pairs of neighbours.
__device__ inline void move_middle_split(const BlockMemory<Placement::fused>& memory, int rows,
                                         block::Update& update) {
  const int g = static_cast<int>(lane_id()) / 4;
  const int t = static_cast<int>(lane_id()) % 4;
  const int warp = static_cast<int>(warp_id());
  const int network = warp / 4;
  const int out = 32 * (warp / 2 % 2) + g;
  const int in = 32 * (warp % 2);
  const float* d = memory.hidden_of<2>(network, 1) + out;
  const float* x = memory.hidden_of<2>(network, 0) + in + g;
  float sum[2][4][4] = {};
  // rows come in twelves, the depth in eights: the last step may be half a one
  multiply_split(
      sum, block::ceil_div(rows, 8),
      [&](int m, int e, int s) {
        const int k = 8 * s + 2 * t + e / 2;
        return k < rows ? d[k * stride + 16 * m + 8 * (e % 2)] : 0.0f;
      },
      [&](int n, int e, int s) {
        const int k = 8 * s + 2 * t + e;
        return k < rows ? x[k * stride + 8 * n] : 0.0f;
      });
  const int base = network * Packed<2>::network + Packed<2>::middle_weight + in + 2 * t;
#pragma unroll
  for (int m = 0; m < 2; ++m)
#pragma unroll
    for (int n = 0; n < 4; ++n)
#pragma unroll
      for (int e = 0; e < 4; ++e)
        update.apply(base + (out + 16 * m + 8 * (e / 2)) * stride + 8 * n + e % 2, sum[m][n][e]);
}

}  // namespace gmmvae::cuda::fused
