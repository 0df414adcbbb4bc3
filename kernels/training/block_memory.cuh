#pragma once

// What a block that works on one model has in memory. A resident model's parameters and batches are in
// dynamic shared memory, a streamed one's in global memory; tables and sums are shared in both.

#include "kernels/block/dense.cuh"
#include "kernels/block/loss.cuh"
#include "kernels/training/budget.hpp"
#include "kernels/training/plan.hpp"

namespace gmmvae::cuda {

/// The cuts of a layer's three products, for the batch size they were last prepared for.
struct LayerTilings {
  block::Tiling forward;
  block::Tiling input_gradient;
  block::Tiling weight_gradient;
};

/// One number of the block that all threads read.
struct BlockScalars {
  block::AdamStep adam;
  int tiled_rows;         ///< the batch size that the tilings are for
  int good;               ///< whether the epoch just done counts
  int best;               ///< whether it is the best one so far
  std::uint32_t keys[8];  ///< of the epoch's permutation
};

template <Placement placement>
struct BlockMemory {
  float* base;  ///< the parameters at work, packed; the slots lie at offsets from here
  int* slots;   ///< offset of each slot
  ModelPlan* plan;
  DenseLayer* layers;  ///< with offsets instead of slots
  LayerTilings* tilings;
  block::Ledger ledger;
  BlockScalars* scalars;
  float* data;  ///< copy of the training points, where there is one

  /// Lays the block's memory out. On the host, with an arena that only counts, `workspace` is null.
  /// `slot_floats` has the sizes of this plan's slots, `data_floats` is 0 where the data stay in global
  /// memory.
  __host__ __device__ BlockMemory(SharedArena& arena, const ModelPlan& shape, const int* slot_floats,
                                  float* workspace, std::size_t data_floats, bool writes_slots) {
    const auto count = [](int n) { return static_cast<std::size_t>(n); };
    const int layer_count = shape.encoder_layers + shape.decoder_layers;
    slots = arena.take<int>(count(shape.slots));
    plan = arena.take<ModelPlan>(1);
    layers = arena.take<DenseLayer>(count(layer_count));
    tilings = arena.take<LayerTilings>(count(layer_count));
    scalars = arena.take<BlockScalars>(1);
    ledger.row = arena.take<double>(count(shape.latent) + 7);
    ledger.kl = arena.take<double>(count(shape.latent));
    ledger.squared_error = arena.take<double>(count(shape.data_dim));
    ledger.variance = arena.take<double>(count(shape.data_dim));
    ledger.weight = arena.take<double>(count(shape.data_dim));
    ledger.constants = arena.take<double>(2);
    ledger.norms = arena.take<double>(32);
    data = arena.take<float>(data_floats);
    if constexpr (placement == Placement::resident) {
      base = arena.take<float>(count(shape.parameters));
      for (int s = 0; s < shape.slots; ++s) {
        float* slot = arena.take<float>(count(slot_floats[s]));
        if (writes_slots) slots[s] = static_cast<int>(slot - base);
      }
    } else {
      base = workspace;
      int offset = shape.parameters;
      for (int s = 0; s < shape.slots; ++s) {
        if (writes_slots) slots[s] = offset;
        offset += slot_floats[s];
      }
    }
  }
};

/// Copies the plan of a model to shared memory, with offsets in the place of slots. All threads; ends with a
/// barrier.
template <Placement placement>
__device__ inline void resolve(const BlockMemory<placement>& memory, const ModelPlan& shape,
                               const DenseLayer* layers) {
  __syncthreads();
  const int* slots = memory.slots;
  const auto offset = [slots](int slot) { return slot < 0 ? -1 : slots[slot]; };
  const auto layer_count = static_cast<unsigned>(shape.encoder_layers + shape.decoder_layers);
  for (unsigned l = thread_rank(); l < layer_count; l += block_threads()) {
    DenseLayer layer = layers[l];
    layer.input = offset(layer.input);
    layer.output = offset(layer.output);
    layer.slope = offset(layer.slope);
    layer.delta = offset(layer.delta);
    memory.layers[l] = layer;
  }
  if (thread_rank() == 0) {
    ModelPlan plan = shape;
    plan.x = offset(plan.x);
    plan.noise = offset(plan.noise);
    plan.z = offset(plan.z);
    plan.z_gradient = offset(plan.z_gradient);
    *memory.plan = plan;
    memory.scalars->tiled_rows = 0;
  }
  __syncthreads();
}

}  // namespace gmmvae::cuda
