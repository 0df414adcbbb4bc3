#pragma once

// Whole epochs of one model by one block: order of the points, steps, the history's row, validation,
// divergence and patience, as host/cpu/trainer.cpp does them.

#include "kernels/block/random.cuh"
#include "kernels/training/step.cuh"
#include "kernels/training/task.hpp"

namespace gmmvae::cuda {

/// A loss this far above the first epoch's, in units of its size, is an explosion even while it is finite.
inline constexpr double explosion = 1e6;

/// learning_rate_at (host/training/training.cpp).
__device__ inline double learning_rate_at(const TaskConfig& config, std::uint64_t step, std::uint64_t steps) {
  const double progress = steps == 0 ? 0.0 : static_cast<double>(step) / static_cast<double>(steps);
  if (config.schedule == LearningRateSchedule::cosine) {
    return config.learning_rate * 0.5 * (1.0 + cospi(progress));
  }
  if (config.schedule == LearningRateSchedule::linear) return config.learning_rate * (1.0 - progress);
  return config.learning_rate;
}

/// base^exponent by repeated squaring: some 2 log2(exponent) roundings, far below a float's. The library's
/// pow() is a call, and a call gives the whole kernel a stack frame.
__device__ inline double power(double base, std::uint64_t exponent) {
  double result = 1.0;
  for (; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result *= base;
    base *= base;
  }
  return result;
}

__device__ inline block::AdamStep adam_step(const TaskConfig& config, std::uint64_t step,
                                            std::uint64_t steps) {
  block::AdamStep adam{};
  adam.beta1_complement = static_cast<float>(1.0 - config.beta1);
  adam.beta2 = static_cast<float>(config.beta2);
  adam.beta2_complement = static_cast<float>(1.0 - config.beta2);
  adam.epsilon = static_cast<float>(config.epsilon);
  adam.step_size =
      static_cast<float>(learning_rate_at(config, step, steps) / (1.0 - power(config.beta1, step + 1)));
  adam.inverse_root_correction = static_cast<float>(1.0 / sqrt(1.0 - power(config.beta2, step + 1)));
  return adam;
}

/// One block's work on one task.
template <Placement placement>
struct Training {
  const BlockMemory<placement>& memory;
  const TrainingTask& task;
  std::uint64_t steps_per_epoch;

  __device__ Training(const BlockMemory<placement>& memory_, const TrainingTask& task_)
      : memory(memory_),
        task(task_),
        steps_per_epoch(static_cast<std::uint64_t>(block::ceil_div(task_.rows, memory_.plan->batch))) {}

  /// The training points, in shared or in global memory.
  __device__ __forceinline__ const float* data() const {
    return task.data_in_shared ? memory.data : task.data;
  }
  __device__ const float* log_variance() const { return memory.base + memory.plan->log_variance; }

  /// Parameters to where the block works on them, points to shared memory, the loss's weights. Ends with a
  /// barrier.
  __device__ void load() const {
    const int floats = memory.plan->parameters;
    for (int i = 4 * static_cast<int>(thread_rank()); i < floats; i += 4 * static_cast<int>(block_threads()))
      block::store4(memory.base + i, block::load4(task.parameters + i));
    if (task.data_in_shared) {
      const int points = task.rows * memory.plan->data_dim;
      for (int i = static_cast<int>(thread_rank()); i < points; i += static_cast<int>(block_threads()))
        memory.data[i] = task.data[i];
    }
    __syncthreads();
    if (warp_id() == 0) block::prepare_loss(task.loss, log_variance(), memory.plan->data_dim, memory.ledger);
    __syncthreads();
  }

  /// Where Adam's moments come from and go to in this step. Step 0 moves them to the other buffer.
  __device__ block::Update update_for(int good_buffer, std::uint64_t step_in_epoch) const {
    const auto size = static_cast<std::ptrdiff_t>(memory.plan->parameters);
    float* good = task.moments + 2 * size * good_buffer;
    float* working = task.moments + 2 * size * (1 - good_buffer);
    const float* in = step_in_epoch == 0 ? good : working;
    return {memory.base, in, in + size, working, working + size, nullptr, memory.scalars->adam, 0.0f};
  }

