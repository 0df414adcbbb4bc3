#pragma once
// The pieces of a training step on one batch, in the order in which a step runs them.

#include "host/cpu/plan.hpp"
#include "host/cpu/simd/layer.hpp"
#include "host/cpu/simd/noise.hpp"

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

template <class T>
void gather(const ModelPlan<T>& plan, const T* data, const std::uint32_t* index, std::ptrdiff_t batch) {
  for (std::ptrdiff_t b = 0; b < batch; ++b) {
    const T* row = data + (index == nullptr ? b : static_cast<std::ptrdiff_t>(index[b])) * plan.data_dim;
    for (std::ptrdiff_t d = 0; d < plan.data_dim; ++d) plan.x[d * plan.batch_stride + b] = row[d];
  }
}

/// The sample-major output of a wide last layer, copied to where narrow ones write: planar.
template <class T>
inline void to_planar(const ModelPlan<T>& plan, const LayerPlan<T>& layer, std::ptrdiff_t batch, T* planar) {
  if (layer.planar_output) return;
  for (std::ptrdiff_t b = 0; b < batch; ++b) {
    for (std::ptrdiff_t o = 0; o < layer.out; ++o) {
      planar[o * plan.batch_stride + b] = layer.output[b * layer.output_stride + o];
    }
  }
}

/// The way back for gradients, into a sample-major buffer whose padding columns become zero.
template <class T>
inline void from_planar(const ModelPlan<T>& plan, const LayerPlan<T>& layer, std::ptrdiff_t batch,
                        const T* planar, T* sample_major) {
  for (std::ptrdiff_t b = 0; b < batch; ++b) {
    T* row = sample_major + b * layer.output_stride;
    for (std::ptrdiff_t o = 0; o < layer.out; ++o) row[o] = planar[o * plan.batch_stride + b];
    for (std::ptrdiff_t o = layer.out; o < layer.output_stride; ++o) row[o] = 0;
  }
}

/// What a layer works on: the data, the latent code, or what the layer below made.
template <class T>
inline Batch<T> input_of(const ModelPlan<T>& plan, std::ptrdiff_t i) {
  if (i == 0) return {plan.x, 1, plan.batch_stride};
  if (i == plan.encoder_layers) return {plan.z, 1, plan.batch_stride};
  const LayerPlan<T>& below = plan.layers[i - 1];
  return batch_of<T>(below.output, below.planar_output, below.output_stride);
}

template <class T>
void layer_output(const ModelPlan<T>& plan, std::ptrdiff_t i, std::ptrdiff_t batch) {
  forward(plan, plan.layers[i], input_of(plan, i), batch);
}

/// The posterior variance and its derivative with respect to the raw output a of the head.
template <class T>
struct VarianceHead {
  Vec<T> variance;
  Vec<T> derivative;
};
template <class T>
inline VarianceHead<T> variance_head(PosteriorVariance kind, Vec<T> a) {
  if (kind == PosteriorVariance::exp) {
    const Vec<T> variance = exp(a);
    return {variance, variance};
  }
  constexpr T half = static_cast<T>(0.5);
  return {softplus<Vec<T>>(half * a), half * sigmoid<Vec<T>>(half * a)};
}

template <class T>
void encode(const ModelPlan<T>& plan, std::ptrdiff_t batch) {
  for (std::ptrdiff_t i = 0; i < plan.encoder_layers; ++i) layer_output(plan, i, batch);
  to_planar(plan, plan.layers[plan.encoder_layers - 1], batch, plan.mean);
  for (std::ptrdiff_t j = 0; j < plan.latent; ++j) {
    const std::ptrdiff_t row = j * plan.batch_stride;
    const T* raw = plan.mean + plan.latent * plan.batch_stride + row;
    for (std::ptrdiff_t b = 0; b < batch; b += kLanes<T>) {
      store(plan.variance + row + b, variance_head<T>(plan.posterior_variance, load(raw + b)).variance);
    }
  }
}

template <class T>
void sample(const ModelPlan<T>& plan, std::ptrdiff_t batch, BatchSums& sums) {
  for (std::ptrdiff_t j = 0; j < plan.latent; ++j) {
    const std::ptrdiff_t row = j * plan.batch_stride;
    Vec<T> kl = {};
    for (std::ptrdiff_t b = 0; b < batch; b += kLanes<T>) {
      const Vec<T> mean = load(plan.mean + row + b);
      const Vec<T> variance = load(plan.variance + row + b);
      store(plan.z + row + b, Vec<T>(mean + square_root<T>(variance) * load(plan.noise + row + b)));
      const Vec<T> terms = static_cast<T>(0.5) * (mean * mean + variance - 1 - log(variance));
      kl += keep_first<T>(terms, batch - b);
    }
    sums.kl[j] = sum_of_lanes<T>(kl);
  }
}

