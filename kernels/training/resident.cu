#include "kernels/training/epoch.cuh"
#include "kernels/training/kernels.hpp"

namespace gmmvae::cuda {
namespace {

__global__ void __launch_bounds__(256, 1)
    train_resident(const TrainingTask* tasks, const int* order, PlanTables tables, int epochs) {
  train_block<Placement::resident>(tasks, order, tables, epochs);
}

}  // namespace

void launch_resident(const TrainingTask* tasks, const int* order, int blocks, const PlanTables& tables,
                     const Budget& budget, int epochs, cudaStream_t stream) {
  launch(train_resident, blocks, static_cast<unsigned>(budget.threads), budget.shared_bytes, stream, tasks,
         order, tables, epochs);
}

}  // namespace gmmvae::cuda