  /// Begins and ends after a barrier.
  __device__ void run_step(std::uint64_t epoch, std::uint64_t step_in_epoch, int good_buffer) const {
    const ModelPlan& plan = *memory.plan;
    const block::Ledger& ledger = memory.ledger;
    const auto first = static_cast<std::uint32_t>(step_in_epoch * static_cast<std::uint64_t>(plan.batch));
    const int count = block::smaller(plan.batch, task.rows - static_cast<int>(first));
    const std::uint64_t step = epoch * steps_per_epoch + step_in_epoch;
    prepare_tilings(memory, count);
    const auto size = static_cast<std::uint32_t>(task.rows);
    const keyed_permutation::Halves halves = keyed_permutation::halves_of(size);
    gather(data(), plan.data_dim, memory.base + plan.x, plan.x_stride, count, [&](int b) {
      return keyed_permutation::permute(first + static_cast<std::uint32_t>(b), size, halves,
                                        memory.scalars->keys);
    });
    block::fill_noise(task.config.seed, Purpose::training_noise, task.config.model,
                      static_cast<std::uint32_t>(step), 0, memory.base + plan.noise, plan.z_stride,
                      plan.latent, count);
    if (thread_rank() == block_threads() / 2)
      memory.scalars->adam = adam_step(task.config, step, task.config.epochs * steps_per_epoch);
    __syncthreads();
    run_forward(memory, count);
    block::Update update = update_for(good_buffer, step_in_epoch);
    run_backward(memory, count, static_cast<float>(task.loss.kl_weight), update, [&] {
      block::add_to_row(block::batch_means(task.loss, plan.data_dim, plan.latent, count, ledger), plan.latent,
                        count, ledger);
      if (!task.loss.variance_learned) return;
      const float step_size = update.step.step_size;
      update.step.step_size = static_cast<float>(kVarianceRateFactor * static_cast<double>(step_size));
      block::update_variance(task.loss, plan.data_dim, plan.log_variance, count, ledger, update);
      update.step.step_size = step_size;
      block::prepare_loss(task.loss, log_variance(), plan.data_dim, ledger);
    });
    const double norm = block::warp_sum(static_cast<double>(update.squared_norm));
    if (lane_id() == 0) ledger.norms[warp_id()] = norm;
    __syncthreads();
    if (thread_rank() == 0) {
      double squared = 0.0;
      for (unsigned w = 0; w < block_threads() / 32; ++w) squared += ledger.norms[w];
      ledger.row[plan.latent + 6] += sqrt(squared);
    }
  }

  /// ELBO of the held-out points with noise that is the same in every epoch, for thread 0; NaN where there
  /// are none. Begins after a barrier.
  __device__ double validate() const {
    const ModelPlan& plan = *memory.plan;
    if (task.validation_rows == 0) return nan("");
    double elbo = 0.0;
    for (int first = 0; first < task.validation_rows; first += plan.batch) {
      const int count = block::smaller(plan.batch, task.validation_rows - first);
      prepare_tilings(memory, count);
      gather(task.validation, plan.data_dim, memory.base + plan.x, plan.x_stride, count,
             [&](int b) { return first + b; });
      block::fill_noise(task.config.seed, Purpose::validation_noise, task.config.model, 0,
                        static_cast<std::uint64_t>(first) * static_cast<std::uint64_t>(plan.latent),
                        memory.base + plan.noise, plan.z_stride, plan.latent, count);
      __syncthreads();
      run_forward(memory, count);
      if (warp_id() == 0)
        elbo += block::batch_means(task.loss, plan.data_dim, plan.latent, count, memory.ledger).elbo * count;
    }
    return elbo / task.validation_rows;
  }

  /// Thread 0: the row as History documents it, and whether the epoch counts.
  __device__ bool finish_row(double validation_elbo, TaskState& state) const {
    const ModelPlan& plan = *memory.plan;
    const block::Ledger& ledger = memory.ledger;
    double* row = ledger.row;
    for (int i = 0; i < plan.latent + 7; ++i) row[i] /= static_cast<double>(steps_per_epoch);
    double variance = 0.0;
    for (int d = 0; d < plan.data_dim; ++d) variance += ledger.variance[d];
    row[plan.latent + 3] = variance / plan.data_dim;
    row[plan.latent + 5] = validation_elbo;
    if (!isfinite(row[0]) || !isfinite(row[plan.latent + 6])) return false;
    if (!state.has_first) state.first_loss = row[0];
    if (row[0] - state.first_loss > explosion * (1.0 + fabs(state.first_loss))) return false;
    state.has_first = 1;
    return true;
  }

