#include "kernels/training/pack.cuh"

namespace gmmvae::cuda {
namespace {

__global__ void __launch_bounds__(256) pack_models(const PackItem* items, PlanTables tables) {
  const PackItem item = items[blockIdx.x];
  const ModelPlan& plan = tables.plans[item.plan];
  for (unsigned i = thread_rank(); i < static_cast<unsigned>(plan.parameters); i += block_threads())
    item.packed[i] = 0;
  __syncthreads();
  for_each_parameter(plan, tables.layers + plan.first_layer,
                     [&](int packed, int canonical) { item.packed[packed] = item.canonical[canonical]; });
}

__global__ void __launch_bounds__(256) unpack_models(const PackItem* items, PlanTables tables) {
  const PackItem item = items[blockIdx.x];
  const ModelPlan& plan = tables.plans[item.plan];
  for_each_parameter(plan, tables.layers + plan.first_layer,
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
