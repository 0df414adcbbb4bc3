// One block trains one model out of shared memory, whole epochs a launch. The reference model itself goes to
// the fused trainer; this one takes all other shapes that fit.
//
// What a step of the reference model costs: 3-64-64-2-64-64-3, batch 96, 256 threads, one block a
// multiprocessor. Counted, not measured on a GPU:
//   multiply-adds      2.56 M, 80 k warp instructions, 20.0 k clocks at 4 a clock; 18.4 k of them in the
//                      six products of 64 x 64
//   LDS.128            a 6 x 4 tile (output, input gradient) has 10 for 96 FFMA, a 4 x 4 one (weight
//                      gradient) 2 for 16: 8.2 k warp instructions in the six products, 16.4 k wavefronts
//                      at two each (see block/tiling.cuh; whether sm_90 grants two is not verified, at four
//                      it is 32.8 k and the bound)
//   Adam's moments     148 kB through L2, prefetched during the product: 1 TB/s with 132 multiprocessors at
//                      20 us a step. They are not in registers: which thread owns which weight would then
//                      have to be known when this is compiled, for every shape
//   barriers           17
//   registers          221 of 255 with no spills (sm_90), so one block of 256 threads a multiprocessor
// The floor is the multiply-adds, 20.0 k clocks. Gather, noise, the loss and the latency of narrow layers and
// barriers come on top, an estimated 12 k to 20 k: 32 k to 40 k clocks, that is 18 to 23 us at 1.755 GHz, 19
// to 24 ms for one model of 1,050 whole steps alone and 5,500 to 6,900 models a second on 132
// multiprocessors.

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
