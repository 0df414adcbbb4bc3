#pragma once

// The fused trainer: a resident model whose samples are dealt out to the warps. A warp takes its twelve rows
// through all layers, forward and backward, so that a step has two barriers of the block: all warps have
// their gradients, all parameters have moved. The shape is known when this is compiled, so Adam's moments lie
// in the registers of the threads that own the weights.
//
//   shape     one or two hidden layers of 64 in each network, up to 4 columns, up to 2 latent dimensions,
//             batches of up to 96, an activation that is piecewise linear
//   warps     8 for products, 1 for what is none: it draws the next batch and its noise, computes Adam's
//             coefficients, keeps the history and the decoder variance
//
// Each network is first (narrow to 64), with two hidden layers middle (64 to 64), last (64 to narrow).

#include "kernels/training/block_memory.cuh"

namespace gmmvae::cuda {
namespace fused {

inline constexpr int width = 64;
inline constexpr int stride = 68;  ///< of activations and of the wide layers' weights
inline constexpr int narrow = 4;   ///< columns of points, codes and heads, padded
inline constexpr int most_latent = 2;
inline constexpr int most_rows = 96;
inline constexpr int rows_a_warp = 12;
inline constexpr int product_warps = most_rows / rows_a_warp;
inline constexpr int threads = 32 * (product_warps + 1);

/// Offsets in the packed parameters, which plan.cu lays out, of a network with `Hidden` hidden layers.
template <int Hidden>
struct Packed {
  static constexpr int first_weight = 0;
  static constexpr int first_bias = width * narrow;
  static constexpr int middle_weight = first_bias + width;
  static constexpr int middle_bias = middle_weight + width * stride;
  static constexpr int last_weight = middle_weight + (Hidden - 1) * (width * stride + width);
  static constexpr int last_bias = last_weight + narrow * stride;
  static constexpr int network = last_bias + narrow;  ///< floats; the encoder's lie first, then the decoder's
  static constexpr int log_variance = 2 * network;
};

/// Offsets in a warp's part of the gradients that it can sum over its own rows alone: all but the middle
/// layers' weights.
struct Partial {
  static constexpr int last_weight = 0;                   ///< [narrow][width]
  static constexpr int wide_bias = narrow * width;        ///< [width], of the layer below the last
  static constexpr int first_weight = wide_bias + width;  ///< [width][narrow]
  static constexpr int first_bias = first_weight + width * narrow;  ///< [width], with two hidden layers
  static constexpr int last_bias = first_bias + width;              ///< [narrow]
  static constexpr int network = last_bias + narrow;                ///< floats
};
inline constexpr int partial_floats = 2 * Partial::network;
inline constexpr int partials_a_thread = (partial_floats + 32 * product_warps - 1) / (32 * product_warps);

/// Where number `at` of a warp's part belongs in the packed parameters; -1 where it is no parameter.
template <int Hidden>
__host__ __device__ inline int packed_offset(int at) {
  const int network = at >= Partial::network ? 1 : 0;
  const int q = at - network * Partial::network;
  const int base = network * Packed<Hidden>::network;
  if (at >= partial_floats) return -1;
  if (q < Partial::wide_bias)
    return base + Packed<Hidden>::last_weight + q / width * stride + q % width;
  if (q < Partial::first_weight)
    return base + (Hidden == 2 ? Packed<Hidden>::middle_bias : Packed<Hidden>::first_bias) + q -
           Partial::wide_bias;
  if (q < Partial::first_bias) return base + Packed<Hidden>::first_weight + q - Partial::first_weight;
  if (q < Partial::last_bias)
    return Hidden == 2 ? base + Packed<Hidden>::first_bias + q - Partial::first_bias : -1;
  return base + Packed<Hidden>::last_bias + q - Partial::last_bias;
}

/// What the ninth warp tells the others of a batch.
struct Batch {
  int count;
  int training;
  float kl_weight;             ///< divided by the number of rows
  float error_factor[narrow];  ///< the loss's gradient is this times the error
};

/// Sums of a warp over its rows.
struct RowSums {
  float kl[most_latent];
  float squared_error[narrow];
};

}  // namespace fused

template <>
struct BlockMemory<Placement::fused> {
  float* base;  ///< the parameters at work, packed
  ModelPlan* plan;
  block::Ledger ledger;
  BlockScalars* scalars;
  float* data;             ///< copy of the training points, or null
  float* log_variances;    ///< Adam's moments of the decoder's: [2][narrow]
  fused::Batch* batches;   ///< [2], the one at work and the next
  float* x[2];             ///< [most_rows][narrow]
  float* noise[2];         ///< [most_rows][most_latent]
  float* codes;            ///< [most_rows][narrow]
  float* ends;             ///< [most_rows][narrow]: head, gradient of the output, of the code, of the head
  float* hidden[2][2];     ///< [most_rows][stride]: network, hidden layer; the last turns into its delta
  float* partials;         ///< [product_warps][partial_floats]
  fused::RowSums* sums;    ///< [product_warps]

  /// The sub-arrays of a block; with two hidden layers where `hidden_layers` says so.
  __host__ __device__ BlockMemory(SharedArena& arena, const ModelPlan& shape, int hidden_layers,
                                  std::size_t data_floats) {
    const auto count = [](int n) { return static_cast<std::size_t>(n); };
    const std::size_t rows = count(fused::most_rows);
    plan = arena.take<ModelPlan>(1);
    scalars = arena.take<BlockScalars>(1);
    batches = arena.take<fused::Batch>(2);
    ledger.row = arena.take<double>(count(shape.latent) + 7);
    ledger.kl = arena.take<double>(count(shape.latent));
    ledger.squared_error = arena.take<double>(count(shape.data_dim));
    ledger.variance = arena.take<double>(count(shape.data_dim));
    ledger.weight = arena.take<double>(count(shape.data_dim));
    ledger.constants = arena.take<double>(2);
    ledger.norms = arena.take<double>(count(fused::product_warps + 1));
    log_variances = arena.take<float>(count(2 * fused::narrow));
    sums = arena.take<fused::RowSums>(count(fused::product_warps));
    partials = arena.take<float>(count(fused::product_warps * fused::partial_floats));
    codes = arena.take<float>(rows * fused::narrow);
    ends = arena.take<float>(rows * fused::narrow);
    for (int i = 0; i < 2; ++i) {
      x[i] = arena.take<float>(rows * fused::narrow);
      noise[i] = arena.take<float>(rows * fused::most_latent);
      for (int l = 0; l < 2; ++l)
        hidden[i][l] = l < hidden_layers ? arena.take<float>(rows * fused::stride) : nullptr;
    }
    base = arena.take<float>(count(shape.parameters));
    data = data_floats > 0 ? arena.take<float>(data_floats) : nullptr;
  }
};

}  // namespace gmmvae::cuda
