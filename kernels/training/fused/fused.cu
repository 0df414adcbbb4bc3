#include "kernels/training/fused/keeper.cuh"
#include "kernels/training/fused/step.cuh"
#include "kernels/training/fused/update.cuh"
#include "kernels/training/kernels.hpp"

namespace gmmvae::cuda {
namespace fused {
namespace {

/// One block's whole work on one task.
template <int Hidden, Arithmetic arithmetic>
struct Block {
  const Memory& memory;
  const TrainingTask& task;
  const FusedTraining training;

  __device__ Block(const Memory& memory_, const TrainingTask& task_)
      : memory(memory_), task(task_), training(memory_, task_) {}

  [[nodiscard]] __device__ static bool keeps() { return warp_id() == product_warps; }

  /// Everything that a launch begins with; ends with a barrier.
  __device__ void start(const TaskState& state, const Keeper& keeper) const {
    training.load();
    for (int i = static_cast<int>(thread_rank()); i < product_warps * partial_floats; i += threads)
      memory.partials[i] = 0.0f;  // of narrower models than the widest, parts stay so
    for (int i = static_cast<int>(thread_rank()); i < partial_floats; i += threads)
      memory.offsets[i] = static_cast<short>(packed_offset<Hidden>(i));
    if (keeps()) {
      keeper.prepare({state.epoch, 0}, 0);
      keeper.weigh(0);
    }
    __syncthreads();
  }

  /// One batch from barrier to barrier: rows, then the update.
  __device__ void run_batch(Keeper& keeper, const Position& at, const Position& next, int buffer,
                            int good_moments) const {
    if (keeps()) {
      if (at.number > 0) keeper.account({at.epoch, at.number - 1}, 1 - buffer);
      keeper.set_rate(at);
      keeper.prepare(next, 1 - buffer);
    } else {
      run_rows<Hidden, arithmetic>(memory, buffer);
    }
    __syncthreads();
    block::Update update = training.update_for(good_moments, at.number);
    if (keeps()) {
      keeper.settle(at, buffer, update);
      keeper.weigh(1 - buffer);
    } else if (memory.batches[buffer].training != 0) {
      move_parameters<Hidden, arithmetic>(memory, memory.batches[buffer].count, update);
    }
    const double norm = block::warp_sum(static_cast<double>(update.squared_norm));
    if (lane_id() == 0) memory.ledger.norms[warp_id()] = norm;
    __syncthreads();
  }

  __device__ void run(int epochs) const {
    TaskState state = *task.state;
    if (state.status != TrainingStatus::running) return;  // the same in all threads
    state.new_rows = 0;
    Keeper keeper{memory, task, training};
    start(state, keeper);
    int buffer = 0;
    for (int i = 0; i < epochs && state.epoch < task.config.epochs; ++i) {
      const std::uint64_t batches = keeper.batches();
      if (keeps()) keeper.clear_row();
      for (std::uint64_t n = 0; n < batches; ++n) {
        const bool last = n + 1 == batches;
        run_batch(keeper, {state.epoch, n}, {state.epoch + (last ? 1 : 0), last ? 0 : n + 1}, buffer,
                  state.moments);
        buffer = 1 - buffer;
      }
      if (keeps()) {
        keeper.account({state.epoch, batches - 1}, 1 - buffer);
        const double elbo =
            task.validation_rows == 0 ? nan("") : keeper.validation_elbo / task.validation_rows;
        if (lane_id() == 0) training.end_epoch(elbo, state);
      }
      __syncthreads();
      state = *task.state;
      if (memory.scalars->good) training.keep(memory.scalars->best != 0);
      if (state.status != TrainingStatus::running) break;
    }
  }
};

/// The body of the kernels: block i works on task number `order[i]`.
template <int Hidden, Arithmetic arithmetic>
__device__ inline void train(const TrainingTask* tasks, const int* order, PlanTables tables, int epochs) {
  GPU_DYNAMIC_SHARED(buffer);
  const TrainingTask& task = tasks[order[blockIdx.x]];
  const ModelPlan& shape = tables.plans[task.plan];
  SharedArena arena(buffer);
  const std::size_t data_floats =
      task.data_in_shared ? static_cast<std::size_t>(task.rows) * static_cast<std::size_t>(shape.data_dim)
                          : 0;
  const Memory memory(arena, Hidden, data_floats);
  if (thread_rank() == 0) *memory.plan = shape;
  __syncthreads();
  Block<Hidden, arithmetic>(memory, task).run(epochs);
}

__global__ void __launch_bounds__(threads, 1)
    train_one_hidden(const TrainingTask* tasks, const int* order, PlanTables tables, int epochs) {
  train<1, Arithmetic::fp32>(tasks, order, tables, epochs);
}

__global__ void __launch_bounds__(threads, 1)
    train_two_hidden(const TrainingTask* tasks, const int* order, PlanTables tables, int epochs) {
  train<2, Arithmetic::fp32>(tasks, order, tables, epochs);
}

__global__ void __launch_bounds__(threads, 1)
    train_two_hidden_split(const TrainingTask* tasks, const int* order, PlanTables tables, int epochs) {
  train<2, Arithmetic::tf32x3>(tasks, order, tables, epochs);
}

}  // namespace
}  // namespace fused

void launch_fused(const TrainingTask* tasks, const int* order, int blocks, const PlanTables& tables,
                  const Budget& budget, int epochs, cudaStream_t stream) {
  const auto kernel = budget.hidden_layers == 1                 ? fused::train_one_hidden
                      : budget.arithmetic == Arithmetic::tf32x3 ? fused::train_two_hidden_split
                                                                : fused::train_two_hidden;
  launch(kernel, blocks, static_cast<unsigned>(budget.threads), budget.shared_bytes, stream, tasks, order,
         tables, epochs);
}

}  // namespace gmmvae::cuda
