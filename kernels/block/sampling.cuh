#pragma once

// The reparameterised sample of a batch, its KL terms, and the gradient of the encoder's output.

#include "kernels/block/activation.cuh"
#include "kernels/block/tiling.cuh"

namespace gmmvae::block {

/// The latent part of a batch. `head` holds mean and raw variance, [batch][head_stride]; the others
/// [batch][z_stride].
struct LatentBatch {
  float* head;
  int head_stride;
  const float* noise;
  float* z;
  const float* z_gradient;
  int z_stride;
  int latent;
  PosteriorVariance kind;
};

/// The posterior variance of a raw output of the head.
__device__ inline float posterior_variance(PosteriorVariance kind, float raw) {
  return kind == PosteriorVariance::exp ? expf(raw) : softplus(0.5f * raw);
}

/// z = mean + sqrt(variance) * noise, and kl[j] <- sum over rows 0..count of (mean^2 + variance - 1 - log
/// variance) / 2, in nats. A warp takes a latent dimension, its lanes the rows; kl may be null.
__device__ inline void sample(const LatentBatch& batch, int count, double* kl) {
  const int lane = static_cast<int>(lane_id());
  const int columns = (batch.latent + 3) & ~3;
  for (int j = static_cast<int>(warp_id()); j < columns; j += static_cast<int>(block_threads() / 32)) {
    float sum = 0.0f;
    for (int b = lane; b < count; b += 32) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * batch.z_stride + j;
      if (j >= batch.latent) {  // padding, which the products read
        batch.z[at] = 0.0f;
        continue;
      }
      const float* head = batch.head + static_cast<std::ptrdiff_t>(b) * batch.head_stride;
      const float mean = head[j];
      const float raw = head[batch.latent + j];
      const float variance = posterior_variance(batch.kind, raw);
      const float log_variance = batch.kind == PosteriorVariance::exp ? raw : logf(variance);
      batch.z[at] = mean + sqrtf(variance) * batch.noise[at];
      sum += 0.5f * (mean * mean + variance - 1.0f - log_variance);
    }
    const double total = warp_sum(static_cast<double>(sum));
    if (kl != nullptr && lane == 0 && j < batch.latent) kl[j] = total;
  }
}

/// head <- its gradient, in place, from that of z: mean_b of [loss by z] + kl_weight * KL, where kl_weight
/// has been divided by the number of rows already. With s = d variance / d raw, dz / d raw = noise s / (2
/// sqrt(variance)) and d KL / d raw = (1 - 1 / variance) s / 2; for the exponential head s = variance, which
/// is multiplied out.
__device__ inline void posterior_gradient(const LatentBatch& batch, int count, float kl_weight) {
  const unsigned items = static_cast<unsigned>(count) * static_cast<unsigned>(batch.latent);
  for (unsigned item = thread_rank(); item < items; item += block_threads()) {
    const unsigned b = item / static_cast<unsigned>(batch.latent);
    const unsigned j = item - b * static_cast<unsigned>(batch.latent);
    const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * batch.z_stride + j;
    float* mean = batch.head + static_cast<std::ptrdiff_t>(b) * batch.head_stride + j;
    float* raw = mean + batch.latent;
    const float by_z = batch.z_gradient[at];
    const float by_noise = 0.5f * by_z * batch.noise[at];
    const float variance = posterior_variance(batch.kind, *raw);
    if (batch.kind == PosteriorVariance::exp) {
      *raw = by_noise * sqrtf(variance) + 0.5f * kl_weight * (variance - 1.0f);
    } else {
      const float s = 0.5f / (1.0f + expf(-0.5f * *raw));
      *raw = (by_noise / sqrtf(variance) + 0.5f * kl_weight * (1.0f - 1.0f / variance)) * s;
    }
    *mean = by_z + kl_weight * *mean;
  }
}

}  // namespace gmmvae::block
