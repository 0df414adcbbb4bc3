#include "kernels/block/activation.cuh"
#include "kernels/block/tiling.cuh"
#include "kernels/dense/elementwise.hpp"

namespace gmmvae::dense {
namespace {

constexpr int threads = 256;
constexpr int elements_a_thread = 16;

int blocks_for(int elements) {
  return block::ceil_div(elements, threads * elements_a_thread);
}

/// Calls body(row, column) for this thread's elements of [rows][columns].
template <class Body>
__device__ inline void for_elements(int rows, int columns, Body body) {
  const int step = static_cast<int>(gridDim.x) * threads;
  for (int i = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x); i < rows * columns;
       i += step) {
    const int row = i / columns;
    body(row, i - row * columns);
  }
}

__global__ void __launch_bounds__(threads) activate_rows(Forward layer, const int* count) {
  for_elements(*count, layer.out, [&](int b, int o) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * layer.output.stride + o;
    const float raw = layer.output.data[at];
    if (layer.slope != nullptr) layer.slope[at] = block::gelu_slope(raw);
    layer.output.data[at] = block::activate(layer.activation, raw);
  });
}

__global__ void __launch_bounds__(threads) pass_activation(InputGradient layer, const int* count) {
  for_elements(*count, layer.in, [&](int b, int f) {
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * layer.below.stride + f;
    layer.result.data[static_cast<std::ptrdiff_t>(b) * layer.result.stride + f] *=
        layer.slope != nullptr ? layer.slope[at]
                               : block::activation_slope(layer.activation, layer.below.data[at]);
  });
}

__global__ void __launch_bounds__(threads)
    update_parameters(ParameterGradients layer, const float* gradient, const int* count) {
  GPU_SHARED(double, parts, [threads / 32]);
  const bool works = *count > 0;  // the same for all
  block::Update update = *layer.update;
  update.squared_norm = 0.0f;
  if (works) {
    for_elements(layer.out, layer.in, [&](int o, int i) {
      const int offset = layer.weight + o * layer.weight_stride + i;
      update.apply(offset, gradient[offset]);
    });
    if (blockIdx.x == 0) {
      for (int o = static_cast<int>(threadIdx.x); o < layer.out; o += threads)
        update.apply(layer.bias + o, gradient[layer.bias + o]);
    }
  }
  const double of_warp = block::warp_sum(static_cast<double>(update.squared_norm));
  if (lane_id() == 0) parts[warp_id()] = of_warp;
  __syncthreads();
  if (threadIdx.x == 0 && works) {
    double total = 0.0;
    for (int w = 0; w < threads / 32; ++w) total += parts[w];
    layer.squared_norms[blockIdx.x] = total;
  }
}

}  // namespace

void launch_activate(const Forward& layer, const Samples& samples, cudaStream_t stream) {
  launch(activate_rows, blocks_for(samples.most * layer.out), threads, 0, stream, layer, samples.count);
}

void launch_pass_activation(const InputGradient& layer, const Samples& samples, cudaStream_t stream) {
  launch(pass_activation, blocks_for(samples.most * layer.in), threads, 0, stream, layer, samples.count);
}

void launch_update(const ParameterGradients& layer, const float* gradient, const Samples& samples,
                   cudaStream_t stream) {
  launch(update_parameters, blocks_of_update(layer.in, layer.out), threads, 0, stream, layer, gradient,
         samples.count);
}

int blocks_of_update(int in, int out) {
  return blocks_for(in * out);
}

}  // namespace gmmvae::dense
