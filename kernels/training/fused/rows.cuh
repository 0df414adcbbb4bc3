#pragma once

// The way of a warp's twelve rows through both networks and back. Nothing here waits for another warp.
//
// Lane bit 1 says which of two interleaved sets of six rows a lane has, the other bits which four
// neighbouring columns. So row addresses do not depend on lane bit 0, nor column addresses on bit 1, and
// LDS.128 is charged twice instead of four times (see block/tiling.cuh). Bits 0 and 2 say which of the even
// fours: then a quarter of the warp that stores its rows of a tile, each a bank group further than the last,
// never meets in a bank.

#include "kernels/block/dense.cuh"
#include "kernels/block/sampling.cuh"
#include "kernels/training/fused/layout.cuh"

namespace gmmvae::cuda::fused {

using block::Four;
using block::load4;

inline constexpr int tile_rows = block::tile_rows;
inline constexpr int tile_columns = block::tile_columns;
using Tile = float[tile_rows * tile_columns];
inline constexpr int at_once = 16;  ///< of a middle layer's columns in a turn of its loops

/// A lane's place.
struct Place {
  int lane;
  int warp;
  int first;   ///< row of the warp
  int row;     ///< first row of the lane; the others follow at distances of two
  int side;    ///< which of the two sets of rows
  int column;  ///< first of four
  __device__ __forceinline__ Place(int lane_, int warp_) : lane(lane_), warp(warp_) {
    first = rows_a_warp * warp;
    side = lane >> 1 & 1;
    row = first + side;
    column = 4 * ((lane >> 3 & 1) | (lane & 1) << 1 | (lane & 4) | (lane >> 4) << 3);
  }
  [[nodiscard]] __device__ int row_of(int i) const { return row + 2 * i; }
};

/// Sums value[0..N) over the lanes that differ in the bits of the masks, in a fixed order. As long as their
/// number is even, the lower half goes to lanes without the bit, the upper half to those with it.
template <int N>
__device__ __forceinline__ void scatter_sums(int, float (&)[N]) {}
template <int N, class... Masks>
__device__ __forceinline__ void scatter_sums(int lane, float (&value)[N], int mask, Masks... masks) {
  const bool upper = (lane & mask) != 0;
  if constexpr (N % 2 == 0) {
    float half[N / 2];
#pragma unroll
    for (int i = 0; i < N / 2; ++i) {
      const float given = upper ? value[i] : value[i + N / 2];
      half[i] = (upper ? value[i + N / 2] : value[i]) + __shfl_xor_sync(full_warp, given, mask);
    }
    scatter_sums(lane, half, masks...);
#pragma unroll
    for (int i = 0; i < N / 2; ++i) value[i] = half[i];
  } else {
#pragma unroll
    for (int i = 0; i < N; ++i) value[i] += __shfl_xor_sync(full_warp, value[i], mask);
    scatter_sums(lane, value, masks...);
  }
}

/// half <- the lower half of `value` plus the upper half of the lane that differs in `mask`, which holds the
/// same sums in turned order.
template <int N>
__device__ __forceinline__ void add_upper(const float (&value)[2 * N], float (&half)[N], int mask) {
#pragma unroll
  for (int i = 0; i < N; ++i) half[i] = value[i] + __shfl_xor_sync(full_warp, value[i + N], mask);
}

/// The hidden layers' activation. A NaN stays a NaN, so that divergence is seen.
__device__ __forceinline__ float relu(float x) {
#if GPU_ARCH >= 800
  float y;
  asm("max.NaN.f32 %0, %1, 0f00000000;" : "=f"(y) : "f"(x));
  return y;
#else
  return x < 0.0f ? 0.0f : x;
#endif
}
/// A gradient on its way back through the activation whose output was y.
__device__ __forceinline__ float pass_relu(float gradient, float y) {
  return y > 0.0f ? gradient : 0.0f;
}

/// One network at work.
struct Network {
  const float* weights;  ///< packed
  float* input;          ///< [rows][narrow]
  float* first;          ///< output of the first hidden layer
  float* last;           ///< of the last one, later its delta
  float* partial;        ///< the warp's part of the gradients
};

/// tile <- activation(input W^T + b) of the first layer. The input has Depth columns.
template <int Hidden, int Depth>
__device__ __forceinline__ void first_layer(const Place& place, const Network& net, Tile& tile) {
  Four w[Depth];
#pragma unroll
  for (int k = 0; k < Depth; ++k)
    w[k] = load4(net.weights + Packed<Hidden>::first_weight + k * width + place.column);
  const Four bias = load4(net.weights + Packed<Hidden>::first_bias + place.column);
#pragma unroll
  for (int i = 0; i < tile_rows; ++i) {
    const Four in = load4(net.input + narrow * place.row_of(i));
#pragma unroll
    for (int j = 0; j < tile_columns; ++j) {
      float sum = bias.at[j];
#pragma unroll
      for (int k = 0; k < Depth; ++k) sum += in.at[k] * w[k].at[j];
      tile[i * tile_columns + j] = relu(sum);
    }
  }
}

/// To and from [rows][stride].
__device__ __forceinline__ void store_tile(const Place& place, const Tile& tile, float* to) {
#pragma unroll
  for (int i = 0; i < tile_rows; ++i) {
    const float* row = tile + i * tile_columns;
    block::store4(to + place.row_of(i) * stride + place.column, {{row[0], row[1], row[2], row[3]}});
  }
}
__device__ __forceinline__ void load_tile(const Place& place, const float* from, Tile& tile) {
#pragma unroll
  for (int i = 0; i < tile_rows; ++i) {
    const Four row = load4(from + place.row_of(i) * stride + place.column);
#pragma unroll
    for (int j = 0; j < tile_columns; ++j) tile[i * tile_columns + j] = row.at[j];
  }
}

/// tile <- activation(first W^T + b) of the middle layer.
__device__ __forceinline__ void middle_layer(const Place& place, const Network& net, Tile& tile) {
  const float* x = net.first + place.row * stride;
  const float* w = net.weights + Packed<2>::middle_weight + middle_row(place.column);
  const Four bias = load4(net.weights + Packed<2>::middle_bias + place.column);
  Tile sum;
#pragma unroll
  for (int i = 0; i < tile_rows; ++i)
#pragma unroll
    for (int j = 0; j < tile_columns; ++j) sum[i * tile_columns + j] = bias.at[j];
#pragma unroll 1
  for (const float* end = x + width; x != end; x += at_once, w += at_once) {
#pragma unroll
    for (int k = 0; k < at_once; k += 4) {
      Four xs[tile_rows];
      Four ws[tile_columns];
#pragma unroll
      for (int i = 0; i < tile_rows; ++i) xs[i] = load4(x + 2 * i * stride + k);
#pragma unroll
      for (int j = 0; j < tile_columns; ++j) ws[j] = load4(w + middle_row(j) + k);
      block::multiply_rows(sum, xs, ws);
    }
  }
#pragma unroll
  for (int n = 0; n < tile_rows * tile_columns; ++n) tile[n] = relu(sum[n]);
}

/// The last layer's weights that meet this lane's columns: number o is output o ^ `turn`.
struct LastWeights {
  Four of[narrow];
  template <int Hidden>
  __device__ static LastWeights load(const Place& place, const Network& net, int turn) {
    LastWeights w;
#pragma unroll
    for (int o = 0; o < narrow; ++o)
      w.of[o] = load4(net.weights + Packed<Hidden>::last_weight + (o ^ turn) * stride + place.column);
    return w;
  }
};

/// Output `o` of three rows, the same in lanes that differ in bit 0 alone.
struct Ends {
  int output;
  int half;  ///< the rows are row_of(3 half) and the next two
  float value[3];
};
template <int Hidden>
__device__ __forceinline__ Ends last_layer(const Place& place, const Network& net, const Tile& tile) {
  const int output = place.lane >> 3;
  const LastWeights w = LastWeights::load<Hidden>(place, net, output);
  float sums[narrow * tile_rows];  // the upper half is the lower one of the lane 16 further, and so on

#pragma unroll
  for (int o = 0; o < narrow; ++o)
#pragma unroll
    for (int i = 0; i < tile_rows; ++i) {
      float sum = 0.0f;
#pragma unroll
      for (int j = 0; j < tile_columns; ++j) sum += tile[i * tile_columns + j] * w.of[o].at[j];
      sums[o * tile_rows + i] = sum;
    }
  float two[2 * tile_rows];
  float left[tile_rows];
  add_upper(sums, two, 16);
  add_upper(two, left, 8);
  scatter_sums(place.lane, left, 4, 1);
  Ends ends{};
  ends.output = output;
  ends.half = place.lane >> 2 & 1;
  const float bias = net.weights[Packed<Hidden>::last_bias + ends.output];
#pragma unroll
  for (int s = 0; s < 3; ++s) ends.value[s] = left[s] + bias;
  return ends;
}

__device__ __forceinline__ void store2(float* to, float a, float b) {
  *reinterpret_cast<float2*>(to) = make_float2(a, b);
}

/// tile: outputs of the layer below the last in, their delta out. `ends` has the gradient of the last layer's
/// output. Also this warp's part of that layer's weights and of the bias below.
template <int Hidden>
__device__ __forceinline__ void through_last(const Place& place, const Network& net, const float* ends,
                                             Tile& tile) {
  const LastWeights w = LastWeights::load<Hidden>(place, net, 0);
  float parts[tile_columns * (narrow + 1)] = {};
#pragma unroll
  for (int i = 0; i < tile_rows; ++i) {
    const Four by_output = load4(ends + narrow * place.row_of(i));
#pragma unroll
    for (int j = 0; j < tile_columns; ++j) {
      const float y = tile[i * tile_columns + j];
      float gradient = 0.0f;
#pragma unroll
      for (int o = 0; o < narrow; ++o) {
        gradient += by_output.at[o] * w.of[o].at[j];
        parts[j * (narrow + 1) + o] += by_output.at[o] * y;
      }
      const float delta = pass_relu(gradient, y);
      parts[j * (narrow + 1) + narrow] += delta;
      tile[i * tile_columns + j] = delta;
    }
  }
  scatter_sums(place.lane, parts, 2);
  float* mine = net.partial + Partial::last_weight + place.column + 2 * place.side;
#pragma unroll
  for (int o = 0; o <= narrow; ++o) store2(mine + o * width, parts[o], parts[narrow + 1 + o]);
}

/// tile <- delta of the first hidden layer, from that of the last in net.last.
__device__ __forceinline__ void through_middle(const Place& place, const Network& net, Tile& tile) {
  const float* d = net.last + place.row * stride;
  const float* w = net.weights + Packed<2>::middle_weight + place.column;
  Tile sum = {};
#pragma unroll 1
  for (const float* end = d + width; d != end; d += at_once, w += middle_row(at_once)) {
#pragma unroll
    for (int k = 0; k < at_once; k += 4) {
      Four ds[tile_rows];
      Four ws[4];
#pragma unroll
      for (int i = 0; i < tile_rows; ++i) ds[i] = load4(d + 2 * i * stride + k);
#pragma unroll
      for (int q = 0; q < 4; ++q) ws[q] = load4(w + middle_row(k + q));
      block::multiply_columns(sum, ds, ws);
    }
  }
#pragma unroll
  for (int i = 0; i < tile_rows; ++i) {
    const Four y = load4(net.first + place.row_of(i) * stride + place.column);
#pragma unroll
    for (int j = 0; j < tile_columns; ++j) {
      const float gradient = sum[i * tile_columns + j];
      tile[i * tile_columns + j] = pass_relu(gradient, y.at[j]);
    }
  }
}

/// This warp's part of the first layer's gradients; with `by_input`, ends <- gradient of the network's input.
template <int Hidden, int Depth, bool by_input>
__device__ __forceinline__ void through_first(const Place& place, const Network& net, const Tile& tile,
                                              float* ends) {
  constexpr int parts_a_column = Depth + (Hidden == 2 ? 1 : 0);
  float parts[tile_columns * parts_a_column] = {};
#pragma unroll
  for (int i = 0; i < tile_rows; ++i) {
    const Four in = load4(net.input + narrow * place.row_of(i));
#pragma unroll
    for (int j = 0; j < tile_columns; ++j) {
      const float delta = tile[i * tile_columns + j];
#pragma unroll
      for (int k = 0; k < Depth; ++k) parts[j * parts_a_column + k] += delta * in.at[k];
      if constexpr (Hidden == 2) parts[j * parts_a_column + Depth] += delta;
    }
  }
  scatter_sums(place.lane, parts, 2);
  float* mine = net.partial + place.column + 2 * place.side;
#pragma unroll
  for (int k = 0; k < Depth; ++k)
    store2(mine + Partial::first_weight + k * width, parts[k], parts[parts_a_column + k]);
  if constexpr (Hidden == 2) store2(mine + Partial::first_bias, parts[Depth], parts[parts_a_column + Depth]);
  if constexpr (by_input) {
    static_assert(Depth == most_latent, "two gradients for each of six rows are dealt out below");
    const int input = place.lane >> 4;
    float sums[Depth * tile_rows] = {};  // number k is input k ^ `input`: see last_layer()
#pragma unroll
    for (int k = 0; k < Depth; ++k) {
      const Four w = load4(net.weights + Packed<Hidden>::first_weight + (k ^ input) * width + place.column);
#pragma unroll
      for (int i = 0; i < tile_rows; ++i)
#pragma unroll
        for (int j = 0; j < tile_columns; ++j)
          sums[k * tile_rows + i] += tile[i * tile_columns + j] * w.at[j];
    }
    float left[tile_rows];
    add_upper(sums, left, 16);
    scatter_sums(place.lane, left, 8, 4, 1);
    const int lane = place.lane;
    if ((lane & 5) == 0) {
#pragma unroll
      for (int s = 0; s < 3; ++s) ends[narrow * place.row_of(3 * (lane >> 3 & 1) + s) + input] = left[s];
    }
  }
}

}  // namespace gmmvae::cuda::fused
