#pragma once
// One dense layer on one batch: output, gradient of the input, and the update of its parameters. Each comes
// in the forms that the two layouts of plan.hpp ask for: the products run over whole vectors in every one of
// them.

#include "host/cpu/plan.hpp"
#include "host/cpu/simd/activation.hpp"
#include "host/cpu/simd/product.hpp"
#include "host/cpu/simd/update.hpp"

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

/// A batch of features in either layout: element (sample b, feature f) is at data + b * sample_step + f *
/// feature_step.
template <class T>
struct Batch {
  const T* data;
  std::ptrdiff_t sample_step;
  std::ptrdiff_t feature_step;
};

template <class T>
inline Batch<T> batch_of(const T* data, bool planar, std::ptrdiff_t stride) {
  return planar ? Batch<T>{data, 1, stride} : Batch<T>{data, stride, 1};
}

/// Derivative of the layer's activation at the outputs from `at` on.
template <class T>
[[gnu::always_inline]] inline Vec<T> slope_of(const LayerPlan<T>& layer, std::ptrdiff_t at) {
  return activation_slope<T>(layer.activation, load(layer.output + at),
                             layer.slope == nullptr ? nullptr : layer.slope + at);
}

/// A tile's rows one behind the other in memory, [R][V vectors].
template <class T, int R, int V>
[[gnu::always_inline]] inline void spill(const Tile<T, R, V>& tile, T* rows) {
#pragma GCC unroll 12
  for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(rows + (i * V + v) * kLanes<T>, tile.at[i][v]);
  }
}

/// Sample-major output: bias, product, activation; padding columns are set to zero.
template <class T>
struct ForwardTiles {
  const ModelPlan<T>& plan;
  const LayerPlan<T>& layer;
  Batch<T> input;

  template <int R, int V>
  void tile(std::ptrdiff_t row, std::ptrdiff_t column) {
    Tile<T, R, V> tile;
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const Vec<T> bias = load(plan.parameters + layer.bias + column + v * kLanes<T>);
#pragma GCC unroll 12
      for (int i = 0; i < R; ++i) tile.at[i][v] = bias;
    }
    multiply_add<T, R, V>(tile, input.data + row * input.sample_step, input.sample_step, input.feature_step,
                          plan.parameters + layer.weight + column, layer.stride, layer.in);
    const std::ptrdiff_t stride = layer.output_stride;
    if (layer.activation == Activation::relu && column + V * kLanes<T> <= layer.out) {
      T* output = layer.output + row * stride + column;
#pragma GCC unroll 12
      for (int i = 0; i < R; ++i, output += stride) {
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) store(output + v * kLanes<T>, relu(tile.at[i][v]));
      }
      return;
    }
    alignas(64) T sums[R * V * kLanes<T>];
    spill(tile, sums);
    finish(sums, row, R, column, V);
  }

 private:
  /// Any activation, and the padding, from a tile's sums in memory.
  [[gnu::noinline]] void finish(const T* sums, std::ptrdiff_t row, int rows, std::ptrdiff_t column,
                                int vectors) {
    for (int i = 0; i < rows; ++i) {
      for (int v = 0; v < vectors; ++v, sums += kLanes<T>) {
        const std::ptrdiff_t first = column + v * kLanes<T>;
        const std::ptrdiff_t at = (row + i) * layer.output_stride + first;
        Activated<T> result = activate<T>(layer.activation, load(sums));
        if (first + kLanes < T >> layer.out) result.value = keep_first<T>(result.value, layer.out - first);
        store(layer.output + at, result.value);
        if (layer.slope != nullptr) store(layer.slope + at, result.slope);
      }
    }
  }
};

