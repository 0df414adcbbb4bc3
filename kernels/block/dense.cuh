#pragma once

// One dense layer on one batch, by one block: output, gradient of the input, and the update of its
// parameters. Matrices are row-major with strides that are multiples of four floats; columns up to the next
// multiple of four are read and written, so they must hold finite numbers, and zeros in the weights. No
// function here has a barrier: the caller puts one between a product and whoever reads its result.
//
// Operations per thread and step of depth 4 in a tile of 6 x 4: 96 FFMA, 10 LDS.128. Per step of depth 1 in a
// tile of 4 x 4 of the weight gradient: 16 FFMA, 2 LDS.128.

#include "kernels/block/activation.cuh"
#include "kernels/block/adam.cuh"
#include "kernels/block/tiling.cuh"

namespace gmmvae::block {

inline constexpr int tile_rows = 6;        ///< samples, of outputs and input gradients
inline constexpr int tile_columns = 4;     ///< features
inline constexpr int most_tile_parts = 3;  ///< 6 x 4 values over at most 8 lanes
inline constexpr int stride_of_64 = 68;  ///< of 64 columns: known while compiling, it costs no addition a row
inline constexpr int most_gradient_parts = 4;  ///< 4 x 4 values over at most 16 lanes

/// A batch of features: sample b, feature f is data[b * stride + f].
template <class T>
struct Rows {
  T* data;
  int stride;
  __device__ T* row(int b) const { return data + static_cast<std::ptrdiff_t>(b) * stride; }
};

/// The weights [out][stride] and the bias [out] of a layer.
struct Weights {
  const float* weight;
  int stride;
  const float* bias;
  int in;
  int out;
};

__host__ __device__ inline int padded(int n) {
  return (n + 3) & ~3;
}

/// The cuts of a layer's products for batches of `rows`.
__host__ __device__ inline Tiling forward_tiling(int in, int out, int rows, int warps) {
  return choose_tiling(ceil_div(rows, tile_rows), ceil_div(out, tile_columns), ceil_div(in, 4),
                       most_tile_parts, warps);
}
__host__ __device__ inline Tiling input_gradient_tiling(int in, int out, int rows, int warps) {
  return forward_tiling(out, in, rows, warps);
}
__host__ __device__ inline Tiling weight_gradient_tiling(int in, int out, int rows, int warps) {
  return choose_tiling(ceil_div(out, 4), ceil_div(in, 4), rows, most_gradient_parts, warps);
}

/// The unit of tiles that a warp works on: which tile this lane has, and whether there is one.
struct UnitTile {
  int row;
  int column;
  bool inside;
  __device__ UnitTile(const Tiling& tiling, const LanePlace& place, int unit, int row_groups,
                      int column_groups) {
    const int down = unit / tiling.units_across;
    const int across = unit - down * tiling.units_across;
    const int r = (down << tiling.rows) + place.row;
    const int c = (across << tiling.columns) + place.column;
    inside = r < row_groups && c < column_groups;
    row = smaller(r, row_groups - 1);  // lanes without a tile repeat the last one and store nothing
    column = smaller(c, column_groups - 1);
  }
};

/// sum += x w^T over a chunk of depth 4: x[i] and w[j] are rows.
__device__ inline void multiply_rows(float (&sum)[tile_rows * tile_columns], const Four (&x)[tile_rows],
                                     const Four (&w)[tile_columns]) {
#pragma unroll
  for (int k = 0; k < 4; ++k)
#pragma unroll
    for (int i = 0; i < tile_rows; ++i)
#pragma unroll
      for (int j = 0; j < tile_columns; ++j) sum[i * tile_columns + j] += x[i].at[k] * w[j].at[k];
}

/// sum += x w over a chunk of depth 4: w[k] is a row of four columns.
__device__ inline void multiply_columns(float (&sum)[tile_rows * tile_columns], const Four (&x)[tile_rows],
                                        const Four (&w)[4]) {
#pragma unroll
  for (int k = 0; k < 4; ++k)
#pragma unroll
    for (int i = 0; i < tile_rows; ++i)
#pragma unroll
      for (int j = 0; j < tile_columns; ++j) sum[i * tile_columns + j] += x[i].at[k] * w[k].at[j];
}

/// Runs body(chunk) for the chunks of depth that are this lane's; by far the most products have one part.
/// `Unroll` is what registers allow: operands in global memory need two for every address.
template <int Unroll, class Body>
__device__ inline void for_chunks(int chunks, const Tiling& tiling, int part, Body body) {
  if (tiling.parts == 0) {
#pragma unroll Unroll
    for (int q = 0; q < chunks; ++q) body(q);
  } else {
    for (int q = part; q < chunks; q += 1 << tiling.parts) body(q);
  }
}

/// Runs body(s, cell) for the sums that this lane holds after sum_parts: number s of them is cell `cell` of
/// the tile. In a product of one part the two are one constant, which addresses fold into.
template <int Cells, class Body>
__device__ inline void for_held(const Tiling& tiling, int first, Body body) {
  if (tiling.parts == 0) {
#pragma unroll
    for (int s = 0; s < Cells; ++s) body(s, s);
    return;
  }
  const int held = Cells >> tiling.parts;
#pragma unroll
  for (int s = 0; s < Cells / 2; ++s) {
    if (s < held) body(s, first + s);
  }
}

/// output = activation(input W^T + b) for rows 0..count; slope gets gelu's derivative, null for the others.
template <int Unroll>
__device__ inline void forward(const Tiling& tiling, const Weights& layer, Activation activation,
                               Rows<const float> input, Rows<float> output, float* slope, int count) {
  const int row_groups = ceil_div(count, tile_rows);
  const int column_groups = ceil_div(layer.out, tile_columns);
  const LanePlace place = lane_place(tiling);
  const bool bends = is_piecewise_linear(activation);
  const float negative = negative_slope(activation);
  for (int unit = static_cast<int>(warp_id()); unit < tiling.units;
       unit += static_cast<int>(block_threads() / 32)) {
    const UnitTile tile(tiling, place, unit, row_groups, column_groups);
    const float* x[tile_rows];
    const float* w[tile_columns];
#pragma unroll
    for (int i = 0; i < tile_rows; ++i) x[i] = input.row(smaller(tile.row + i * row_groups, count - 1));
#pragma unroll
    for (int j = 0; j < tile_columns; ++j)
      w[j] = layer.weight + (tile.column + j * column_groups) * layer.stride;
    float sum[tile_rows * tile_columns] = {};
    for_chunks<Unroll>(ceil_div(layer.in, 4), tiling, place.part, [&](int q) {
      Four xs[tile_rows];
      Four ws[tile_columns];
#pragma unroll
      for (int i = 0; i < tile_rows; ++i) xs[i] = load4(x[i] + 4 * q);
#pragma unroll
      for (int j = 0; j < tile_columns; ++j) ws[j] = load4(w[j] + 4 * q);
      multiply_rows(sum, xs, ws);
    });
    const int first = sum_parts<tile_rows * tile_columns, most_tile_parts>(sum, tiling, place.part);
    if (!tile.inside) continue;
    const int held = tile_rows * tile_columns >> tiling.parts;
    for_held<tile_rows * tile_columns>(tiling, first, [&](int s, int cell) {
      const int row = tile.row + cell / tile_columns * row_groups;
      const int column = tile.column + cell % tile_columns * column_groups;
      if (row >= count) return;
      const float a = sum[s] + layer.bias[column];
      output.row(row)[column] = bends ? bend(a, negative) : a;
    });
    if (bends) continue;
#pragma unroll 1
    for (int s = 0; s < held;
         ++s) {  // the same numbers again, in a loop that is not unrolled: the functions are long
      const int row = tile.row + (first + s) / tile_columns * row_groups;
      const int column = tile.column + (first + s) % tile_columns * column_groups;
      if (row >= count) break;
      float* y = output.row(row) + column;
      const float a = *y;
      if (slope != nullptr) slope[static_cast<std::ptrdiff_t>(row) * output.stride + column] = gelu_slope(a);
      *y = activate(activation, a);
    }
  }
}

/// What the input of a layer was made by: its own activation, which its gradient has to pass.
struct Producer {
  Activation activation;
  const float* output;  ///< null where the input is data or latent code, whose gradient passes nothing
  const float* slope;   ///< for gelu
  int stride;
};

/// result = (delta W) * slope of the producer, for rows 0..count.
template <int Unroll>
__device__ inline void input_gradient(const Tiling& tiling, const Weights& layer, Rows<const float> delta,
                                      const Producer& producer, Rows<float> result, int count) {
  const int row_groups = ceil_div(count, tile_rows);
  const int column_groups = ceil_div(layer.in, tile_columns);
  const LanePlace place = lane_place(tiling);
  const bool passes = producer.output == nullptr || producer.activation == Activation::identity;
  const bool bends = !passes && is_piecewise_linear(producer.activation);
  const float negative = negative_slope(producer.activation);
  for (int unit = static_cast<int>(warp_id()); unit < tiling.units;
       unit += static_cast<int>(block_threads() / 32)) {
    const UnitTile tile(tiling, place, unit, row_groups, column_groups);
    const int column = tile_columns * tile.column;
    const float* d[tile_rows];
#pragma unroll
    for (int i = 0; i < tile_rows; ++i) d[i] = delta.row(smaller(tile.row + i * row_groups, count - 1));
    float sum[tile_rows * tile_columns] = {};
    for_chunks<Unroll>(ceil_div(layer.out, 4), tiling, place.part, [&](int q) {
      Four ds[tile_rows];
      Four ws[4];
      const float* w = layer.weight + 4 * q * layer.stride + column;
#pragma unroll
      for (int i = 0; i < tile_rows; ++i) ds[i] = load4(d[i] + 4 * q);
#pragma unroll
      for (int k = 0; k < 4; ++k) ws[k] = load4(w + k * layer.stride);
      multiply_columns(sum, ds, ws);
    });
    const int first = sum_parts<tile_rows * tile_columns, most_tile_parts>(sum, tiling, place.part);
    if (!tile.inside) continue;
    const int held = tile_rows * tile_columns >> tiling.parts;
    for_held<tile_rows * tile_columns>(tiling, first, [&](int s, int cell) {
      const int row = tile.row + cell / tile_columns * row_groups;
      if (row >= count) return;
      const int at = column + cell % tile_columns;
      const bool flat =
          bends && !(producer.output[static_cast<std::ptrdiff_t>(row) * producer.stride + at] > 0.0f);
      result.row(row)[at] = flat ? negative * sum[s] : sum[s];
    });
    if (passes || bends) continue;
#pragma unroll 1
    for (int s = 0; s < held; ++s) {
      const int row = tile.row + (first + s) / tile_columns * row_groups;
      if (row >= count) break;
      const int at = column + (first + s) % tile_columns;
      const std::ptrdiff_t place_of = static_cast<std::ptrdiff_t>(row) * producer.stride + at;
      result.row(row)[at] *= producer.slope != nullptr
                                 ? producer.slope[place_of]
                                 : activation_slope(producer.activation, producer.output[place_of]);
    }
  }
}

/// Gives four neighbouring weights of one row their gradients; the last `4 - count` are padding.
__device__ inline void apply_row(Update& update, int offset, int count, const float* gradient, Four m,
                                 Four v) {
  Four g;
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    g.at[j] =
        j < count ? gradient[j] : 0.0f;  // padding keeps its zeros: Adam of a zero gradient is no change
    update.squared_norm += g.at[j] * g.at[j];
  }
  if (update.gradient != nullptr) {
    store4(update.gradient + offset, g);
    return;
  }
  Four w = load4(update.parameters + offset);
#pragma unroll
  for (int j = 0; j < 4; ++j) w.at[j] = update.moved(w.at[j], g.at[j], m.at[j], v.at[j]);
  store4(update.parameters + offset, w);
  store4(update.first_out + offset, m);
  store4(update.second_out + offset, v);
}

