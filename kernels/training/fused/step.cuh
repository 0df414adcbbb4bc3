#pragma once

// The two halves of a step: gradients by rows, then the update by owners of weights.

#include "kernels/block/adam.cuh"
#include "kernels/training/fused/rows.cuh"
#include "kernels/training/fused/tensor.cuh"

namespace gmmvae::cuda::fused {

using Memory = BlockMemory<Placement::fused>;

/// What a lane keeps of its latent number between the way there and the way back.
struct Latent {
  int row;
  int j;
  bool is_one;  ///< whether the lane has a latent number of a row of the batch
  float mean;
  float raw;
  float variance;
  float noise;
};

/// codes <- mean + sqrt(variance) noise of the warp's rows, from the head in ends; the warp's KL sums. A lane
/// has one number: 12 rows of 2.
__device__ inline Latent sample(const Place& place, const Memory& memory, int buffer) {
  const ModelPlan& plan = *memory.plan;
  const int lane = static_cast<int>(lane_id());
  Latent latent{place.first + lane / most_latent, lane % most_latent, false, 0.0f, 0.0f, 1.0f, 0.0f};
  const bool has_row = lane < most_latent * rows_a_warp;
  latent.is_one = has_row && latent.j < plan.latent && latent.row < memory.batches[buffer].count;
  float kl = 0.0f;
  float z = 0.0f;
  if (latent.is_one) {
    const float* head = memory.ends + narrow * latent.row;
    latent.mean = head[latent.j];
    latent.raw = head[plan.latent + latent.j];
    latent.noise = memory.noise_of(buffer)[most_latent * latent.row + latent.j];
    latent.variance = block::posterior_variance(plan.posterior_variance, latent.raw);
    const float log_variance =
        plan.posterior_variance == PosteriorVariance::exp ? latent.raw : logf(latent.variance);
    z = latent.mean + sqrtf(latent.variance) * latent.noise;
    kl = 0.5f * (latent.mean * latent.mean + latent.variance - 1.0f - log_variance);
  }
  if (has_row) {
    memory.codes[narrow * latent.row + latent.j] = z;
    memory.codes[narrow * latent.row + most_latent + latent.j] = 0.0f;
  }
#pragma unroll
  for (int mask = 2; mask < 32; mask *= 2) kl += __shfl_xor_sync(full_warp, kl, mask);
  if (lane < most_latent) memory.sums[warp_id()].kl[lane] = kl;
  __syncwarp();
  return latent;
}

/// ends <- gradient of the loss by the reconstruction; the warp's sums of squared errors, and its part of the
/// last bias.
__device__ inline void compare(const Place& place, const Memory& memory, int buffer, const Ends& output,
                               float* partial) {
  const Batch& batch = memory.batches[buffer];
  const int lane = static_cast<int>(lane_id());
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
    memory.sums[warp_id()].squared_error[output.output] = squares;
    partial[Partial::last_bias + output.output] = gradients;
  }
  __syncwarp();
}

/// ends <- gradient of the head, from that of the code in the same place; see block::posterior_gradient. Also
/// the warp's part of the head's bias.
__device__ inline void posterior_gradient(const Memory& memory, int buffer, const Latent& latent,
                                          float* partial) {
  const ModelPlan& plan = *memory.plan;
  const float kl_weight = memory.batches[buffer].kl_weight;
  const int lane = static_cast<int>(lane_id());
  float by_mean = 0.0f;
  float by_raw = 0.0f;
  if (latent.is_one) {
    const float by_z = memory.ends[narrow * latent.row + latent.j];
    const float by_noise = 0.5f * by_z * latent.noise;
    const float root = sqrtf(latent.variance);
    if (plan.posterior_variance == PosteriorVariance::exp) {
      by_raw = by_noise * root + 0.5f * kl_weight * (latent.variance - 1.0f);
    } else {
      const float s = 0.5f / (1.0f + expf(-0.5f * latent.raw));
      by_raw = (by_noise / root + 0.5f * kl_weight * (1.0f - 1.0f / latent.variance)) * s;
    }
    by_mean = by_z + kl_weight * latent.mean;
  }
  __syncwarp();  // the gradients of the codes are read
  const bool has_row = lane < most_latent * rows_a_warp;
  if (has_row && latent.j < plan.latent) {
    float* head = memory.ends + narrow * latent.row;
    head[latent.j] = by_mean;
    head[plan.latent + latent.j] = by_raw;
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
__device__ inline void store_ends(const Place& place, const Ends& ends, float* to) {
  if ((lane_id() & 1) == 0) {
#pragma unroll
    for (int s = 0; s < 3; ++s) to[narrow * place.row_of(3 * ends.half + s) + ends.output] = ends.value[s];
  }
  __syncwarp();
}

/// tile <- output of the last hidden layer; with two of them the first one's is in net.first.
template <int Hidden, Arithmetic arithmetic, int Depth>
__device__ inline void hidden_layers(const Place& place, const Network& net, Tile& tile) {
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
__device__ inline void through_hidden(const Place& place, const Network& net, Tile& tile, float* ends) {
  if constexpr (Hidden == 2) {
    store_tile(place, tile, net.last);
    __syncwarp();
    if constexpr (arithmetic == Arithmetic::tf32x3) {
      through_middle_split(place, net, tile);
    } else {
      through_middle(place, net, tile);
    }
    through_first<Hidden, Depth, Columns::contiguous, by_input>(place, net, tile, ends);
  } else {
    through_first<Hidden, Depth, Columns::strided, by_input>(place, net, tile, ends);
  }
  __syncwarp();
}

template <int Hidden>
__device__ inline Network network(const Memory& memory, int number, float* input) {
  return {memory.base + number * Packed<Hidden>::network, input, memory.hidden_of<Hidden>(number, 0),
          memory.hidden_of<Hidden>(number, Hidden - 1),
          memory.partials + static_cast<int>(warp_id()) * partial_floats + number * Partial::network};
}

/// The warp's rows of the batch: there, and when it is for training, back.
template <int Hidden, Arithmetic arithmetic>
__device__ inline void run_rows(const Memory& memory, int buffer) {
  const Place place;
  const Batch& batch = memory.batches[buffer];
  if (place.first >= batch.count) return;  // the whole warp; the update knows
  const Network encoder = network<Hidden>(memory, 0, memory.x_of(buffer));
  const Network decoder = network<Hidden>(memory, 1, memory.codes);
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
  posterior_gradient(memory, buffer, latent, encoder.partial);
  load_tile(place, encoder.last, tile);
  through_last<Hidden>(place, encoder, memory.ends, tile);
  through_hidden<Hidden, arithmetic, narrow, false>(place, encoder, tile, memory.ends);
}

}  // namespace gmmvae::cuda::fused
