#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/training.hpp"
#include "gmmvae/vae.hpp"
#include "host/io/checkpoint_file.hpp"

namespace gmmvae {

/// What is to be trained: `models` VAEs that are alike but for their random numbers.
struct TrainingPlan {
  Architecture architecture;
  Objective objective;
  TrainingConfig config;
  Initialization initialization = Initialization::linear;
  ScaleKind scale = ScaleKind::standard;
  double validation = 0.0;  ///< fraction of the rows that is held out
  std::size_t models = 1;
};

/// How a caller watches, stops and secures a training. The functions are called from the training threads:
/// they must be thread-safe.
struct SessionControl {
  std::function<bool()> should_stop = [] { return false; };
  std::function<void(std::uint64_t)> on_epochs = [](std::uint64_t) {};  ///< told of epochs just finished
  std::string checkpoint;         ///< the file to save to; "": nothing is saved
  double checkpoint_every = 0.0;  ///< seconds; 0: only when the training stops before its end
};

/// A training with everything it needs: the scaled data, split into what is trained on and what is held out,
/// and the state of every model. It may be stopped and, from a checkpoint, gone on with as if it had not been
/// stopped.
class TrainingSession {
 public:
  /// Fits the scaler on the rows that are not held out; `config` is kept in checkpoints and in the model.
  /// Throws UsageError for a plan that cannot be carried out on this data, DataError for data without rows.
  TrainingSession(const TrainingPlan& plan, const Dataset& data, std::string config);
  // The jobs point into the data.
  TrainingSession(const TrainingSession&) = delete;
  TrainingSession& operator=(const TrainingSession&) = delete;

  /// Puts the models in a checkpoint's states. Throws DataError, and changes nothing, where they do not
  /// belong to this plan; whether its configuration is this session's is for the caller to ask
  /// (require_same_training).
  void restore(Checkpoint checkpoint);
  [[nodiscard]] Checkpoint checkpoint() const;

  /// Trains until every model is done, one has diverged, or the control asks for a stop; returns status().
  /// What ends before all models are done is saved to control.checkpoint, and so is the state every
  /// checkpoint_every seconds.
  TrainingStatus advance(Backend& backend, const SessionControl& control = {});

  /// diverged where a model has, else running where a model is not done yet, else finished.
  [[nodiscard]] TrainingStatus status() const;
  [[nodiscard]] const TrainingState& state(std::size_t model) const { return jobs_.at(model).state; }
  [[nodiscard]] std::vector<TrainingState> states() const;
  [[nodiscard]] std::size_t models() const { return jobs_.size(); }
  /// Epochs done by all models together.
  [[nodiscard]] std::uint64_t epochs() const;
  /// The epoch whose parameters the model in vae() has, from 1: the best one with patience, else the last
  /// one.
  [[nodiscard]] std::uint64_t kept_epoch(std::size_t model) const;
  [[nodiscard]] std::size_t training_rows() const { return training_.rows(); }
  [[nodiscard]] std::size_t validation_rows() const { return validation_.rows(); }
  /// Wall-clock seconds spent inside the backend's training, by this session alone.
  [[nodiscard]] double seconds() const { return seconds_; }

  /// The models' jobs, for a caller that trains many sessions in one call of the backend.
  [[nodiscard]] std::vector<TrainingJob>& jobs() { return jobs_; }

  /// All models as they are now, see kept_epoch().
  [[nodiscard]] Vae vae() const;

 private:
  void train_until_stop(Backend& backend, const SessionControl& control, bool& stopped);

  std::string config_;
  Scaler scaler_;
  Matrix<float> training_;    ///< [N,D], scaled
  Matrix<float> validation_;  ///< [V,D], scaled
  std::vector<TrainingJob> jobs_;
  double seconds_ = 0.0;
};

}  // namespace gmmvae