template <class T>
void decode(const ModelPlan<T>& plan, std::ptrdiff_t batch) {
  const std::ptrdiff_t end = plan.encoder_layers + plan.decoder_layers;
  for (std::ptrdiff_t i = plan.encoder_layers; i < end; ++i) layer_output(plan, i, batch);
  to_planar(plan, plan.layers[end - 1], batch, plan.y);
}

template <class T>
void compare(const ModelPlan<T>& plan, std::ptrdiff_t batch, BatchSums& sums) {
  for (std::ptrdiff_t d = 0; d < plan.data_dim; ++d) {
    const std::ptrdiff_t row = d * plan.batch_stride;
    Vec<T> squared = {};
    for (std::ptrdiff_t b = 0; b < batch; b += kLanes<T>) {
      const Vec<T> error = keep_first<T>(load(plan.y + row + b) - load(plan.x + row + b), batch - b);
      squared += error * error;
    }
    sums.squared_error[d] = sum_of_lanes<T>(squared);
  }
}

/// y <- gradient of the batch's loss with respect to the reconstruction; padding samples become zero.
template <class T>
inline void reconstruction_gradient(const ModelPlan<T>& plan, std::ptrdiff_t batch) {
  for (std::ptrdiff_t d = 0; d < plan.data_dim; ++d) {
    const std::ptrdiff_t row = d * plan.batch_stride;
    const T factor = 2 * plan.loss.squared_error_weight[d] / static_cast<T>(batch);
    for (std::ptrdiff_t b = 0; b < batch; b += kLanes<T>) {
      const Vec<T> error = load(plan.y + row + b) - load(plan.x + row + b);
      store(plan.y + row + b, keep_first<T>(factor * error, batch - b));
    }
  }
}

/// mean and raw variance <- their gradients, from that of z: z = mean + sqrt(variance) * noise, and
/// KL = (mean^2 + variance - 1 - log variance) / 2.
template <class T>
inline void posterior_gradient(const ModelPlan<T>& plan, std::ptrdiff_t batch) {
  const T kl_weight = static_cast<T>(plan.loss.kl_weight / static_cast<double>(batch));
  constexpr T half = static_cast<T>(0.5);
  for (std::ptrdiff_t j = 0; j < plan.latent; ++j) {
    const std::ptrdiff_t row = j * plan.batch_stride;
    T* mean = plan.mean + row;
    T* raw = plan.mean + plan.latent * plan.batch_stride + row;
    for (std::ptrdiff_t b = 0; b < batch; b += kLanes<T>) {
      const VarianceHead<T> head = variance_head<T>(plan.posterior_variance, load(raw + b));
      const Vec<T> z_gradient = load(plan.z_gradient + row + b);
      const Vec<T> by_sampling =
          half * z_gradient * load(plan.noise + row + b) / square_root<T>(head.variance);
      const Vec<T> by_kl = half * kl_weight * (1 - 1 / head.variance);
      store(mean + b, keep_first<T>(z_gradient + kl_weight * load(mean + b), batch - b));
      store(raw + b, keep_first<T>((by_sampling + by_kl) * head.derivative, batch - b));
    }
  }
}

template <class T>
inline Batch<T> delta_of(const LayerPlan<T>& layer) {
  return batch_of<T>(layer.delta, layer.planar_output, layer.output_stride);
}

/// From the gradient of layer i's pre-activation to that of the layer below, and the latter's bias gradient;
/// below the decoder's first layer lies z, below the encoder's nothing that has a gradient.
template <class T>
void layer_input_gradient(const ModelPlan<T>& plan, std::ptrdiff_t i, std::ptrdiff_t batch) {
  if (i == 0) return;
  const LayerPlan<T>& layer = plan.layers[i];
  const Batch<T> delta = delta_of(layer);
  if (i == plan.encoder_layers) {
    input_gradient_planar(plan, layer, delta, batch, plan.z_gradient);
    return;
  }
  const LayerPlan<T>& below = plan.layers[i - 1];
  if (below.planar_output) {
    input_gradient_planar(plan, layer, delta, batch, below.delta);
    through_activation_planar(below, batch, below.delta);
    planar_bias_gradient(below, below.delta, plan.batch_stride, batch, below.bias_gradient);
    return;
  }
  for (std::ptrdiff_t o = 0; o < below.bias_padded; ++o) below.bias_gradient[o] = 0;
  const bool copy = layer.transposed != nullptr;
  InputGradientTiles<T> tiles{delta,
                              layer.out,
                              copy ? layer.transposed : plan.parameters + layer.weight,
                              copy ? layer.transposed_stride : layer.stride,
                              below,
                              below.delta,
                              below.bias_gradient};
  Tiling<T, InputGradientTiles<T>>::run(tiles, batch, below.output_stride / kLanes<T>);
}

