#include "kernels/training/fused/layout.cuh"
#include "kernels/training/pack.cuh"

namespace gmmvae::cuda {
namespace {

/// Calls visit(packed offset, canonical offset) for this thread's share of a model's numbers.
template <class Visit>
__device__ inline void for_each_parameter(const ModelPlan& plan, const DenseLayer* layers,
                                          Placement placement, Visit visit) {
  int canonical = 0;
  const auto threads = static_cast<int>(block_threads());
  const auto thread = static_cast<int>(thread_rank());
  for (int l = 0; l < plan.encoder_layers + plan.decoder_layers; ++l) {
    const DenseLayer& layer = layers[l];
    for (int i = thread; i < layer.out * layer.in; i += threads) {
      const int o = i / layer.in;
      const int from = i - o * layer.in;
      visit(placement == Placement::fused ? fused::packed_weight(layer, o, from)
                                          : layer.weight + o * layer.weight_stride + from,
            canonical + i);
    }
    canonical += layer.out * layer.in;
    for (int o = thread; o < layer.out; o += threads) visit(layer.bias + o, canonical + o);
    canonical += layer.out;
  }
  for (int i = thread; i < plan.log_variances; i += threads) visit(plan.log_variance + i, canonical + i);
}

__global__ void __launch_bounds__(256) pack_models(const PackItem* items, PlanTables tables) {
  const PackItem item = items[blockIdx.x];
  const ModelPlan& plan = tables.plans[item.plan];
  for (unsigned i = thread_rank(); i < static_cast<unsigned>(plan.parameters); i += block_threads())
    item.packed[i] = 0;
  __syncthreads();
  for_each_parameter(plan, tables.layers + plan.first_layer, item.placement,
                     [&](int packed, int canonical) { item.packed[packed] = item.canonical[canonical]; });
}

__global__ void __launch_bounds__(256) unpack_models(const PackItem* items, PlanTables tables) {
  const PackItem item = items[blockIdx.x];
  const ModelPlan& plan = tables.plans[item.plan];
  for_each_parameter(plan, tables.layers + plan.first_layer, item.placement,
                     [&](int packed, int canonical) { item.canonical[canonical] = item.packed[packed]; });
}

}  // namespace

void launch_pack(const PackItem* items, int count, const PlanTables& tables, cudaStream_t stream) {
  if (count > 0) launch(pack_models, count, 256, 0, stream, items, tables);
}

void launch_unpack(const PackItem* items, int count, const PlanTables& tables, cudaStream_t stream) {
  if (count > 0) launch(unpack_models, count, 256, 0, stream, items, tables);
}

}  // namespace gmmvae::cuda
