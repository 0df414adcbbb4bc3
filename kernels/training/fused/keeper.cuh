#pragma once

// What the ninth warp does beside the products: the next batch, Adam's coefficients, the history, the decoder
// variance. Every function is called by that whole warp.

#include "kernels/block/loss.cuh"
#include "kernels/block/random.cuh"
#include "kernels/training/epoch.cuh"
#include "kernels/training/fused/layout.cuh"

namespace gmmvae::cuda::fused {

using Memory = BlockMemory<Placement::fused>;
using FusedTraining = Training<Placement::fused>;

/// A batch of an epoch: its steps, then the batches of held-out points.
struct Position {
  std::uint64_t epoch;
  std::uint64_t number;
};

struct Keeper {
  const Memory& memory;
  const TrainingTask& task;
  const FusedTraining& training;
  double validation_elbo = 0.0;  ///< sum over the held-out points of the epoch

  [[nodiscard]] __device__ bool trains(const Position& at) const {
    return at.number < training.steps_per_epoch;
  }
  [[nodiscard]] __device__ std::uint64_t batches() const {
    const int batch = memory.plan->batch;
    return training.steps_per_epoch +
           static_cast<std::uint64_t>(block::ceil_div(task.validation_rows, batch));
  }

  /// Points and noise of a batch, into `buffer`.
  __device__ void prepare(const Position& at, int buffer) const {
    const ModelPlan& plan = *memory.plan;
    const auto lane = lane_id();
    const bool training_batch = trains(at);
    const std::uint64_t number = training_batch ? at.number : at.number - training.steps_per_epoch;
    const auto first = static_cast<int>(number * static_cast<std::uint64_t>(plan.batch));
    const int rows = training_batch ? task.rows : task.validation_rows;
    const int count = block::smaller(plan.batch, rows - first);
    if (at.number == 0 && lane < 8)
      memory.scalars->keys[lane] = block::permutation_key(
          task.config.seed, Purpose::shuffle, task.config.model, static_cast<std::uint32_t>(at.epoch), lane);
    __syncwarp();
    const auto size = static_cast<std::uint32_t>(rows);
    const keyed_permutation::Halves halves = keyed_permutation::halves_of(size);
    const float* data = training_batch ? training.data : task.validation;
    for (int b = static_cast<int>(lane); b < most_rows; b += 32) {
      block::Four point{};
      if (b < count) {
        const auto place = static_cast<std::uint32_t>(first + b);
        const float* from =
            data + static_cast<std::ptrdiff_t>(
                       training_batch ? keyed_permutation::permute(place, size, halves, memory.scalars->keys)
                                      : place) *
                       plan.data_dim;
#pragma unroll
        for (int d = 0; d < narrow; ++d) point.at[d] = d < plan.data_dim ? from[d] : 0.0f;
      }
      block::store4(memory.x_of(buffer) + narrow * b, point);
    }
    const std::uint64_t step = at.epoch * training.steps_per_epoch + at.number;
    block::fill_noise(
        task.config.seed, training_batch ? Purpose::training_noise : Purpose::validation_noise,
        task.config.model, training_batch ? static_cast<std::uint32_t>(step) : 0u,
        training_batch ? 0 : static_cast<std::uint64_t>(first) * static_cast<std::uint64_t>(plan.latent),
        memory.noise_of(buffer), most_latent, plan.latent, count, lane, 32);
    if (lane == 0) {
      Batch& batch = memory.batches[buffer];
      batch.count = count;
      batch.training = training_batch ? 1 : 0;
      batch.kl_weight = static_cast<float>(task.loss.kl_weight) / static_cast<float>(count);
    }
    __syncwarp();
  }

  /// The factors of the errors in a prepared batch, once the decoder variance is what it will be then.
  __device__ void weigh(int buffer) const {
    Batch& batch = memory.batches[buffer];
    const auto lane = static_cast<int>(lane_id());
    if (lane < narrow)
      batch.error_factor[lane] =
          lane < memory.plan->data_dim
              ? 2.0f * static_cast<float>(memory.ledger.weight[lane]) / static_cast<float>(batch.count)
              : 0.0f;
    __syncwarp();
  }

  /// While the rows of a batch are on their way: Adam's coefficients for it.
  __device__ void set_rate(const Position& at) const {
    if (lane_id() == 0 && trains(at))
      memory.scalars->adam = adam_step(task.config, at.epoch * training.steps_per_epoch + at.number,
                                       task.config.epochs * training.steps_per_epoch);
    __syncwarp();
  }

  /// After the rows of a batch: its sums, and a learned variance moves. The others wait for no more.
  __device__ void settle(const Position& at, int buffer, block::Update& update) {
    const ModelPlan& plan = *memory.plan;
    const block::Ledger& ledger = memory.ledger;
    const int count = memory.batches[buffer].count;
    const int warps = block::ceil_div(count, rows_a_warp);
    const auto lane = static_cast<int>(lane_id());
    if (lane < plan.latent + plan.data_dim) {
      double sum = 0.0;
      for (int w = 0; w < warps; ++w) {
        const RowSums& rows = memory.sums[w];
        sum +=
            static_cast<double>(lane < plan.latent ? rows.kl[lane] : rows.squared_error[lane - plan.latent]);
      }
      (lane < plan.latent ? ledger.kl[lane] : ledger.squared_error[lane - plan.latent]) = sum;
    }
    __syncwarp();
    if (lane < plan.data_dim) {
      memory.before.variance[lane] = ledger.variance[lane];
      memory.before.weight[lane] = ledger.weight[lane];
    }
    if (lane == 0) memory.before.constants[0] = ledger.constants[0];
    __syncwarp();
    if (!trains(at)) return;
    if (!task.loss.variance_learned) return;
    update.step.step_size =
        static_cast<float>(kVarianceRateFactor * static_cast<double>(update.step.step_size));
    block::update_variance(task.loss, plan.data_dim, plan.log_variance, count, ledger, update);
    block::prepare_loss(task.loss, training.log_variance(), plan.data_dim, ledger);
  }

  /// After the update of a batch: the history's row, or the ELBO of held-out points.
  __device__ void account(const Position& at, int buffer) {
    const ModelPlan& plan = *memory.plan;
    const int count = memory.batches[buffer].count;
    const block::BatchMeans means =
        block::batch_means(task.loss, plan.data_dim, plan.latent, count, memory.before);
    if (!trains(at)) {
      validation_elbo += means.elbo * count;
      return;
    }
    block::add_to_row(means, plan.latent, count, memory.before);
    if (lane_id() == 0) {
      double squared = 0.0;
#pragma unroll
      for (int w = 0; w <= product_warps; ++w) squared += memory.ledger.norms[w];
      memory.ledger.row[plan.latent + 6] += sqrt(squared);
    }
    __syncwarp();
  }

  __device__ void clear_row() {
    validation_elbo = 0.0;
    for (int i = static_cast<int>(lane_id()); i < memory.plan->latent + 7; i += 32)
      memory.ledger.row[i] = 0.0;
    __syncwarp();
  }
};

}  // namespace gmmvae::cuda::fused