  /// Thread 0: counts the epoch; with patience, whether it is the best one, or the last.
  __device__ bool count_epoch(double validation_elbo, TaskState& state) const {
    ++state.epoch;
    ++state.new_rows;
    state.moments = 1 - state.moments;
    bool best = false;
    if (task.config.patience > 0 && task.validation_rows > 0) {
      best = !state.has_best || validation_elbo > state.best_elbo;
      if (best) {
        state.has_best = 1;
        state.best_elbo = validation_elbo;
        state.best_epoch = state.epoch;
      } else if (state.epoch - state.best_epoch >= task.config.patience) {
        state.status = TrainingStatus::stopped_early;
      }
    }
    if (state.status == TrainingStatus::running && state.epoch >= task.config.epochs)
      state.status = TrainingStatus::finished;
    return best;
  }

  /// Thread 0: whether the epoch counts, its row in the history, and how the training goes on.
  __device__ void end_epoch(double validation_elbo, TaskState next) const {
    const int width = memory.plan->latent + 7;
    const int row = next.new_rows;
    const bool good = finish_row(validation_elbo, next);
    memory.scalars->good = good ? 1 : 0;
    memory.scalars->best = good && count_epoch(validation_elbo, next) ? 1 : 0;
    if (!good) next.status = TrainingStatus::diverged;
    *task.state = next;
    for (int i = 0; good && i < width; ++i) task.history[row * width + i] = memory.ledger.row[i];
  }

  /// One epoch; `state` is every thread's own copy, kept the same in all. False where the training ended.
  __device__ bool run_epoch(TaskState& state) const {
    const ModelPlan& plan = *memory.plan;
    const auto thread = static_cast<int>(thread_rank());
    if (thread < 8) {
      memory.scalars->keys[thread] =
          block::permutation_key(task.config.seed, Purpose::shuffle, task.config.model,
                                 static_cast<std::uint32_t>(state.epoch), static_cast<unsigned>(thread));
    }
    for (int i = thread; i < plan.latent + 7; i += static_cast<int>(block_threads()))
      memory.ledger.row[i] = 0.0;
    __syncthreads();
    for (std::uint64_t step = 0; step < steps_per_epoch; ++step) run_step(state.epoch, step, state.moments);
    const double validation_elbo = validate();
    if (thread == 0) end_epoch(validation_elbo, state);
    __syncthreads();
    state = *task.state;
    if (memory.scalars->good) keep(memory.scalars->best != 0);
    return state.status == TrainingStatus::running;
  }

  /// Copies the parameters at work to where those of the last good epoch are kept.
  __device__ void keep(bool best) const {
    const int floats = memory.plan->parameters;
    for (int i = 4 * static_cast<int>(thread_rank()); i < floats;
         i += 4 * static_cast<int>(block_threads())) {
      const block::Four w = block::load4(memory.base + i);
      block::store4(task.parameters + i, w);
      if (best) block::store4(task.best_parameters + i, w);
    }
  }

  __device__ void run(int epochs) const {
    TaskState state = *task.state;
    if (state.status != TrainingStatus::running) return;  // the same in all threads
    state.new_rows = 0;
    load();
    for (int i = 0; i < epochs && state.epoch < task.config.epochs; ++i) {
      if (!run_epoch(state)) break;
    }
  }
};

/// The body of the training kernels: block i works on task number `order[i]`.
template <Placement placement>
__device__ inline void train_block(const TrainingTask* tasks, const int* order, PlanTables tables,
                                   int epochs) {
  GPU_DYNAMIC_SHARED(buffer);
  const TrainingTask& task = tasks[order[blockIdx.x]];
  const ModelPlan& shape = tables.plans[task.plan];
  SharedArena arena(buffer);
  const std::size_t data_floats =
      task.data_in_shared ? static_cast<std::size_t>(task.rows) * static_cast<std::size_t>(shape.data_dim)
                          : 0;
  const BlockMemory<placement> memory(arena, shape, tables.slot_floats + shape.first_slot, task.workspace,
                                      data_floats, thread_rank() == 0);
  resolve(memory, shape, tables.layers + shape.first_layer);
  Training<placement>(memory, task).run(epochs);
}

}  // namespace gmmvae::cuda
