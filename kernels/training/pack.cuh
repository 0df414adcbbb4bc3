#pragma once

// Models between the canonical flat vector (ParameterLayout) and the packed layout, on the device.

#include "kernels/training/task.hpp"

namespace gmmvae::cuda {

/// One vector to convert.
struct PackItem {
  int plan = 0;
  float* canonical = nullptr;
  float* packed = nullptr;
};

/// Calls visit(packed offset, canonical offset) for this thread's share of a model's numbers.
template <class Visit>
__device__ inline void for_each_parameter(const ModelPlan& plan, const DenseLayer* layers, Visit visit) {
  int canonical = 0;
  const auto threads = static_cast<int>(block_threads());
  const auto thread = static_cast<int>(thread_rank());
  for (int l = 0; l < plan.encoder_layers + plan.decoder_layers; ++l) {
    const DenseLayer& layer = layers[l];
    for (int i = thread; i < layer.out * layer.in; i += threads) {
      const int o = i / layer.in;
      visit(layer.weight + o * layer.weight_stride + (i - o * layer.in), canonical + i);
    }
    canonical += layer.out * layer.in;
    for (int o = thread; o < layer.out; o += threads) visit(layer.bias + o, canonical + o);
    canonical += layer.out;
  }
  for (int i = thread; i < plan.log_variances; i += threads) visit(plan.log_variance + i, canonical + i);
}

/// packed <- canonical, zeros in the padding; one block an item.
void launch_pack(const PackItem* items, int count, const PlanTables& tables, cudaStream_t stream);
/// canonical <- packed.
void launch_unpack(const PackItem* items, int count, const PlanTables& tables, cudaStream_t stream);

}  // namespace gmmvae::cuda