/// Gradient of the weights, delta^T input over rows 0..count, given to the update as soon as a tile is known.
/// `weight` is the offset of the weights in the packed layout.
template <int Unroll>
__device__ inline void weight_gradient(const Tiling& tiling, int in, int out, int weight, int weight_stride,
                                       Rows<const float> input, Rows<const float> delta, int count,
                                       Update& update) {
  const int row_groups = ceil_div(out, 4);
  const int column_groups = ceil_div(in, 4);
  const LanePlace place = lane_place(tiling);
  const bool whole = tiling.parts == 0;
  for (int unit = static_cast<int>(warp_id()); unit < tiling.units;
       unit += static_cast<int>(block_threads() / 32)) {
    const UnitTile tile(tiling, place, unit, row_groups, column_groups);
    const int offset = weight + 4 * tile.row * weight_stride + 4 * tile.column;
    Four m[4] = {};
    Four v[4] = {};
    if (whole && tile.inside && update.gradient == nullptr) {  // on their way while the product runs
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        m[i] = load4(update.first_in + offset + i * weight_stride);
        v[i] = load4(update.second_in + offset + i * weight_stride);
      }
    }
    const float* d = delta.data + 4 * tile.row;
    const float* x = input.data + 4 * tile.column;
    float sum[16] = {};
    const auto add = [&](std::ptrdiff_t to_d, std::ptrdiff_t to_x) {
      const Four ds = load4(d + to_d);
      const Four xs = load4(x + to_x);
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) sum[4 * i + j] += ds.at[i] * xs.at[j];
    };
    if (delta.stride == stride_of_64 && input.stride == stride_of_64) {
      for_chunks<Unroll>(count, tiling, place.part, [&](int k) { add(k * stride_of_64, k * stride_of_64); });
    } else {
      for_chunks<Unroll>(count, tiling, place.part, [&](int k) {
        add(static_cast<std::ptrdiff_t>(k) * delta.stride, static_cast<std::ptrdiff_t>(k) * input.stride);
      });
    }
    const int first = sum_parts<16, most_gradient_parts>(sum, tiling, place.part);
    if (!tile.inside) continue;
    if (whole) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        if (4 * tile.row + i < out)
          apply_row(update, offset + i * weight_stride, in - 4 * tile.column, sum + 4 * i, m[i], v[i]);
      }
      continue;
    }
    for_held<16>(tiling, first, [&](int s, int cell) {
      const int i = cell / 4;
      const int j = cell % 4;
      if (4 * tile.row + i < out && 4 * tile.column + j < in)
        update.apply(offset + i * weight_stride + j, sum[s]);
    });
  }
}

