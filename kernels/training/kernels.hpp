#pragma once

// The training kernels' launches.

#include "kernels/gpu.hpp"
#include "kernels/training/budget.hpp"
#include "kernels/training/task.hpp"

namespace gmmvae::cuda {

/// Trains the tasks named by order[0..blocks), one block each, by up to `epochs` epochs.
void launch_resident(const TrainingTask* tasks, const int* order, int blocks, const PlanTables& tables,
                     const Budget& budget, int epochs, cudaStream_t stream);
void launch_fused(const TrainingTask* tasks, const int* order, int blocks, const PlanTables& tables,
                  const Budget& budget, int epochs, cudaStream_t stream);
void launch_streamed(const TrainingTask* tasks, const int* order, int blocks, const PlanTables& tables,
                     const Budget& budget, int epochs, cudaStream_t stream);

}  // namespace gmmvae::cuda