/// Planar output from sample-major input: scalar products of rows.
template <class T>
inline void forward_to_planar(const ModelPlan<T>& plan, const LayerPlan<T>& layer, const Batch<T>& input,
                              std::ptrdiff_t batch) {
  const T* bias = plan.parameters + layer.bias;
  row_products<T>(input.data, input.sample_step, batch, plan.parameters + layer.weight, layer.stride,
                  layer.out, layer.stride / kLanes<T>, [&](std::ptrdiff_t o, std::ptrdiff_t b, Vec<T> sums) {
                    const std::ptrdiff_t at = o * layer.output_stride + b;
                    const Activated<T> result = activate<T>(layer.activation, sums + bias[o]);
                    store(layer.output + at, result.value);
                    if (layer.slope != nullptr) store(layer.slope + at, result.slope);
                  });
}

/// Planar output from planar input.
template <class T>
inline void forward_planar(const ModelPlan<T>& plan, const LayerPlan<T>& layer, const Batch<T>& input,
                           std::ptrdiff_t batch) {
  const T* weight = plan.parameters + layer.weight;
  const T* bias = plan.parameters + layer.bias;
  for (std::ptrdiff_t o = 0; o < layer.out; ++o) {
    for (std::ptrdiff_t b = 0; b < batch; b += kLanes<T>) {
      Vec<T> sum = broadcast(bias[o]);
      for (std::ptrdiff_t k = 0; k < layer.in; ++k) {
        sum += weight[o * layer.stride + k] * load(input.data + k * input.feature_step + b);
      }
      const std::ptrdiff_t at = o * layer.output_stride + b;
      const Activated<T> result = activate<T>(layer.activation, sum);
      store(layer.output + at, result.value);
      if (layer.slope != nullptr) store(layer.slope + at, result.slope);
    }
  }
}

template <class T>
inline void forward(const ModelPlan<T>& plan, const LayerPlan<T>& layer, const Batch<T>& input,
                    std::ptrdiff_t batch) {
  if (!layer.planar_output) {
    ForwardTiles<T> tiles{plan, layer, input};
    Tiling<T, ForwardTiles<T>>::run(tiles, batch, layer.output_stride / kLanes<T>);
  } else if (layer.planar_input) {
    forward_planar(plan, layer, input, batch);
  } else {
    forward_to_planar(plan, layer, input, batch);
  }
}

/// Sample-major gradient of the input, through the derivative of the previous layer's activation; on the way
/// out of the registers its columns are summed: that is the gradient of the previous layer's bias.
template <class T>
struct InputGradientTiles {
  Batch<T> delta;
  std::ptrdiff_t depth;
  const T* weight;  ///< [out][stride]
  std::ptrdiff_t stride;
  const LayerPlan<T>& previous;
  T* result;
  T* bias_gradient;

  template <int R, int V>
  void tile(std::ptrdiff_t row, std::ptrdiff_t column) {
    Tile<T, R, V> tile = {};
    multiply_add<T, R, V>(tile, delta.data + row * delta.sample_step, delta.sample_step, delta.feature_step,
                          weight + column, stride, depth);
    const std::ptrdiff_t row_length = previous.output_stride;
    const std::ptrdiff_t at = row * row_length + column;
    if (previous.activation != Activation::relu) {
      alignas(64) T sums[R * V * kLanes<T>];
      spill(tile, sums);
      finish(sums, at, R, column, V);
      return;
    }
    const T* output = previous.output + at;
    T* gradient = result + at;
    Vec<T> sum[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) sum[v] = load(bias_gradient + column + v * kLanes<T>);
#pragma GCC unroll 12
    for (int i = 0; i < R; ++i, output += row_length, gradient += row_length) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) {
        const Vec<T> passed = load(output + v * kLanes<T>) > 0 ? tile.at[i][v] : Vec<T>{};
        store(gradient + v * kLanes<T>, passed);
        sum[v] += passed;
      }
    }
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) store(bias_gradient + column + v * kLanes<T>, sum[v]);
  }

 private:
  /// Any activation, from a tile's sums in memory.
  [[gnu::noinline]] void finish(const T* sums, std::ptrdiff_t at, int rows, std::ptrdiff_t column,
                                int vectors) {
    for (int i = 0; i < rows; ++i) {
      for (int v = 0; v < vectors; ++v, sums += kLanes<T>) {
        const std::ptrdiff_t here = at + i * previous.output_stride + v * kLanes<T>;
        T* const bias = bias_gradient + column + v * kLanes<T>;
        const Vec<T> gradient = load(sums) * slope_of(previous, here);
        store(result + here, gradient);
        store(bias, Vec<T>(load(bias) + gradient));
      }
    }
  }
};