/// Gradient of the bias: the sums of delta's columns over rows 0..count. Eight lanes share four columns. The
/// last warps begin, because the first ones are the last to finish a weight gradient.
__device__ inline void bias_gradient(int out, int bias, Rows<const float> delta, int count, Update& update) {
  const int groups = ceil_div(out, 4);
  const int warps = static_cast<int>(block_threads() / 32);
  const int lane = static_cast<int>(lane_id());
  const int part = lane / 4;
  for (int unit = warps - 1 - static_cast<int>(warp_id()); 4 * unit < groups; unit += warps) {
    const int group = 4 * unit + lane % 4;
    const float* d = delta.data + 4 * smaller(group, groups - 1);
    float sum[4] = {};
    for (int b = part; b < count; b += 8) {
      const Four ds = load4(d + static_cast<std::ptrdiff_t>(b) * delta.stride);
#pragma unroll
      for (int j = 0; j < 4; ++j) sum[j] += ds.at[j];
    }
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int mask = 4; mask < 32; mask *= 2) sum[j] += __shfl_xor_sync(full_warp, sum[j], mask);
    float mine = sum[0];
#pragma unroll
    for (int j = 1; j < 4; ++j) mine = part == j ? sum[j] : mine;
    if (group < groups && part < 4 && 4 * group + part < out) update.apply(bias + 4 * group + part, mine);
  }
}

}  // namespace gmmvae::block
