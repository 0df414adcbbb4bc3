#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "host/app/console.hpp"
#include "host/config/settings.hpp"
#include "host/study/model_study.hpp"
#include "host/study/run_directory.hpp"
#include "host/training/session.hpp"

namespace gmmvae {

/// One model that `run` is to train.
struct RunModelPlan {
  std::string name;
  TrainingPlan training;
  std::string identity;  ///< training_identity of it
  Prediction prediction;
};

/// Reads the [model.NAME] tables. Throws UsageError before anything is written.
std::vector<RunModelPlan> plan_run(const Settings& settings, const Dataset& data);

/// How long a model took, for run.json.
struct TrainingTime {
  std::string model;
  double seconds = 0.0;     ///< inside the backend, in this process
  std::uint64_t steps = 0;  ///< done in these
};

struct RunTraining {
  std::vector<ModelStudy> models;      ///< trained to their end; name, vae, history and prediction filled
  std::vector<ModelFailure> failures;  ///< diverged
  std::vector<TrainingTime> times;
  bool stopped = false;  ///< by a signal or the time limit: everything is saved
};

/// Trains every model of the plans, one after another, in the run's folder: goes on from checkpoints and
/// keeps what is finished there. Says what was predicted of each model before its training.
RunTraining train_models(const std::vector<RunModelPlan>& plans, const Dataset& data,
                         const RunDirectory& folder, Backend& backend, const Settings& settings,
                         const Console& console);

}  // namespace gmmvae