/// Planar gradient of a planar input whose producer has activation and output as given; padding samples
/// become zero.
template <class T>
inline void input_gradient_planar(const ModelPlan<T>& plan, const LayerPlan<T>& layer, const Batch<T>& delta,
                                  std::ptrdiff_t batch, T* result) {
  const T* weight = plan.parameters + layer.weight;
  const std::ptrdiff_t stride = plan.batch_stride;
  if (!layer.planar_output) {
    row_products<T>(delta.data, delta.sample_step, batch, weight, layer.stride, layer.in,
                    layer.stride / kLanes<T>, [&](std::ptrdiff_t k, std::ptrdiff_t b, Vec<T> sums) {
                      store(result + k * stride + b, keep_first<T>(sums, batch - b));
                    });
    return;
  }
  for (std::ptrdiff_t k = 0; k < layer.in; ++k) {
    for (std::ptrdiff_t b = 0; b < batch; b += kLanes<T>) {
      Vec<T> sum = {};
      for (std::ptrdiff_t o = 0; o < layer.out; ++o) {
        sum += weight[o * layer.stride + k] * load(delta.data + o * delta.feature_step + b);
      }
      store(result + k * stride + b, keep_first<T>(sum, batch - b));
    }
  }
}

/// Multiplies planar gradients by the derivative of the activation that made the layer's output.
template <class T>
inline void through_activation_planar(const LayerPlan<T>& layer, std::ptrdiff_t batch, T* delta) {
  for (std::ptrdiff_t o = 0; o < layer.out; ++o) {
    for (std::ptrdiff_t b = 0; b < batch; b += kLanes<T>) {
      const std::ptrdiff_t at = o * layer.output_stride + b;
      store(delta + at, keep_first<T>(load(delta + at) * slope_of(layer, at), batch - b));
    }
  }
}

/// Sums of planar gradients over samples: the gradient of the layer's bias, padded with zeros.
template <class T>
inline void planar_bias_gradient(const LayerPlan<T>& layer, const T* delta, std::ptrdiff_t delta_stride,
                                 std::ptrdiff_t batch, T* bias_gradient) {
  for (std::ptrdiff_t o = 0; o < layer.bias_padded; ++o) bias_gradient[o] = 0;
  for (std::ptrdiff_t o = 0; o < layer.out; ++o) {
    Vec<T> sum = {};
    for (std::ptrdiff_t b = 0; b < batch; b += kLanes<T>) sum += load(delta + o * delta_stride + b);
    bias_gradient[o] = static_cast<T>(sum_of_lanes<T>(sum));
  }
}

/// Gradient of the stored weight matrix, one of whose operands is sample-major: rows are read from `left` one
/// number at a time, columns from `right` as vectors; every finished tile goes straight into the update.
template <class T>
struct WeightGradientTiles {
  LeftOperand<T> left;
  const T* right;
  std::ptrdiff_t right_stride;
  std::ptrdiff_t batch;
  const LayerPlan<T>& layer;
  Update<T>& update;

  template <int R, int V>
  void tile(std::ptrdiff_t row, std::ptrdiff_t column) {
    Tile<T, R, V> tile = {};
    multiply_add<T, R, V>(tile, left.data + row * left.row_step, left.row_step, left.k_step, right + column,
                          right_stride, batch);
    alignas(64) T gradient[R * V * kLanes<T>];
    spill(tile, gradient);
    update.apply_rows(layer.weight + row * layer.stride + column, layer.stride, gradient, R, V * kLanes<T>);
  }
};

