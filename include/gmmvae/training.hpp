#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/objective.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

enum class LearningRateSchedule { constant, cosine, linear };
/// How products of matrices are formed. tf32x3 takes tensor cores and is as exact as fp32 within a small
/// factor (kernels/training/fused/tensor.cuh); only the CUDA backend has it.
enum class Arithmetic { fp32, tf32x3 };

/// A learned decoder variance is a parameter group of its own, with this many times the learning rate: under
/// Adam a single logarithm moves by at most the learning rate a step, and would need thousands of steps to
/// find its scale.
inline constexpr double kVarianceRateFactor = 10.0;

/// Adam with PyTorch's conventions: bias correction by step, epsilon added to the corrected root.
struct TrainingConfig {
  std::size_t epochs = 100;
  std::size_t batch = 96;  ///< the last batch of an epoch may be shorter; larger than N means N
  double learning_rate = 1e-3;
  LearningRateSchedule schedule = LearningRateSchedule::constant;  ///< per step, down to 0 at the last one
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.999;
  double adam_epsilon = 1e-8;
  std::size_t patience = 0;  ///< stop after this many epochs without a better validation ELBO; 0: never
  std::uint64_t seed = 1;
  Arithmetic arithmetic = Arithmetic::fp32;

  bool operator==(const TrainingConfig&) const = default;
};

/// The learning rate of step `step` (from 0) out of `steps`.
double learning_rate_at(const TrainingConfig& config, std::uint64_t step, std::uint64_t steps);

/// One row an epoch. All values are unweighted means over the epoch's batches, as the course prints them,
/// but decoder_variance (after the epoch) and elbo_validation (on the held-out points, after the epoch).
/// kl and kl_j are nats per sample, summed over latent dimensions; elbo is nats per sample in raw units.
/// loss = reconstruction + beta * kl, and reconstruction + beta * kl / Z for the course objective.
class History {
 public:
  explicit History(std::size_t latent = 0) : latent_(latent) {}

  /// Columns of one row: loss, reconstruction, kl, kl_1 .. kl_Z, decoder_variance, elbo, elbo_validation,
  /// grad_norm.
  [[nodiscard]] std::size_t width() const { return latent_ + 7; }
  [[nodiscard]] std::size_t latent() const { return latent_; }
  [[nodiscard]] std::size_t epochs() const { return values_.size() / width(); }
  [[nodiscard]] std::span<const double> row(std::size_t epoch) const {
    return {values_.data() + epoch * width(), width()};
  }
  [[nodiscard]] double loss(std::size_t epoch) const { return row(epoch)[0]; }
  [[nodiscard]] double reconstruction(std::size_t epoch) const { return row(epoch)[1]; }
  [[nodiscard]] double kl(std::size_t epoch) const { return row(epoch)[2]; }
  [[nodiscard]] std::span<const double> kl_per_dimension(std::size_t epoch) const {
    return row(epoch).subspan(3, latent_);
  }
  [[nodiscard]] double decoder_variance(std::size_t epoch) const { return row(epoch)[latent_ + 3]; }
  [[nodiscard]] double elbo(std::size_t epoch) const { return row(epoch)[latent_ + 4]; }
  [[nodiscard]] double elbo_validation(std::size_t epoch) const { return row(epoch)[latent_ + 5]; }
  [[nodiscard]] double grad_norm(std::size_t epoch) const { return row(epoch)[latent_ + 6]; }
  /// Names of the columns of a row, in order.
  [[nodiscard]] std::vector<std::string> column_names() const;
  [[nodiscard]] const std::vector<double>& values() const { return values_; }

  void append(std::span<const double> row) { values_.insert(values_.end(), row.begin(), row.end()); }
  void truncate(std::size_t epochs) { values_.resize(epochs * width()); }
  void reserve(std::size_t epochs) { values_.reserve(epochs * width()); }

 private:
  std::size_t latent_;
  std::vector<double> values_;
};

enum class TrainingStatus { running, finished, stopped_early, diverged };

/// Everything that a stopped training needs to go on as if it had not stopped.
struct TrainingState {
  std::vector<float> parameters;     ///< [ParameterLayout::size()]
  std::vector<float> first_moment;   ///< Adam's m, same shape
  std::vector<float> second_moment;  ///< Adam's v, same shape
  std::uint64_t epoch = 0;           ///< epochs done; steps done = epoch * steps per epoch
  History history;
  TrainingStatus status = TrainingStatus::running;
  // With patience, the best epoch so far by validation ELBO and its parameters (else empty).
  std::uint64_t best_epoch = 0;
  std::vector<float> best_parameters;
};

/// One model to train on one data set. Jobs of one call may differ in everything.
struct TrainingJob {
  Architecture architecture;
  Objective objective;
  TrainingConfig config;
  MatrixView<float> data;        ///< [N,D], scaled
  MatrixView<float> validation;  ///< [V,D], scaled, or empty
  double log_jacobian = 0.0;     ///< of the scaler
  std::uint32_t model = 0;       ///< index within --models; part of every random stream
  TrainingState state;           ///< in and out
};

/// A fresh state: initial parameters, zero moments, no history.
TrainingState initial_state(const TrainingJob& job, Initialization initialization);

/// How a caller watches and stops a training. Called from the training threads: must be thread-safe.
struct TrainingControl {
  /// Asked after each epoch of a model, or, on a GPU, after each slice of epochs (some tenths of a second at
  /// most, or one epoch); true ends the call after the epochs under way.
  std::function<bool()> should_stop = [] { return false; };
  /// Told the number of epochs just finished, over all jobs.
  std::function<void(std::uint64_t)> on_epochs = [](std::uint64_t) {};
  /// Told at once of each job that diverges.
  std::function<void()> on_diverged = [] {};
  /// Most epochs to advance each job in this call; 0: to its end.
  std::uint64_t max_epochs = 0;
};

/// One batch's loss terms and gradient, in double whatever the precision they were computed in. For tests and
/// study.
struct LossGradient {
  double loss = 0.0;
  double reconstruction = 0.0;
  std::vector<double> kl_per_dimension;  ///< [Z], mean over the batch, nats
  std::vector<double> gradient;          ///< of the loss, [ParameterLayout::size()]
};

}  // namespace gmmvae
