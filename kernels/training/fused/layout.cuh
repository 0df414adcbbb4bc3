#pragma once

// The fused trainer: a resident model whose samples are dealt out to the warps. A warp takes its twelve rows
// through all layers, forward and backward, so that a step has two barriers of the block: all warps have
// their gradients, all parameters have moved.
//
//   shape     one or two hidden layers of 64 in each network, up to 4 columns, up to 2 latent dimensions,
//             batches of up to 96, relu
//   warps     8 for products, 4 for what is none, one on each scheduler: the ninth keeps the history and the
//             decoder variance and computes Adam's coefficients, the others take the points of the next
//             batch, draw its noise and, with two hidden layers, move the narrow parameters. 9 warps leave
//             168 registers a thread, and so do 12. 12 for products, of eight rows each, were slower in fp32
//             by bench/sass_report and no faster on tensor cores: weights are read half as often again, and
//             the small reductions are more
//
// Functions of a step are inlined at once, __forceinline__, or the compiler no longer knows which pointers
// are to shared memory and loads generically.
//
// Each network is first (narrow to 64), with two hidden layers middle (64 to 64), last (64 to narrow).

#include "kernels/block/anew.cuh"
#include "kernels/training/block_memory.cuh"
#include "kernels/training/task.hpp"

namespace gmmvae::cuda {
namespace fused {

inline constexpr int width = 64;
inline constexpr int stride = 68;  ///< of activations and of the last layers' weights
inline constexpr int narrow = 4;   ///< columns of points, codes and heads, padded
inline constexpr int most_latent = 2;
inline constexpr int most_rows = 96;
inline constexpr int rows_a_warp = 12;
inline constexpr int product_warps = most_rows / rows_a_warp;
inline constexpr int keeper_warp = product_warps;
inline constexpr int first_supplier = keeper_warp + 1;
inline constexpr int supplier_warps = 3;
inline constexpr int threads = 32 * (first_supplier + supplier_warps);

/// Where row `o` of a middle layer's weights begins: four rows lie together, and then four floats are left
/// out, so that eight threads that each read one of four neighbouring rows never meet in a bank.
__host__ __device__ __forceinline__ constexpr int middle_row(int o) {
  return o / 4 * (4 * width + 4) + o % 4 * width;
}

/// Offsets in the packed parameters of a network with `Hidden` hidden layers. They are those that plan.cu
/// lays out, but within a layer the weights lie in an order of their own, packed_weight(): the first layer's
/// as [input][output], the middle one's by middle_row().
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
  static constexpr int last_weight = 0;                             ///< [narrow][width]
  static constexpr int wide_bias = narrow * width;                  ///< [width], of the layer below the last
  static constexpr int first_weight = wide_bias + width;            ///< [narrow][width], as it is packed
  static constexpr int first_bias = first_weight + width * narrow;  ///< [width], with two hidden layers
  static constexpr int last_bias = first_bias + width;              ///< [narrow]
  static constexpr int network = last_bias + narrow;                ///< floats
};
inline constexpr int partial_floats = 2 * Partial::network;
inline constexpr int partial_fours = partial_floats / 4;

/// Where number `four` of the fours of a warp's part belongs in the packed parameters; -1 where they are
/// none.
template <int Hidden>
__host__ __device__ __forceinline__ int packed_offset(int four) {
  const int network = 4 * four / Partial::network;
  const int q = 4 * four - network * Partial::network;
  const int base = network * Packed<Hidden>::network;
  if (q < Partial::wide_bias) return base + Packed<Hidden>::last_weight + q / width * stride + q % width;
  if (q < Partial::first_weight)
    return base + (Hidden == 2 ? Packed<Hidden>::middle_bias : Packed<Hidden>::first_bias) + q -
           Partial::wide_bias;
  if (q < Partial::first_bias) return base + Packed<Hidden>::first_weight + q - Partial::first_weight;
  if (q < Partial::last_bias)
    return Hidden == 2 ? base + Packed<Hidden>::first_bias + q - Partial::first_bias : -1;
  return base + Packed<Hidden>::last_bias + q - Partial::last_bias;
}

/// Where weight (o, i) of a layer of the fused trainer lies in the packed parameters.
__host__ __device__ inline int packed_weight(const DenseLayer& layer, int o, int i) {
  if (layer.out != width) return layer.weight + o * layer.weight_stride + i;
  return layer.weight + (layer.in == width ? middle_row(o) + i : i * width + o);
}

/// The lane or warp, asked for as if it were not known yet where products need all registers: else every
/// address of a step is worked out once, before the first step, and dozens of them stay in registers.
template <Arithmetic arithmetic>
__device__ __forceinline__ int anew_for(unsigned x) {
  const auto same = static_cast<int>(x);
  return arithmetic == Arithmetic::tf32x3 ? block::anew(same) : same;
}

/// What the products know of a batch.
struct Batch {
  block::AdamStep adam;
  const float* moments_in;  ///< Adam's first moments, the second ones behind them
  float* moments_out;
  int count;
  int training;
  double inverse_count;
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
  block::Ledger before;  ///< the same, but with the decoder variance as it was in the batch just done
  TrainingTask* task;
  BlockScalars* scalars;
  double* above_floor;    ///< [narrow], a learned decoder variance without its floor
  std::uint32_t* keys;    ///< [supplier_warps][8], of the epoch's permutation
  float* data;            ///< copy of the training points, where there is one
  fused::Batch* batches;  ///< [2], the one at work and the next
  float* x;               ///< [2][most_rows][narrow]
  float* noise;           ///< [2][most_rows][most_latent]
  float* codes;           ///< [most_rows][narrow]
  float* ends;            ///< [most_rows][narrow]: head, gradient of the output, of the code, of the head
  float* hidden;          ///< [2][hidden_layers][most_rows][stride]; the last layer's turn into its delta
  float* partials;        ///< [product_warps][partial_floats]
  short* offsets;         ///< [partial_fours], packed_offset() of each
  fused::RowSums* sums;   ///< [2][product_warps]