/// Gradient of the weights where input and delta are planar (padding samples of delta are zero).
template <class T>
inline void planar_weight_gradient(const ModelPlan<T>& plan, const LayerPlan<T>& layer, const Batch<T>& input,
                                   const Batch<T>& delta, std::ptrdiff_t batch, Update<T>& update) {
  for (std::ptrdiff_t o = 0; o < layer.out; ++o) {
    for (std::ptrdiff_t k = 0; k < layer.stride; ++k) plan.scratch[k] = 0;
    for (std::ptrdiff_t k = 0; k < layer.in; ++k) {
      Vec<T> sum = {};
      for (std::ptrdiff_t b = 0; b < batch; b += kLanes<T>) {
        sum += keep_first<T>(load(input.data + k * input.feature_step + b), batch - b) *
               load(delta.data + o * delta.feature_step + b);
      }
      plan.scratch[k] = static_cast<T>(sum_of_lanes<T>(sum));
    }
    update.apply(layer.weight + o * layer.stride, plan.scratch, layer.stride);
  }
}

template <class T>
inline void weight_gradient(const ModelPlan<T>& plan, const LayerPlan<T>& layer, const Batch<T>& input,
                            const Batch<T>& delta, std::ptrdiff_t batch, Update<T>& update) {
  if (layer.planar_input && layer.planar_output) {
    planar_weight_gradient(plan, layer, input, delta, batch, update);
    return;
  }
  const Batch<T>& rows = layer.planar_output ? delta : input;
  const Batch<T>& columns = layer.planar_output ? input : delta;
  WeightGradientTiles<T> tiles{{rows.data, rows.feature_step, rows.sample_step},
                               columns.data,
                               columns.sample_step,
                               batch,
                               layer,
                               update};
  Tiling<T, WeightGradientTiles<T>>::run(tiles, layer.rows, layer.stride / kLanes<T>);
}

/// Transposes the square block whose rows are v[0..lanes): in the round of width w, off-diagonal w x w blocks
/// change places.
template <class T, int W = 1>
[[gnu::always_inline]] inline void transpose_block(Vec<T>* v) {
  constexpr int lanes = kLanes<T>;
  if constexpr (W < lanes) {
    Mask<T> upper = {}, lower = {};
    for (int lane = 0; lane < lanes; ++lane) {
      upper[lane] = (lane & W) == 0 ? lane : lanes + lane - W;
      lower[lane] = (lane & W) == 0 ? lane + W : lanes + lane;
    }
#pragma GCC unroll 16
    for (int i = 0; i < lanes; ++i) {
      if ((i & W) != 0) continue;
      const Vec<T> a = v[i];
      const Vec<T> b = v[i | W];
      v[i] = __builtin_shuffle(a, b, upper);
      v[i | W] = __builtin_shuffle(a, b, lower);
    }
    transpose_block<T, 2 * W>(v);
  }
}

/// Renews the [out][in] copy of a layer whose input and output are both sample-major.
template <class T>
inline void refresh_transposed(const ModelPlan<T>& plan, const LayerPlan<T>& layer) {
  if (layer.transposed == nullptr) return;
  constexpr int lanes = kLanes<T>;
  const T* weight = plan.parameters + layer.weight;
  for (std::ptrdiff_t k = 0; k < layer.in; k += lanes) {
    for (std::ptrdiff_t o = 0; o < layer.out; o += lanes) {
      if (k + lanes <= layer.in && o + lanes <= layer.out) {
        Vec<T> whole[lanes];
#pragma GCC unroll 16
        for (int i = 0; i < lanes; ++i) whole[i] = load(weight + (k + i) * layer.stride + o);
        transpose_block<T>(whole);
#pragma GCC unroll 16
        for (int j = 0; j < lanes; ++j)
          store(layer.transposed + (o + j) * layer.transposed_stride + k, whole[j]);
        continue;
      }
      Vec<T> block[lanes] = {};
#pragma GCC unroll 16
      for (int i = 0; i < lanes; ++i) {
        if (k + i < layer.in) block[i] = load(weight + (k + i) * layer.stride + o);
      }
      transpose_block<T>(block);
#pragma GCC unroll 16
      for (int j = 0; j < lanes; ++j) {
        if (o + j < layer.out) store(layer.transposed + (o + j) * layer.transposed_stride + k, block[j]);
      }
    }
  }
}

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
