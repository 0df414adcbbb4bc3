#pragma once

// What the ninth warp does beside the products: the history, the decoder variance, Adam's coefficients. Every
// function is called by that whole warp.

#include "kernels/block/loss.cuh"
#include "kernels/training/fused/schedule.cuh"

namespace gmmvae::cuda::fused {

struct Keeper {
  const Memory& memory;
  const TrainingTask& task;
  const Schedule schedule;
  double validation_elbo = 0.0;  ///< sum over the held-out points of the epoch

  __device__ Keeper(const Memory& memory_, const TrainingTask& task_)
      : memory(memory_), task(task_), schedule(*memory_.plan, task_) {}

  /// Once Training::load() has prepared the loss.
  __device__ __forceinline__ void start() const {
    const auto lane = static_cast<int>(lane_id());
    if (lane < memory.plan->data_dim) {
      memory.before.variance[lane] = memory.ledger.variance[lane];
      memory.before.weight[lane] = memory.ledger.weight[lane];
      const int offset = memory.plan->log_variance + (task.loss.variance_per_dim != 0 ? lane : 0);
      if (task.loss.variance_learned)
        memory.above_floor[lane] = exp(static_cast<double>(memory.base[offset]));
    }
    __syncwarp();
  }

  /// The factors of the errors in a prepared batch, once the decoder variance is what it will be then.
  __device__ __forceinline__ void weigh(int buffer) const {
    Batch& batch = memory.batches[buffer];
    const auto lane = static_cast<int>(lane_id());
    if (lane < narrow)
      batch.error_factor[lane] =
          lane < memory.plan->data_dim
              ? static_cast<float>(2.0 * memory.ledger.weight[lane] * batch.inverse_count)
              : 0.0f;
    __syncwarp();
  }

  /// Adam's coefficients for the update of a batch.
  __device__ __forceinline__ void prepare_step(const Position& at, int buffer) const {
    if (lane_id() == 0 && schedule.trains(at))
      memory.batches[buffer].adam = adam_step(
          task.config, schedule.step(at), task.config.epochs * static_cast<std::uint64_t>(schedule.steps));
    __syncwarp();
  }

  /// Of a batch whose rows are done, column lane % narrow's sum of squared errors.
  [[nodiscard]] __device__ __forceinline__ double squared_error(int buffer, int count) const {
    static_assert(product_warps * narrow == 32, "a lane for each warp and column");
    const auto lane = static_cast<int>(lane_id());
    const bool has_rows = lane / narrow * rows_a_warp < count;
    double sum = has_rows
                     ? static_cast<double>(memory.sums_of(buffer)[lane / narrow].squared_error[lane % narrow])
                     : 0.0;
#pragma unroll
    for (int mask = narrow; mask < 32; mask *= 2) sum += __shfl_xor_sync(full_warp, sum, mask);
    return sum;
  }

  /// After the rows of a batch a learned variance moves, by the gradient of block::update_variance: its
  /// exponentials, quotients and logarithms are taken where nobody waits, before or after. `update` has the
  /// rate of the other parameters.
  __device__ __forceinline__ void settle(const Position& at, int buffer, block::Update& update) const {
    if (!task.loss.variance_learned) return;
    const ModelPlan& plan = *memory.plan;
    const block::Ledger& ledger = memory.ledger;
    const auto lane = static_cast<int>(lane_id());
    const bool per_dim = task.loss.variance_per_dim != 0;
    const bool moves = lane < plan.data_dim;
    if (moves) {
      memory.before.variance[lane] = ledger.variance[lane];
      memory.before.weight[lane] = ledger.weight[lane];
    }
    if (!schedule.trains(at)) return;
    const int offset = plan.log_variance + (per_dim && moves ? lane : 0);
    float m = update.first_in[offset];
    float v = update.second_in[offset];
    float raw = update.parameters[offset];
    double error = squared_error(buffer, memory.batches[buffer].count);
    if (!per_dim) {  // the padding's errors are zero
      error += __shfl_xor_sync(full_warp, error, 1);
      error += __shfl_xor_sync(full_warp, error, 2);
    }
    __syncwarp();  // the parameter is read
    if (moves) {
      const double weight = ledger.weight[lane];
      const double terms = per_dim ? 1.0 : static_cast<double>(plan.data_dim);
      const double mean_error = error * memory.batches[buffer].inverse_count;
      const auto g =
          static_cast<float>(weight * memory.above_floor[lane] * (terms - 2.0 * weight * mean_error));
      update.step.step_size =
          static_cast<float>(kVarianceRateFactor * static_cast<double>(update.step.step_size));
      raw = update.moved(raw, g, m, v);
      if (per_dim || lane == 0) {
        update.squared_norm += g * g;
        update.parameters[offset] = raw;
        update.first_out[offset] = m;
        update.second_out[offset] = v;
      }
      const double above_floor = exp(static_cast<double>(raw));
      memory.above_floor[lane] = above_floor;
      ledger.variance[lane] = task.loss.variance_floor + above_floor;
      ledger.weight[lane] = 0.5 / (task.loss.variance_floor + above_floor);
    }
    __syncwarp();
  }

  /// The Gaussian constant of the ELBO, of the decoder variance as it is now.
  __device__ __forceinline__ void prepare_constant() const {
    constexpr double two_pi = 6.283185307179586476925;
    const auto lane = static_cast<int>(lane_id());
    double constant = lane < memory.plan->data_dim ? 0.5 * log(two_pi * memory.ledger.variance[lane]) : 0.0;
    constant += __shfl_xor_sync(full_warp, constant, 1);
    constant += __shfl_xor_sync(full_warp, constant, 2);
    if (lane == 0) memory.ledger.constants[0] = constant + task.loss.log_jacobian;
    __syncwarp();
  }

  /// After the update of a batch: the history's row, or the ELBO of held-out points.
  __device__ __forceinline__ void account(const Position& at, int buffer) {
    const ModelPlan& plan = *memory.plan;
    const auto lane = static_cast<int>(lane_id());
    const int count = schedule.count(at);
    const double error = squared_error(buffer, count);
    if (lane < plan.data_dim) memory.ledger.squared_error[lane] = error;
    const int warp = lane / most_latent;
    const bool has_rows = warp < product_warps && warp * rows_a_warp < count;
    double kl = has_rows ? static_cast<double>(memory.sums_of(buffer)[warp].kl[lane % most_latent]) : 0.0;
#pragma unroll
    for (int mask = most_latent; mask < most_latent * product_warps; mask *= 2)
      kl += __shfl_xor_sync(full_warp, kl, mask);
    if (lane < plan.latent) memory.ledger.kl[lane] = kl;
    __syncwarp();
    const block::BatchMeans means =
        block::batch_means(task.loss, plan.data_dim, plan.latent, count, memory.before);
    if (schedule.trains(at)) {
      block::add_to_row(means, plan.latent, count, memory.before);
      if (lane == 0) {
        double squared = 0.0;
#pragma unroll
        for (int w = 0; w < threads / 32; ++w) squared += memory.ledger.norms[w];
        memory.ledger.row[plan.latent + 6] += sqrt(squared);
      }
    } else {
      validation_elbo += means.elbo * count;
    }
    __syncwarp();  // all lanes have read the constant of this batch
    if (task.loss.variance_learned) prepare_constant();
  }

  __device__ __forceinline__ void clear_row() {
    validation_elbo = 0.0;
    for (int i = static_cast<int>(lane_id()); i < memory.plan->latent + 7; i += 32)
      memory.ledger.row[i] = 0.0;
    __syncwarp();
  }
};

}  // namespace gmmvae::cuda::fused
