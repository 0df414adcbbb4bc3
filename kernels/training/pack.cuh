#pragma once

// Models between the canonical flat vector (ParameterLayout) and the packed layout, on the device.

#include "kernels/training/budget.hpp"
#include "kernels/training/task.hpp"

namespace gmmvae::cuda {

/// One vector to convert.
struct PackItem {
  int plan = 0;
  Placement placement = Placement::resident;  ///< the fused trainer has weights in an order of its own
  float* canonical = nullptr;
  float* packed = nullptr;
};

/// packed <- canonical, zeros in the padding; one block an item.
void launch_pack(const PackItem* items, int count, const PlanTables& tables, cudaStream_t stream);
/// canonical <- packed.
void launch_unpack(const PackItem* items, int count, const PlanTables& tables, cudaStream_t stream);

}  // namespace gmmvae::cuda