  /// The sub-arrays of a block, with one or two hidden layers in each network. All but the last have sizes
  /// that are known when this is compiled, so that their addresses are constants.
  __host__ __device__ BlockMemory(SharedArena& arena, int hidden_layers, std::size_t data_floats) {
    constexpr std::size_t rows = fused::most_rows;
    const int parameters =
        (hidden_layers == 2 ? fused::Packed<2>::log_variance : fused::Packed<1>::log_variance) +
        fused::narrow;
    hidden = arena.take<float>(static_cast<std::size_t>(2 * hidden_layers) * rows * fused::stride);
    base = arena.take<float>(static_cast<std::size_t>(parameters));
    partials = arena.take<float>(static_cast<std::size_t>(fused::product_warps) * fused::partial_floats);
    x = arena.take<float>(2 * rows * fused::narrow);
    noise = arena.take<float>(2 * rows * fused::most_latent);
    codes = arena.take<float>(rows * fused::narrow);
    ends = arena.take<float>(rows * fused::narrow);
    sums = arena.take<fused::RowSums>(2 * fused::product_warps);
    plan = arena.take<ModelPlan>(1);
    task = arena.take<TrainingTask>(1);
    scalars = arena.take<BlockScalars>(1);
    batches = arena.take<fused::Batch>(2);
    offsets = arena.take<short>(fused::partial_fours);
    ledger.row = arena.take<double>(fused::most_latent + 7);
    ledger.kl = arena.take<double>(fused::most_latent);
    ledger.squared_error = arena.take<double>(fused::narrow);
    ledger.norms = arena.take<double>(fused::threads / 32);
    ledger.variance = arena.take<double>(fused::narrow);
    ledger.weight = arena.take<double>(fused::narrow);
    ledger.constants = arena.take<double>(2);
    before = ledger;
    before.variance = arena.take<double>(fused::narrow);
    before.weight = arena.take<double>(fused::narrow);
    above_floor = arena.take<double>(fused::narrow);
    keys = arena.take<std::uint32_t>(8 * fused::supplier_warps);
    data = arena.take<float>(data_floats);
  }

  [[nodiscard]] __device__ float* x_of(int buffer) const {
    return x + buffer * fused::most_rows * fused::narrow;
  }
  [[nodiscard]] __device__ float* noise_of(int buffer) const {
    return noise + buffer * fused::most_rows * fused::most_latent;
  }
  [[nodiscard]] __device__ fused::RowSums* sums_of(int buffer) const {
    return sums + buffer * fused::product_warps;
  }
  /// Of a network, 0 the encoder, and one of its `Hidden` hidden layers.
  template <int Hidden>
  [[nodiscard]] __device__ float* hidden_of(int network, int layer) const {
    return hidden + (network * Hidden + layer) * fused::most_rows * fused::stride;
  }
};

}  // namespace gmmvae::cuda