/// Gradients of layer i's parameters, given to the update.
template <class T>
inline void update_layer(const ModelPlan<T>& plan, std::ptrdiff_t i, std::ptrdiff_t batch,
                         Update<T>& update) {
  const LayerPlan<T>& layer = plan.layers[i];
  update.apply(layer.bias, layer.bias_gradient, layer.bias_padded);
  weight_gradient(plan, layer, input_of(plan, i), delta_of(layer), batch, update);
  if (plan.gradient == nullptr) refresh_transposed(plan, layer);
}

/// Walks a network's layers backwards from the planar gradient of the last one's output, which is linear.
template <class T>
inline void walk_back(const ModelPlan<T>& plan, std::ptrdiff_t first, std::ptrdiff_t count,
                      const T* planar_delta, std::ptrdiff_t batch, Update<T>& update) {
  const LayerPlan<T>& last = plan.layers[first + count - 1];
  planar_bias_gradient(last, planar_delta, plan.batch_stride, batch, last.bias_gradient);
  if (!last.planar_output) from_planar(plan, last, batch, planar_delta, last.delta);
  for (std::ptrdiff_t i = first + count - 1; i >= first; --i) {
    layer_input_gradient(plan, i, batch);
    update_layer(plan, i, batch, update);
  }
}

/// A learned variance v = floor + e^r: d/dv of [SSE / (2 v) + n/2 log v] per sample, times dv/dr = v - floor.
/// Returns the squared norm of its gradient.
template <class T>
inline double update_variance(const ModelPlan<T>& plan, std::ptrdiff_t batch, const BatchSums& sums) {
  const LossPlan<T>& loss = plan.loss;
  const std::ptrdiff_t dims = plan.data_dim;
  const std::ptrdiff_t count = loss.variance_per_dim ? dims : 1;
  T* gradient = plan.scratch;
  for (std::ptrdiff_t i = 0; i < round_up(count, kLanes<T>); ++i) gradient[i] = 0;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    double squared_error = 0.0;
    for (std::ptrdiff_t d = i; d < (loss.variance_per_dim ? i + 1 : dims); ++d)
      squared_error += sums.squared_error[d];
    const double terms = loss.variance_per_dim ? 1.0 : static_cast<double>(dims);
    const double above_floor = ::exp(static_cast<double>(plan.parameters[loss.log_variance + i]));
    const double variance = loss.variance_floor + above_floor;
    const double mean_error = squared_error / static_cast<double>(batch);
    gradient[i] = static_cast<T>(0.5 / variance * (terms - mean_error / variance) * above_floor);
  }
  Update<T> update(plan, loss.variance_rate_factor);
  update.apply(loss.log_variance, gradient, round_up(count, kLanes<T>));
  return update.squared_norm();
}

template <class T>
void backward(const ModelPlan<T>& plan, std::ptrdiff_t batch, BatchSums& sums) {
  Update<T> update(plan);
  reconstruction_gradient(plan, batch);
  walk_back(plan, plan.encoder_layers, plan.decoder_layers, plan.y, batch, update);
  posterior_gradient(plan, batch);
  walk_back(plan, 0, plan.encoder_layers, plan.mean, batch, update);
  sums.gradient_squared_norm = update.squared_norm();
  if (plan.loss.variance_learned) sums.gradient_squared_norm += update_variance(plan, batch, sums);
}

template <class T>
void refresh(const ModelPlan<T>& plan) {
  for (std::ptrdiff_t i = 0; i < plan.encoder_layers + plan.decoder_layers; ++i) {
    refresh_transposed(plan, plan.layers[i]);
  }
}

template <class T>
void layer_update(const ModelPlan<T>& plan, std::ptrdiff_t i, std::ptrdiff_t batch) {
  Update<T> update(plan);
  update_layer(plan, i, batch, update);
}

template <class T>
inline Kernels<T> kernels() {
  return {kLanes<T>,
          gather<T>,
          fill_noise<T>,
          encode<T>,
          sample<T>,
          decode<T>,
          compare<T>,
          backward<T>,
          refresh<T>,
          layer_output<T>,
          layer_input_gradient<T>,
          layer_update<T>};
}

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
