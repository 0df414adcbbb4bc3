#pragma once

// The parts of a tiled model's step that one block does, each a kernel of its own. They are the block
// functions of the other trainers; what those keep in shared memory between phases is in device memory here.

#include "kernels/training/epoch.cuh"
#include "kernels/training/tiled_pass.hpp"

namespace gmmvae::cuda {

using TiledTraining = Training<Placement::streamed>;

/// Runs work(training) with the model's tables in shared memory.
template <class Work>
__device__ inline void with_training(const TrainingTask& task, const PlanTables& tables,
                                     const TiledState& tiled, Work work) {
  GPU_DYNAMIC_SHARED(buffer);
  SharedArena arena(buffer);
  const ModelPlan& shape = tables.plans[task.plan];
  BlockMemory<Placement::streamed> memory(arena, shape, tables.slot_floats + shape.first_slot, task.workspace,
                                          0, thread_rank() == 0);
  memory.ledger = tiled.ledger;
  resolve(memory, shape, tables.layers + shape.first_layer);
  if (thread_rank() < 8) memory.scalars->keys[thread_rank()] = tiled.keys[thread_rank()];
  __syncthreads();
  work(TiledTraining(memory, task));
}

/// Before the first epoch of a launch: the parameters at work are there.
__device__ inline void begin_launch(const TiledTraining& training) {
  if (thread_rank() == 0) training.task.state->new_rows = 0;
  if (warp_id() == 0)
    block::prepare_loss(training.task.loss, training.log_variance(), training.memory.plan->data_dim,
                        training.memory.ledger);
}

__device__ inline void begin_epoch(const TiledTraining& training, TiledState& tiled) {
  const TrainingTask& task = training.task;
  const auto thread = thread_rank();
  if (thread < 8)
    tiled.keys[thread] = block::permutation_key(task.config.seed, Purpose::shuffle, task.config.model,
                                                static_cast<std::uint32_t>(task.state->epoch), thread);
  for (int i = static_cast<int>(thread); i < training.memory.plan->latent + 7;
       i += static_cast<int>(block_threads()))
    tiled.ledger.row[i] = 0.0;
  if (thread != 0) return;
  tiled.active =
      task.state->status == TrainingStatus::running && task.state->epoch < task.config.epochs ? 1 : 0;
  tiled.step = 0;
  tiled.first = 0;
  tiled.validation_elbo = 0.0;
}

/// Points and noise of a training batch, and Adam's coefficients.
__device__ inline void begin_step(const TiledTraining& training, TiledState& tiled) {
  const TrainingTask& task = training.task;
  const auto& memory = training.memory;
  const ModelPlan& plan = *memory.plan;
  const std::uint64_t step = task.state->epoch * training.steps_per_epoch + tiled.step;
  if (thread_rank() == 0) {  // first, while little is in registers
    memory.scalars->adam = adam_step(task.config, step, task.config.epochs * training.steps_per_epoch);
    tiled.update = training.update_for(task.state->moments, tiled.step);
  }
  const auto first = static_cast<std::uint32_t>(tiled.step * static_cast<std::uint64_t>(plan.batch));
  const int count = tiled.active ? block::smaller(plan.batch, task.rows - static_cast<int>(first)) : 0;
  if (thread_rank() == 0) tiled.count = count;
  const auto size = static_cast<std::uint32_t>(task.rows);
  const keyed_permutation::Halves halves = keyed_permutation::halves_of(size);
  gather(training.data(), plan.data_dim, memory.base + plan.x, plan.x_stride, count, [&](int b) {
    return keyed_permutation::permute(first + static_cast<std::uint32_t>(b), size, halves,
                                      memory.scalars->keys);
  });
  block::fill_noise(task.config.seed, Purpose::training_noise, task.config.model,
                    static_cast<std::uint32_t>(step), 0, memory.base + plan.noise, plan.z_stride, plan.latent,
                    count);
}

/// Points and noise of a batch of held-out points.
__device__ inline void begin_validation(const TiledTraining& training, TiledState& tiled) {
  const TrainingTask& task = training.task;
  const ModelPlan& plan = *training.memory.plan;
  const int first = tiled.first;
  const int count = tiled.active ? block::smaller(plan.batch, task.validation_rows - first) : 0;
  gather(task.validation, plan.data_dim, training.memory.base + plan.x, plan.x_stride, count,
         [&](int b) { return first + b; });
  block::fill_noise(task.config.seed, Purpose::validation_noise, task.config.model, 0,
                    static_cast<std::uint64_t>(first) * static_cast<std::uint64_t>(plan.latent),
                    training.memory.base + plan.noise, plan.z_stride, plan.latent, count);
  if (thread_rank() == 0) tiled.count = count;
}

/// The loss's gradient in the place of the reconstruction, and the batch's sums. All threads; ends with a
/// barrier.
__device__ inline void compare_batch(const TiledTraining& training, const TiledState& tiled) {
  const auto& memory = training.memory;
  const ModelPlan& plan = *memory.plan;
  const DenseLayer& top = memory.layers[plan.encoder_layers + plan.decoder_layers - 1];
  block::compare(memory.base + plan.x, memory.base + top.output, top.output_stride, plan.data_dim,
                 tiled.count, memory.ledger);
  __syncthreads();
}

/// After the forward pass: the history's row, and a learned variance moves.
__device__ inline void add_step(const TiledTraining& training, TiledState& tiled) {
  compare_batch(training, tiled);
  if (tiled.count == 0 || warp_id() != 0) return;
  const TrainingTask& task = training.task;
  const ModelPlan& plan = *training.memory.plan;
  const block::Ledger& ledger = tiled.ledger;
  block::add_to_row(block::batch_means(task.loss, plan.data_dim, plan.latent, tiled.count, ledger),
                    plan.latent, tiled.count, ledger);
  block::Update update = tiled.update;
  update.squared_norm = 0.0f;
  if (task.loss.variance_learned) {
    update.step.step_size =
        static_cast<float>(kVarianceRateFactor * static_cast<double>(update.step.step_size));
    block::update_variance(task.loss, plan.data_dim, plan.log_variance, tiled.count, ledger, update);
    block::prepare_loss(task.loss, training.log_variance(), plan.data_dim, ledger);
  }
  const double norm = block::warp_sum(static_cast<double>(update.squared_norm));
  if (lane_id() == 0) ledger.norms[tiled.norms - 1] = norm;
}

__device__ inline void add_validation(const TiledTraining& training, TiledState& tiled) {
  compare_batch(training, tiled);
  if (tiled.count == 0 || warp_id() != 0) return;
  const ModelPlan& plan = *training.memory.plan;
  const double elbo =
      block::batch_means(training.task.loss, plan.data_dim, plan.latent, tiled.count, tiled.ledger).elbo;
  if (lane_id() != 0) return;
  tiled.validation_elbo += elbo * tiled.count;
  tiled.first += plan.batch;
}

/// The gradient's norm: every thread sums a share of the parts, then the block in a fixed order.
__device__ inline void end_step(const TiledTraining& training, TiledState& tiled) {
  GPU_SHARED(double, parts, [32]);
  double mine = 0.0;
  for (int i = static_cast<int>(thread_rank()); i < tiled.norms; i += static_cast<int>(block_threads()))
    mine += tiled.ledger.norms[i];
  const double of_warp = block::warp_sum(mine);
  if (lane_id() == 0) parts[warp_id()] = of_warp;
  __syncthreads();
  if (thread_rank() != 0 || tiled.count == 0) return;
  double squared = 0.0;
  for (unsigned w = 0; w < block_threads() / 32; ++w) squared += parts[w];
  tiled.ledger.row[training.memory.plan->latent + 6] += sqrt(squared);
  ++tiled.step;
}

/// Whether the epoch counts, its row, and how the training goes on.
__device__ inline void end_epoch(const TiledTraining& training, TiledState& tiled) {
  if (thread_rank() != 0) return;
  tiled.good = 0;
  if (!tiled.active) return;
  const TrainingTask& task = training.task;
  const int width = training.memory.plan->latent + 7;
  TaskState next = *task.state;
  const int row = next.new_rows;
  const double elbo = task.validation_rows == 0 ? nan("") : tiled.validation_elbo / task.validation_rows;
  tiled.good = training.finish_row(elbo, next) ? 1 : 0;
  tiled.best = tiled.good && training.count_epoch(elbo, next) ? 1 : 0;
  if (!tiled.good) next.status = TrainingStatus::diverged;
  *task.state = next;
  for (int i = 0; i < width && tiled.good; ++i) task.history[row * width + i] = tiled.ledger.row[i];
}

}  // namespace gmmvae::cuda
