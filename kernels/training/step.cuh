#pragma once

// The pieces of a training step on one batch, by one block. Each function ends where the next barrier has to
// come; the phases between barriers are those of plan.cu, which decides by them which arrays share memory.

#include "kernels/block/dense.cuh"
#include "kernels/block/loss.cuh"
#include "kernels/block/sampling.cuh"
#include "kernels/training/block_memory.cuh"

namespace gmmvae::cuda {

/// How far the products' loops are unrolled.
template <Placement placement>
inline constexpr int products_unrolled = placement == Placement::resident ? 4 : 1;

/// Renews the tilings where the batch has another size than the last one. Ends with a barrier if it changed
/// them.
template <Placement placement>
__device__ inline void prepare_tilings(const BlockMemory<placement>& memory, int count) {
  if (memory.scalars->tiled_rows == count) return;
  __syncthreads();  // everyone has seen the old size
  const auto warps = static_cast<int>(block_threads() / 32);
  const int layers = memory.plan->encoder_layers + memory.plan->decoder_layers;
  for (int i = static_cast<int>(thread_rank()); i < 3 * layers; i += static_cast<int>(block_threads())) {
    const DenseLayer& layer = memory.layers[i / 3];
    LayerTilings& tilings = memory.tilings[i / 3];
    if (i % 3 == 0) tilings.forward = block::forward_tiling(layer.in, layer.out, count, warps);
    if (i % 3 == 1) tilings.input_gradient = block::input_gradient_tiling(layer.in, layer.out, count, warps);
    if (i % 3 == 2)
      tilings.weight_gradient = block::weight_gradient_tiling(layer.in, layer.out, count, warps);
  }
  if (thread_rank() == 0) memory.scalars->tiled_rows = count;
  __syncthreads();
}

/// Rows narrower than this are copied by one thread each, wider ones by a warp.
inline constexpr int narrow_row = 9;

/// x <- rows of data [rows][data_dim], zeros in the padding. Row b is `source(b)`.
template <class Source>
__device__ inline void gather(const float* data, int data_dim, float* x, int stride, int count,
                              Source source) {
  const bool narrow = data_dim < narrow_row;
  const int lanes = narrow ? 1 : 32;
  const auto workers = static_cast<int>(block_threads()) / lanes;
  const int lane = static_cast<int>(thread_rank()) % lanes;
  for (int b = static_cast<int>(thread_rank()) / lanes; b < count; b += workers) {
    const float* from = data + static_cast<std::ptrdiff_t>(source(b)) * data_dim;
    float* to = x + static_cast<std::ptrdiff_t>(b) * stride;
    for (int d = lane; d < block::padded(data_dim); d += lanes) to[d] = d < data_dim ? from[d] : 0.0f;
  }
}

template <Placement placement>
__device__ inline block::Weights weights_of(const BlockMemory<placement>& memory, const DenseLayer& layer) {
  return {memory.base + layer.weight, layer.weight_stride, memory.base + layer.bias, layer.in, layer.out};
}

template <Placement placement>
__device__ inline block::LatentBatch latent_batch(const BlockMemory<placement>& memory) {
  const ModelPlan& plan = *memory.plan;
  const DenseLayer& head = memory.layers[plan.encoder_layers - 1];
  return {memory.base + head.output,
          head.output_stride,
          memory.base + plan.noise,
          memory.base + plan.z,
          memory.base + plan.z_gradient,
          plan.z_stride,
          plan.latent,
          plan.posterior_variance};
}

/// Layers first..first+count, each followed by a barrier.
template <Placement placement>
__device__ inline void run_layers(const BlockMemory<placement>& memory, int first, int layers, int count) {
  for (int l = first; l < first + layers; ++l) {
    const DenseLayer& layer = memory.layers[l];
    block::forward<products_unrolled<placement>>(
        memory.tilings[l].forward, weights_of(memory, layer), layer.activation,
        {memory.base + layer.input, layer.input_stride}, {memory.base + layer.output, layer.output_stride},
        layer.slope < 0 ? nullptr : memory.base + layer.slope, count);
    __syncthreads();
  }
}

/// From x and noise to the reconstruction and the sums of the ledger; the last layer's output then holds the
/// loss's gradient. Begins after a barrier and ends with one.
template <Placement placement>
__device__ inline void run_forward(const BlockMemory<placement>& memory, int count) {
  const ModelPlan& plan = *memory.plan;
  run_layers(memory, 0, plan.encoder_layers, count);
  block::sample(latent_batch(memory), count, memory.ledger.kl);
  __syncthreads();
  run_layers(memory, plan.encoder_layers, plan.decoder_layers, count);
  const DenseLayer& top = memory.layers[plan.encoder_layers + plan.decoder_layers - 1];
  block::compare(memory.base + plan.x, memory.base + top.output, top.output_stride, plan.data_dim, count,
                 memory.ledger);
  __syncthreads();
}

/// Gradient of the input of layer l, which is the delta of the layer below or the gradient of z.
template <Placement placement>
__device__ inline void input_gradient_of(const BlockMemory<placement>& memory, int l, int count) {
  const DenseLayer& layer = memory.layers[l];
  const ModelPlan& plan = *memory.plan;
  block::Producer producer{Activation::identity, nullptr, nullptr, 0};
  block::Rows<float> result{memory.base + plan.z_gradient, plan.z_stride};
  if (l != plan.encoder_layers) {
    const DenseLayer& below = memory.layers[l - 1];
    producer = {below.activation, memory.base + below.output,
                below.slope < 0 ? nullptr : memory.base + below.slope, below.output_stride};
    result = {memory.base + below.delta, below.output_stride};
  }
  block::input_gradient<products_unrolled<placement>>(
      memory.tilings[l].input_gradient, weights_of(memory, layer),
      {memory.base + layer.delta, layer.output_stride}, producer, result, count);
}

/// Gradients of weights and bias of layer l, given to the update.
template <Placement placement>
__device__ inline void parameter_gradients_of(const BlockMemory<placement>& memory, int l, int count,
                                              block::Update& update) {
  const DenseLayer& layer = memory.layers[l];
  const block::Rows<const float> delta{memory.base + layer.delta, layer.output_stride};
  block::weight_gradient<products_unrolled<placement>>(
      memory.tilings[l].weight_gradient, layer.in, layer.out, layer.weight, layer.weight_stride,
      {memory.base + layer.input, layer.input_stride}, delta, count, update);
  block::bias_gradient(layer.out, layer.bias, delta, count, update);
}

/// The whole way back; `beside` runs in the first phase, when the batch's sums are known, on warp 0. A
/// layer's parameters change in the phase after its input's gradient was taken, beside the next layer's.
/// Begins after a barrier and ends with one.
template <Placement placement, class Beside>
__device__ inline void run_backward(const BlockMemory<placement>& memory, int count, float kl_weight,
                                    block::Update& update, Beside beside) {
  const ModelPlan& plan = *memory.plan;
  const int encoder = plan.encoder_layers;
  const int layers = encoder + plan.decoder_layers;
  if (warp_id() == 0) beside();
  for (int l = layers - 1; l >= encoder; --l) {
    input_gradient_of(memory, l, count);
    __syncthreads();
    parameter_gradients_of(memory, l, count, update);
  }
  block::posterior_gradient(latent_batch(memory), count, kl_weight / static_cast<float>(count));
  __syncthreads();
  for (int l = encoder - 1; l > 0; --l) {
    input_gradient_of(memory, l, count);
    __syncthreads();
    parameter_gradients_of(memory, l, count, update);
  }
  parameter_gradients_of(memory, 0, count, update);
  __syncthreads();
}

}  // namespace gmmvae::cuda
