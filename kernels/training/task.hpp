#pragma once

// What one block needs to train one model: plain data in device memory.

#include <cstddef>
#include <cstdint>

#include "gmmvae/training.hpp"
#include "kernels/block/loss.cuh"
#include "kernels/training/plan.hpp"

namespace gmmvae::cuda {

/// Points that a task or a call has at most: kernels count them in int, up to a batch beyond the last one.
inline constexpr std::size_t most_points = std::size_t{1} << 30;

/// How far a task is; written by its block, read by the host after a launch.
struct TaskState {
  std::uint64_t epoch = 0;
  std::uint64_t best_epoch = 0;
  double best_elbo = 0.0;   ///< validation ELBO of the best epoch
  double first_loss = 0.0;  ///< of the history's first row
  int has_first = 0;        ///< whether there is one
  int has_best = 0;
  int new_rows = 0;  ///< epochs that the last launch appended
  int moments = 0;   ///< which of the two buffers holds the last good epoch's
  TrainingStatus status = TrainingStatus::running;
};

/// Adam's hyperparameters and the schedule, as TrainingConfig has them.
struct TaskConfig {
  double learning_rate = 0.0;
  double beta1 = 0.0;
  double beta2 = 0.0;
  double epsilon = 0.0;
  LearningRateSchedule schedule = LearningRateSchedule::constant;
  std::uint64_t epochs = 0;
  std::uint64_t patience = 0;
  std::uint64_t seed = 0;
  std::uint32_t model = 0;
};

struct TrainingTask {
  int plan = 0;            ///< its number in the table
  int data_in_shared = 0;  ///< whether the block copies the points to shared memory first
  int rows = 0;            ///< training points
  int validation_rows = 0;
  const float* data = nullptr;        ///< [rows][data_dim]
  const float* validation = nullptr;  ///< [validation_rows][data_dim]
  float* parameters = nullptr;        ///< packed, of the last good epoch
  float* best_parameters = nullptr;   ///< packed, with patience
  /// Adam's moments, packed: first and second of buffer 0, first and second of buffer 1. The first step of an
  /// epoch reads one buffer and writes the other, so that the last good epoch's are never lost.
  float* moments = nullptr;
  float* workspace = nullptr;  ///< of a streamed model: parameters at work, then the slots
  double* history = nullptr;   ///< [epochs of a launch][latent + 7]
  TaskState* state = nullptr;
  TaskConfig config;
  block::LossConstants loss;
};

/// The tables that all tasks of a launch share.
struct PlanTables {
  const ModelPlan* plans = nullptr;
  const DenseLayer* layers = nullptr;
  const int* slot_floats = nullptr;
};

}  // namespace gmmvae::cuda
