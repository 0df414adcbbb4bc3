#pragma once

// Which batch comes when, and the warps that make it ready a batch ahead: points and noise.

#include "kernels/block/random.cuh"
#include "kernels/training/epoch.cuh"
#include "kernels/training/fused/layout.cuh"

namespace gmmvae::cuda::fused {

using Memory = BlockMemory<Placement::fused>;

/// A batch of an epoch: its steps, then the batches of held-out points.
struct Position {
  std::uint64_t epoch;
  int number;
};

struct Schedule {
  int batch;            ///< rows of all batches but the last
  int rows;             ///< training points
  int validation_rows;  ///< held-out points
  int steps;            ///< batches of training points

  __device__ Schedule(const ModelPlan& plan, const TrainingTask& task)
      : batch(plan.batch),
        rows(task.rows),
        validation_rows(task.validation_rows),
        steps(block::ceil_div(task.rows, plan.batch)) {}

  [[nodiscard]] __device__ int batches() const { return steps + block::ceil_div(validation_rows, batch); }
  [[nodiscard]] __device__ bool trains(const Position& at) const { return at.number < steps; }
  /// First point of a batch, of those for training or of those held out.
  [[nodiscard]] __device__ int first(const Position& at) const {
    return batch * (trains(at) ? at.number : at.number - steps);
  }
  [[nodiscard]] __device__ int count(const Position& at) const {
    return block::smaller(batch, (trains(at) ? rows : validation_rows) - first(at));
  }
  /// Number of Adam's step, from 0.
  [[nodiscard]] __device__ std::uint64_t step(const Position& at) const {
    return at.epoch * static_cast<std::uint64_t>(steps) + static_cast<std::uint64_t>(at.number);
  }
  [[nodiscard]] __device__ Position after(const Position& at) const {
    return at.number + 1 == batches() ? Position{at.epoch + 1, 0} : Position{at.epoch, at.number + 1};
  }
};

/// The work of the warps behind the ninth one; every function is called by all of them. No warp waits for
/// another.
struct Supplier {
  const Memory& memory;
  const TrainingTask& task;
  const float* data;  ///< training points, in shared or in global memory
  const Schedule schedule;
  std::uint64_t even;  ///< the good moments' buffer in even epochs: each epoch moves them to the other one

  __device__ __forceinline__ Supplier(const Memory& memory_, const TrainingTask& task_, const float* data_)
      : memory(memory_), task(task_), data(data_), schedule(*memory_.plan, task_) {
    even = (static_cast<std::uint64_t>(task.state->moments) + task.state->epoch) % 2;
  }

  /// Points of a batch into `buffer`, a row a thread.
  __device__ __forceinline__ void take_points(const Position& at, int buffer, int warp) const {
    static_assert(32 * supplier_warps == most_rows);
    const ModelPlan& plan = *memory.plan;
    const auto lane = static_cast<int>(lane_id());
    std::uint32_t* keys = memory.keys + 8 * warp;  // of the epoch's permutation
    if (at.number == 0 && lane < 8)
      keys[lane] = block::permutation_key(task.config.seed, Purpose::shuffle, task.config.model,
                                          static_cast<std::uint32_t>(at.epoch), static_cast<unsigned>(lane));
    __syncwarp();
    const int b = 32 * warp + lane;
    block::Four point{};
    if (b < schedule.count(at)) {
      auto place = static_cast<std::uint32_t>(schedule.first(at) + b);
      const float* from = task.validation;
      if (schedule.trains(at)) {
        const auto size = static_cast<std::uint32_t>(schedule.rows);
        place = keyed_permutation::permute(place, size, keyed_permutation::halves_of(size), keys);
        from = data;
      }
      from += static_cast<std::ptrdiff_t>(place) * plan.data_dim;
#pragma unroll
      for (int d = 0; d < narrow; ++d) point.at[d] = d < plan.data_dim ? from[d] : 0.0f;
    }
    block::store4(memory.x_of(buffer) + narrow * b, point);
  }

  /// Everything of a batch but what the keeper adds (Keeper::weigh, Keeper::prepare_step), into `buffer`.
  __device__ __forceinline__ void prepare(const Position& at, int buffer) const {
    const ModelPlan& plan = *memory.plan;
    const int warp = static_cast<int>(warp_id()) - first_supplier;
    const int worker = 32 * warp + static_cast<int>(lane_id());
    const bool training = schedule.trains(at);
    const int first = schedule.first(at);
    const int count = schedule.count(at);
    take_points(at, buffer, warp);
    block::fill_noise(
        task.config.seed, training ? Purpose::training_noise : Purpose::validation_noise, task.config.model,
        training ? static_cast<std::uint32_t>(schedule.step(at)) : 0u,
        training ? 0 : static_cast<std::uint64_t>(first) * static_cast<std::uint64_t>(plan.latent),
        memory.noise_of(buffer), most_latent, plan.latent, count, static_cast<unsigned>(worker), most_rows);
    if (worker == most_rows - 1) {  // of the warp that has the least noise
      Batch& batch = memory.batches[buffer];
      const auto size = static_cast<std::ptrdiff_t>(plan.parameters);
      float* good = task.moments + ((even + at.epoch) % 2 == 0 ? 0 : 2 * size);
      float* working = task.moments + ((even + at.epoch) % 2 == 0 ? 2 * size : 0);
      batch.moments_in = at.number == 0 ? good : working;
      batch.moments_out = working;
      batch.count = count;
      batch.training = training ? 1 : 0;
      batch.inverse_count = 1.0 / count;
      batch.kl_weight = static_cast<float>(task.loss.kl_weight) / static_cast<float>(count);
    }
    __syncwarp();
  }
};

}  // namespace gmmvae::cuda::fused
