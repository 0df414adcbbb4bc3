#pragma once

// The two halves of a step: gradients by rows, then the update by owners of weights.

#include "kernels/block/adam.cuh"
#include "kernels/training/fused/rows.cuh"
#include "kernels/training/fused/tensor.cuh"

namespace gmmvae::cuda::fused {

using Memory = BlockMemory<Placement::fused>;

/// The gradients of a head's mean and raw variance are linear in that of its code: all that a lane keeps of
/// its latent number between the way there and the way back. See block::posterior_gradient.
struct Latent {
  float by_mean;  ///< of the KL divergence alone, as is the next
  float by_raw;
  float slope;  ///< of the code by the raw variance
};

/// codes <- mean + sqrt(variance) noise of the warp's rows, from the head in ends; the warp's KL sums. A lane
/// has one number: 12 rows of 2.
__device__ __forceinline__ Latent sample(const Place& place, const Memory& memory, int buffer) {
  const ModelPlan& plan = *memory.plan;
  const Batch& batch = memory.batches[buffer];
  const int row = place.first + place.lane / most_latent;
  const int j = place.lane % most_latent;
  const bool has_row = place.lane < most_latent * rows_a_warp;
  Latent latent{};
  float kl = 0.0f;
  float z = 0.0f;
  if (has_row && j < plan.latent && row < batch.count) {
    const float* head = memory.ends + narrow * row;
    const float mean = head[j];
    const float raw = head[plan.latent + j];
    const float half_noise = 0.5f * memory.noise_of(buffer)[most_latent * row + j];
    const float half_weight = 0.5f * batch.kl_weight;
    const float variance = block::posterior_variance(plan.posterior_variance, raw);
    const float root = sqrtf(variance);
    float log_variance = raw;
    if (plan.posterior_variance == PosteriorVariance::exp) {
      latent.slope = half_noise * root;
      latent.by_raw = half_weight * (variance - 1.0f);
    } else {
      log_variance = logf(variance);
      const float s = 0.5f / (1.0f + expf(-0.5f * raw));
      latent.slope = half_noise / root * s;
      latent.by_raw = half_weight * (1.0f - 1.0f / variance) * s;
    }
    latent.by_mean = batch.kl_weight * mean;
    z = mean + 2.0f * root * half_noise;
    kl = 0.5f * (mean * mean + variance - 1.0f - log_variance);
  }
  if (has_row) {
    memory.codes[narrow * row + j] = z;
    memory.codes[narrow * row + most_latent + j] = 0.0f;
  }
#pragma unroll
  for (int mask = 2; mask < 32; mask *= 2) kl += __shfl_xor_sync(full_warp, kl, mask);
  if (place.lane < most_latent) memory.sums_of(buffer)[place.warp].kl[place.lane] = kl;
  __syncwarp();
  return latent;
}

/// ends <- gradient of the loss by the reconstruction; the warp's sums of squared errors, and its part of the
/// last bias.
__device__ __forceinline__ void compare(const Place& place, const Memory& memory, int buffer,
                                        const Ends& output, float* partial) {
  const Batch& batch = memory.batches[buffer];
  const int lane = place.lane;
  const float factor = batch.error_factor[output.output];
  float squares = 0.0f;
  float gradients = 0.0f;
#pragma unroll
  for (int s = 0; s < 3; ++s) {
    const int row = place.row_of(3 * output.half + s);
    const bool counts = row < batch.count;
    const float error = counts ? output.value[s] - memory.x_of(buffer)[narrow * row + output.output] : 0.0f;
    squares += error * error;
    gradients += factor * error;
    if ((lane & 1) == 0) memory.ends[narrow * row + output.output] = factor * error;
  }
#pragma unroll
  for (int mask = 2; mask < 8; mask *= 2) {
    squares += __shfl_xor_sync(full_warp, squares, mask);
    gradients += __shfl_xor_sync(full_warp, gradients, mask);
  }
  if ((lane & 7) == 0) {
    memory.sums_of(buffer)[place.warp].squared_error[output.output] = squares;
    partial[Partial::last_bias + output.output] = gradients;
  }
  __syncwarp();
}

/// ends <- gradient of the head, from that of the code in the same place. Also the warp's part of the head's
/// bias.
__device__ __forceinline__ void posterior_gradient(const Place& place, const Memory& memory,
                                                   const Latent& latent, float* partial) {
  const ModelPlan& plan = *memory.plan;
  const int lane = place.lane;
  const int j = lane % most_latent;
  const bool is_one = lane < most_latent * rows_a_warp && j < plan.latent;
  float* head = memory.ends + narrow * (place.first + lane / most_latent);
  const float by_z = is_one ? head[j] : 0.0f;
  float by_mean = by_z + latent.by_mean;
  float by_raw = by_z * latent.slope + latent.by_raw;
  __syncwarp();  // the gradients of the codes are read
  if (is_one) {
    head[j] = by_mean;
    head[plan.latent + j] = by_raw;
    for (int o = 2 * plan.latent; o < narrow; ++o) head[o] = 0.0f;  // with one latent dimension
  }
#pragma unroll
  for (int mask = 2; mask < 32; mask *= 2) {
    by_mean += __shfl_xor_sync(full_warp, by_mean, mask);
    by_raw += __shfl_xor_sync(full_warp, by_raw, mask);
  }
  if (lane < plan.latent) {
    partial[Partial::last_bias + lane] = by_mean;
    partial[Partial::last_bias + plan.latent + lane] = by_raw;
  }
  __syncwarp();
}

/// ends <- value of three rows of an output.
__device__ __forceinline__ void store_ends(const Place& place, const Ends& ends, float* to) {
  if ((place.lane & 1) == 0) {
#pragma unroll
    for (int s = 0; s < 3; ++s) to[narrow * place.row_of(3 * ends.half + s) + ends.output] = ends.value[s];
  }
  __syncwarp();
}

/// tile <- output of the last hidden layer; with two of them the first one's is in net.first.
template <int Hidden, Arithmetic arithmetic, int Depth>
__device__ __forceinline__ void hidden_layers(const Place& place, const Network& net, Tile& tile) {
  first_layer<Hidden, Depth>(place, net, tile);
  if constexpr (Hidden == 2) {
    store_tile(place, tile, net.first);
    __syncwarp();
    if constexpr (arithmetic == Arithmetic::tf32x3) {
      middle_layer_split(place, net, tile);
    } else {
      middle_layer(place, net, tile);
    }
  }
}

/// Everything below the last layer, from the delta in the tile. The last hidden layer's delta stays in
/// net.last for the update.
template <int Hidden, Arithmetic arithmetic, int Depth, bool by_input>
__device__ __forceinline__ void through_hidden(const Place& place, const Network& net, Tile& tile,
                                               float* ends) {
  if constexpr (Hidden == 2) {
    store_tile(place, tile, net.last);
    __syncwarp();
    if constexpr (arithmetic == Arithmetic::tf32x3) {
      through_middle_split(place, net, tile);
    } else {
      through_middle(place, net, tile);
    }
  }
  through_first<Hidden, Depth, by_input>(place, net, tile, ends);
  __syncwarp();
}

template <int Hidden>
__device__ __forceinline__ Network network(const Place& place, const Memory& memory, int number,
                                           float* input) {
  return {memory.base + number * Packed<Hidden>::network, input, memory.hidden_of<Hidden>(number, 0),
          memory.hidden_of<Hidden>(number, Hidden - 1),
          memory.partials + place.warp * partial_floats + number * Partial::network};
}

/// Zeros in the part of the gradients of a warp that has no rows of the batch: the update adds all parts.
__device__ __forceinline__ void clear_part(const Place& place, const Memory& memory) {
  float* part = memory.partials + place.warp * partial_floats;
#pragma unroll 1
  for (int i = place.lane; i < partial_fours; i += 32) block::store4(part + 4 * i, Four{});
}

/// Zeros in its rows: the tensor cores sum over rows in sixteens, so that they read some beyond those of the
/// warps that have any.
__device__ __forceinline__ void clear_rows(const Place& place, const Memory& memory) {
  const int lane = place.lane;
  float* to = memory.hidden_of<2>(0, 0) + (place.first + lane / 16) * stride + 4 * (lane % 16);
#pragma unroll 1
  for (int layer = 0; layer < 4; ++layer, to += most_rows * stride)
#pragma unroll
    for (int row = 0; row < rows_a_warp; row += 2) block::store4(to + row * stride, Four{});
}

/// The warp's rows of the batch: there, and when it is for training, back.
template <int Hidden, Arithmetic arithmetic>
__device__ __forceinline__ void run_rows(const Memory& memory, int buffer) {
  const Place place(anew_for<arithmetic>(lane_id()), anew_for<arithmetic>(warp_id()));
  const Batch& batch = memory.batches[buffer];
  if (place.first >= batch.count) {  // the whole warp
    clear_part(place, memory);
    if constexpr (Hidden == 2 && arithmetic == Arithmetic::tf32x3) clear_rows(place, memory);
    return;
  }
  const Network encoder = network<Hidden>(place, memory, 0, memory.x_of(buffer));
  const Network decoder = network<Hidden>(place, memory, 1, memory.codes);
  Tile tile;
  hidden_layers<Hidden, arithmetic, narrow>(place, encoder, tile);
  store_ends(place, last_layer<Hidden>(place, encoder, tile), memory.ends);
  store_tile(place, tile, encoder.last);  // for the way back
  const Latent latent = sample(place, memory, buffer);
  hidden_layers<Hidden, arithmetic, most_latent>(place, decoder, tile);
  compare(place, memory, buffer, last_layer<Hidden>(place, decoder, tile), decoder.partial);
  if (batch.training == 0) return;
  through_last<Hidden>(place, decoder, memory.ends, tile);
  __syncwarp();  // the gradient of the output is read
  through_hidden<Hidden, arithmetic, most_latent, true>(place, decoder, tile, memory.ends);
  posterior_gradient(place, memory, latent, encoder.partial);
  load_tile(place, encoder.last, tile);
  through_last<Hidden>(place, encoder, memory.ends, tile);
  through_hidden<Hidden, arithmetic, narrow, false>(place, encoder, tile, memory.ends);
}

}  // namespace gmmvae::cuda::fused
