#include "kernels/training/fused/keeper.cuh"
#include "kernels/training/fused/schedule.cuh"
#include "kernels/training/fused/step.cuh"
#include "kernels/training/fused/update.cuh"
#include "kernels/training/kernels.hpp"

namespace gmmvae::cuda {
namespace fused {
namespace {

/// Where a half of a step ends: after the rows all gradients are there, after the update all parameters have
/// moved. One place in the source for all warps, whatever they do.
__device__ __forceinline__ void end_half_step() {
  __syncthreads();
}

/// One block's whole work on one task. Each kind of warp has a loop of its own over the batches of an epoch,
/// so that none keeps registers for the others' work.
template <int Hidden, Arithmetic arithmetic>
struct Block {
  const Memory& memory;
  const TrainingTask& task;  ///< in shared memory
  const Training<Placement::fused> training;

  __device__ __forceinline__ Block(const Memory& memory_, const TrainingTask& task_)
      : memory(memory_), task(task_), training(memory_, task_) {}

  /// What a warp's part of the update adds to the gradient's squared norm; the whole warp calls it.
  __device__ __forceinline__ void note_norm(float squared_norm) const {
    const float norm = block::warp_sum(squared_norm);
    if (lane_id() == 0) memory.ledger.norms[warp_id()] = static_cast<double>(norm);
  }

  /// Everything that a launch begins with; ends with a barrier.
  __device__ __forceinline__ void start() const {
    training.load();
    if (thread_rank() == 0) task.state->new_rows = 0;
    for (int i = static_cast<int>(thread_rank()); i < product_warps * partial_floats; i += threads)
      memory.partials[i] = 0.0f;  // of narrower models than the widest, parts stay so
    for (int i = static_cast<int>(thread_rank()); i < partial_fours; i += threads)
      memory.offsets[i] = static_cast<short>(packed_offset<Hidden>(i));
    if (warp_id() >= first_supplier)
      Supplier(memory, task, training.data()).prepare({task.state->epoch, 0}, 0);
    __syncthreads();
    if (warp_id() == keeper_warp) {
      const Keeper keeper(memory, task);
      keeper.start();
      keeper.weigh(0);
    }
    __syncthreads();
  }

  /// Products of the batches of an epoch, of which the first one is in `buffer`.
  __device__ __forceinline__ void multiply(int batches, int buffer) const {
#pragma unroll 1
    for (int left = batches; left > 0; --left, buffer = 1 - buffer) {
      run_rows<Hidden, arithmetic>(memory, buffer);
      end_half_step();
      const bool moves = memory.batches[buffer].training != 0;
      note_norm(moves ? move_parameters<Hidden, arithmetic>(memory, buffer) : 0.0f);
      end_half_step();
    }
  }

  /// Meanwhile the next batches, and a part of the update.
  __device__ __forceinline__ void supply(int batches, int buffer) const {
    const Supplier supplier(memory, task, training.data());
    const std::uint64_t epoch = task.state->epoch;
#pragma unroll 1
    for (int n = 0; n < batches; ++n, buffer = 1 - buffer) {
      supplier.prepare(supplier.schedule.after({epoch, n}), 1 - buffer);
      end_half_step();
      const bool moves = memory.batches[buffer].training != 0;
      note_norm(moves ? move_beside<Hidden>(memory, buffer) : 0.0f);
      end_half_step();
    }
  }

  /// Meanwhile the history and the decoder variance, at last the epoch's row.
  __device__ __forceinline__ void keep_books(int batches, int buffer) const {
    Keeper keeper(memory, task);
    const std::uint64_t epoch = task.state->epoch;
    keeper.clear_row();
#pragma unroll 1
    for (int n = 0; n < batches; ++n, buffer = 1 - buffer) {
      keeper.prepare_step({epoch, n}, buffer);
      if (n > 0) keeper.account({epoch, n - 1}, 1 - buffer);
      end_half_step();
      block::Update update = update_of(memory, buffer);
      keeper.settle({epoch, n}, buffer, update);
      keeper.weigh(1 - buffer);
      note_norm(update.squared_norm);
      end_half_step();
    }
    keeper.account({epoch, batches - 1}, 1 - buffer);
    const double elbo = task.validation_rows == 0 ? nan("") : keeper.validation_elbo / task.validation_rows;
    if (lane_id() == 0) training.end_epoch(elbo, *task.state);
  }

  __device__ __forceinline__ void run(int epochs) const {
    if (task.state->status != TrainingStatus::running) return;  // the same in all threads
    start();
    int buffer = 0;
#pragma unroll 1
    while (task.state->status == TrainingStatus::running && task.state->epoch < task.config.epochs &&
           task.state->new_rows < epochs) {
      const int batches = Schedule(*memory.plan, task).batches();
      if (warp_id() < product_warps) {
        multiply(batches, buffer);
      } else if (warp_id() == keeper_warp) {
        keep_books(batches, buffer);
      } else {
        supply(batches, buffer);
      }
      buffer = (buffer + batches) % 2;
      __syncthreads();
      if (memory.scalars->good) training.keep(memory.scalars->best != 0);
    }
  }
};

/// The body of the kernels: block i works on task number `order[i]`.
template <int Hidden, Arithmetic arithmetic>
__device__ __forceinline__ void train(const TrainingTask* tasks, const int* order, PlanTables tables,
                                      int epochs) {
  GPU_DYNAMIC_SHARED(buffer);
  const TrainingTask& task = tasks[order[blockIdx.x]];
  const ModelPlan& shape = tables.plans[task.plan];
  SharedArena arena(buffer);
  const std::size_t data_floats =
      task.data_in_shared ? static_cast<std::size_t>(task.rows) * static_cast<std::size_t>(shape.data_dim)
                          : 0;
  const Memory memory(arena, Hidden, data_floats);
  if (thread_rank() == 0) {
    *memory.plan = shape;
    *memory.task = task;
  }
  __syncthreads();
  Block<Hidden, arithmetic>(memory, *memory.task).run(epochs);
}

__global__ void __launch_bounds__(threads, 1)
    train_one_hidden(const TrainingTask* tasks, const int* order, PlanTables tables, int epochs) {
  train<1, Arithmetic::fp32>(tasks, order, tables, epochs);
}

__global__ void __launch_bounds__(threads, 1)
    train_two_hidden(const TrainingTask* tasks, const int* order, PlanTables tables, int epochs) {
  train<2, Arithmetic::fp32>(tasks, order, tables, epochs);
}

/// No card before sm_90 has the shared memory for it. Its code for those before sm_80 has products in fp32:
/// the twin of the tensor cores' instruction would take the compiler ten minutes.
__global__ void __launch_bounds__(threads, 1)
    train_two_hidden_split(const TrainingTask* tasks, const int* order, PlanTables tables, int epochs) {
  constexpr bool has_tf32 = GPU_ARCH == 0 || GPU_ARCH >= 800;
  train<2, has_tf32 ? Arithmetic::tf32x3 : Arithmetic::fp32>(tasks, order, tables, epochs);
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
