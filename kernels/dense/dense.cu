#include "kernels/block/activation.cuh"
#include "kernels/block/tiling.cuh"
#include "kernels/dense/dense.hpp"
#include "kernels/dense/tile.cuh"

namespace gmmvae::dense {
namespace {

using block::ceil_div;

__global__ void __launch_bounds__(tile_threads) forward(Forward layer, const int* samples) {
  GPU_SHARED(float, panel_a, [tile_depth][tile_pitch]);
  GPU_SHARED(float, panel_b, [tile_depth][tile_pitch]);
  const int count = *samples;
  const int row = static_cast<int>(blockIdx.y) * tile_size;
  const int column = static_cast<int>(blockIdx.x) * tile_size;
  if (row < count) {  // the same for the whole block
    float sum[rows_a_thread][columns_a_thread] = {};
    multiply_tile<Lies::along_depth, Lies::along_depth>(
        {layer.input.data, layer.input.stride, count, layer.in},
        {layer.weight.data, layer.weight.stride, layer.out, layer.in}, row, column, layer.in, panel_a,
        panel_b, sum, [](const Panel&) {});
#pragma unroll
    for (int i = 0; i < rows_a_thread; ++i) {
      const int b = row + first_row_of_thread() + i;
#pragma unroll
      for (int j = 0; j < columns_a_thread; ++j) {
        const int o = column + first_column_of_thread() + j;
        if (b >= count || o >= layer.out) continue;
        const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * layer.output.stride + o;
        const float raw = sum[i][j] + layer.bias[o];
        layer.output.data[at] = raw;
      }
    }
    // the same numbers again, in loops that are not unrolled: the functions are long
#pragma unroll 1
    for (int e = 0; e < rows_a_thread * columns_a_thread && layer.activation != Activation::identity; ++e) {
      const int b = row + first_row_of_thread() + e / columns_a_thread;
      const int o = column + first_column_of_thread() + e % columns_a_thread;
      if (b >= count || o >= layer.out) continue;
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * layer.output.stride + o;
      const float raw = layer.output.data[at];
      if (layer.slope != nullptr) layer.slope[at] = block::gelu_slope(raw);
      layer.output.data[at] = block::activate(layer.activation, raw);
    }
  }
}

__global__ void __launch_bounds__(tile_threads) input_gradient(InputGradient layer, const int* samples) {
  GPU_SHARED(float, panel_a, [tile_depth][tile_pitch]);
  GPU_SHARED(float, panel_b, [tile_depth][tile_pitch]);
  const int count = *samples;
  const int row = static_cast<int>(blockIdx.y) * tile_size;
  const int column = static_cast<int>(blockIdx.x) * tile_size;
  if (row < count) {
    float sum[rows_a_thread][columns_a_thread] = {};
    multiply_tile<Lies::along_depth, Lies::across_depth>(
        {layer.delta.data, layer.delta.stride, count, layer.out},
        {layer.weight.data, layer.weight.stride, layer.out, layer.in}, row, column, layer.out, panel_a,
        panel_b, sum, [](const Panel&) {});
#pragma unroll
    for (int i = 0; i < rows_a_thread; ++i) {
      const int b = row + first_row_of_thread() + i;
#pragma unroll
      for (int j = 0; j < columns_a_thread; ++j) {
        const int f = column + first_column_of_thread() + j;
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

__global__ void __launch_bounds__(tile_threads)
    parameter_gradients(ParameterGradients layer, const int* samples) {
  GPU_SHARED(float, panel_a, [tile_depth][tile_pitch]);
  GPU_SHARED(float, panel_b, [tile_depth][tile_pitch]);
  GPU_SHARED(double, parts, [tile_threads / 32]);
  const int count = *samples;
  const int row = static_cast<int>(blockIdx.y) * tile_size;
  const int column = static_cast<int>(blockIdx.x) * tile_size;
  if (count > 0) {
    const int thread = static_cast<int>(threadIdx.x);
    block::Update update = *layer.update;
    update.squared_norm = 0.0f;
    float sum[rows_a_thread][columns_a_thread] = {};
    float bias_sum = 0.0f;
    const bool has_bias = blockIdx.x == 0 && thread < tile_size && row + thread < layer.out;
    multiply_tile<Lies::across_depth, Lies::across_depth>(
        {layer.delta.data, layer.delta.stride, count, layer.out},
        {layer.input.data, layer.input.stride, count, layer.in}, row, column, count, panel_a, panel_b, sum,
        [&](const Panel& delta) {
          if (!has_bias) return;
          for (int k = 0; k < tile_depth; ++k) bias_sum += delta[k][thread];
        });
#pragma unroll
    for (int i = 0; i < rows_a_thread; ++i) {
      const int o = row + first_row_of_thread() + i;
#pragma unroll
      for (int j = 0; j < columns_a_thread; ++j) {
        const int f = column + first_column_of_thread() + j;
        if (o < layer.out && f < layer.in)
          update.apply(layer.weight + o * layer.weight_stride + f, sum[i][j]);
      }
    }
    if (has_bias) update.apply(layer.bias + row + thread, bias_sum);
    const double norm = block_sum(static_cast<double>(update.squared_norm), parts);
    if (thread == 0) layer.squared_norms[blockIdx.y * gridDim.x + blockIdx.x] = norm;
  }
}

dim3 tiles(int rows, int columns) {
  return {static_cast<unsigned>(ceil_div(columns, tile_size)),
          static_cast<unsigned>(ceil_div(rows, tile_size)), 1};
}

}  // namespace

void launch_forward(const Forward& layer, const Samples& samples, cudaStream_t stream) {
  launch(forward, tiles(samples.most, layer.out), tile_threads, 0, stream, layer, samples.count);
}

void launch_input_gradient(const InputGradient& layer, const Samples& samples, cudaStream_t stream) {
  launch(input_gradient, tiles(samples.most, layer.in), tile_threads, 0, stream, layer, samples.count);
}

void launch_parameter_gradients(const ParameterGradients& layer, const Samples& samples,
                                cudaStream_t stream) {
  launch(parameter_gradients, tiles(layer.out, layer.in), tile_threads, 0, stream, layer, samples.count);
}

int blocks_of_parameters(int in, int out) {
  const dim3 grid = tiles(out, in);
  return static_cast<int>(grid.x * grid.y);
}

}  // namespace gmmvae::dense
