#include "kernels/training/epoch.cuh"
#include "kernels/training/kernels.hpp"

namespace gmmvae::cuda {
namespace {

__global__ void __launch_bounds__(256, 1)
    train_streamed(const TrainingTask* tasks, const int* order, PlanTables tables, int epochs) {
  train_block<Placement::streamed>(tasks, order, tables, epochs);
}

}  // namespace

void launch_streamed(const TrainingTask* tasks, const int* order, int blocks, const PlanTables& tables,
                     const Budget& budget, int epochs, cudaStream_t stream) {
  launch(train_streamed, blocks, static_cast<unsigned>(budget.threads), budget.shared_bytes, stream, tasks,
         order, tables, epochs);
}

}  // namespace gmmvae::cuda
