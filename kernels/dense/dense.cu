#include "kernels/block/activation.cuh"
#include "kernels/block/tiling.cuh"
#include "kernels/dense/dense.hpp"
#include "kernels/dense/tile.cuh"

namespace gmmvae::dense {
namespace {

using block::ceil_div;

template <int Groups>
__global__ void __launch_bounds__(tile_threads) forward(Forward layer, const int* samples) {
  GPU_SHARED(float, panel_a, [tile_depth][pitch_of(1)]);
  GPU_SHARED(float, panel_b, [tile_depth][pitch_of(Groups)]);
  const int count = *samples;
  const int row = static_cast<int>(blockIdx.y) * tile_size;
  const int column = static_cast<int>(blockIdx.x) * tile_size * Groups;
  if (row < count) {  // the same for the whole block
    Sums<Groups> sum = {};
    multiply_tile<Lies::along_depth, Lies::along_depth, Groups>(
        {layer.input.data, layer.input.stride, count, layer.in},
        {layer.weight.data, layer.weight.stride, layer.out, layer.in}, row, column, layer.in, panel_a,
        panel_b, sum, [](const Panel<1>&) {});
#pragma unroll
    for (int i = 0; i < rows_a_thread; ++i) {
      const int b = row + first_row_of_thread() + i;
#pragma unroll
      for (int j = 0; j < columns_a_group * Groups; ++j) {
        const int o = column + first_column_of_thread() + column_of(j);
        if (b >= count || o >= layer.out) continue;
        const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * layer.output.stride + o;
        const float raw = sum[i][j] + layer.bias[o];
        layer.output.data[at] = raw;
      }
    }
    // the same numbers again, in loops that are not unrolled: the functions are long
#pragma unroll 1
    for (int e = 0; e < rows_a_thread * columns_a_group * Groups && layer.activation != Activation::identity;
         ++e) {
      const int b = row + first_row_of_thread() + e / (columns_a_group * Groups);
      const int o = column + first_column_of_thread() + column_of(e % (columns_a_group * Groups));
      if (b >= count || o >= layer.out) continue;
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * layer.output.stride + o;
      const float raw = layer.output.data[at];
      if (layer.slope != nullptr) layer.slope[at] = block::gelu_slope(raw);
      layer.output.data[at] = block::activate(layer.activation, raw);
    }
  }
}

template <int Groups>
__global__ void __launch_bounds__(tile_threads) input_gradient(InputGradient layer, const int* samples) {
  GPU_SHARED(float, panel_a, [tile_depth][pitch_of(1)]);
  GPU_SHARED(float, panel_b, [tile_depth][pitch_of(Groups)]);
  const int count = *samples;
  const int row = static_cast<int>(blockIdx.y) * tile_size;
  const int column = static_cast<int>(blockIdx.x) * tile_size * Groups;
  if (row < count) {
    Sums<Groups> sum = {};
    multiply_tile<Lies::along_depth, Lies::across_depth, Groups>(
        {layer.delta.data, layer.delta.stride, count, layer.out},
        {layer.weight.data, layer.weight.stride, layer.out, layer.in}, row, column, layer.out, panel_a,
        panel_b, sum, [](const Panel<1>&) {});
#pragma unroll
    for (int i = 0; i < rows_a_thread; ++i) {
      const int b = row + first_row_of_thread() + i;
#pragma unroll
      for (int j = 0; j < columns_a_group * Groups; ++j) {
        const int f = column + first_column_of_thread() + column_of(j);
        if (b >= count || f >= layer.in) continue;
        float slope = 1.0f;
        if (layer.activation != Activation::identity) {
          const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * layer.below.stride + f;
          slope = layer.slope != nullptr ? layer.slope[at]
                                         : block::activation_slope(layer.activation, layer.below.data[at]);
        }
        layer.result.data[static_cast<std::ptrdiff_t>(b) * layer.result.stride + f] = slope * sum[i][j];
      }
    }
  }
}

/// Sum over the block in a fixed order, for thread 0. `parts` holds one number a warp.
__device__ inline double block_sum(double mine, double* parts) {
  const double of_warp = block::warp_sum(mine);
  if (lane_id() == 0) parts[warp_id()] = of_warp;
  __syncthreads();
  double total = 0.0;
  if (thread_rank() == 0) {
    for (unsigned w = 0; w < block_threads() / 32; ++w) total += parts[w];
  }
  return total;
}

template <int Groups>
__global__ void __launch_bounds__(tile_threads)
    parameter_gradients(ParameterGradients layer, const int* samples) {
  GPU_SHARED(float, panel_a, [tile_depth][pitch_of(1)]);
  GPU_SHARED(float, panel_b, [tile_depth][pitch_of(Groups)]);
  GPU_SHARED(double, parts, [tile_threads / 32]);
  const int count = *samples;
  const int row = static_cast<int>(blockIdx.y) * tile_size;
  const int column = static_cast<int>(blockIdx.x) * tile_size * Groups;
  if (count > 0) {
    const int thread = static_cast<int>(threadIdx.x);
    block::Update update = *layer.update;
    update.squared_norm = 0.0f;
    Sums<Groups> sum = {};
    float bias_sum = 0.0f;
    const bool has_bias = blockIdx.x == 0 && thread < tile_size && row + thread < layer.out;
    multiply_tile<Lies::across_depth, Lies::across_depth, Groups>(
        {layer.delta.data, layer.delta.stride, count, layer.out},
        {layer.input.data, layer.input.stride, count, layer.in}, row, column, count, panel_a, panel_b, sum,
        [&](const Panel<1>& delta) {
          if (!has_bias) return;
          for (int k = 0; k < tile_depth; ++k) bias_sum += delta[k][thread];
        });
#pragma unroll
    for (int i = 0; i < rows_a_thread; ++i) {
      const int o = row + first_row_of_thread() + i;
#pragma unroll
      for (int j = 0; j < columns_a_group * Groups; ++j) {
        const int f = column + first_column_of_thread() + column_of(j);
        if (o < layer.out && f < layer.in)
          update.apply(layer.weight + o * layer.weight_stride + f, sum[i][j]);
      }
    }
    if (has_bias) update.apply(layer.bias + row + thread, bias_sum);
    const double norm = block_sum(static_cast<double>(update.squared_norm), parts);
    if (thread == 0) layer.squared_norms[blockIdx.y * gridDim.x + blockIdx.x] = norm;
  }
}

/// How many groups of 64 columns a tile has. Two are a third fewer loads, where there are enough tiles even
/// so: a multiprocessor wants a few to hide latency behind, and the largest cards have about 130. Which one
/// is taken changes no sum.
int groups_of(int rows, int columns) {
  constexpr int enough = 256;
  return ceil_div(rows, tile_size) * ceil_div(columns, 2 * tile_size) >= enough ? 2 : 1;
}

dim3 tiles(int rows, int columns, int groups) {
  return {static_cast<unsigned>(ceil_div(columns, tile_size * groups)),
          static_cast<unsigned>(ceil_div(rows, tile_size)), 1};
}

template <class Layer>
void launch_tiles(void (*one)(Layer, const int*), void (*two)(Layer, const int*), int rows, int columns,
                  const Layer& layer, const Samples& samples, cudaStream_t stream, int groups) {
  if (groups == 0) groups = groups_of(rows, columns);
  launch(groups == 2 ? two : one, tiles(rows, columns, groups), tile_threads, 0, stream, layer,
         samples.count);
}

}  // namespace

void launch_forward(const Forward& layer, const Samples& samples, cudaStream_t stream, int groups) {
  launch_tiles<Forward>(forward<1>, forward<2>, samples.most, layer.out, layer, samples, stream, groups);
}

void launch_input_gradient(const InputGradient& layer, const Samples& samples, cudaStream_t stream,
                           int groups) {
  launch_tiles<InputGradient>(input_gradient<1>, input_gradient<2>, samples.most, layer.in, layer, samples,
                              stream, groups);
}

void launch_parameter_gradients(const ParameterGradients& layer, const Samples& samples, cudaStream_t stream,
                                int groups) {
  launch_tiles<ParameterGradients>(parameter_gradients<1>, parameter_gradients<2>, layer.out, layer.in, layer,
                                   samples, stream, groups);
}

int blocks_of_parameters(int in, int out, int groups) {
  const dim3 grid = tiles(out, in, groups == 0 ? groups_of(out, in) : groups);
  return static_cast<int>(grid.x * grid.y);
}

}  // namespace gmmvae::dense
