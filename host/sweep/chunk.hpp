#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "host/parallel/thread_pool.hpp"
#include "host/sweep/plan.hpp"
#include "host/sweep/runner.hpp"
#include "host/sweep/store.hpp"
#include "host/training/session.hpp"

namespace gmmvae {

/// Data sets by the options that they are drawn from, each drawn once.
class SharedData {
 public:
  explicit SharedData(std::function<Dataset(const Settings&)> draw) : draw_(std::move(draw)) {}
  /// May be called from several threads.
  std::shared_ptr<const Dataset> of(const Settings& trial);
  /// Forgets the sets that no trial holds any more. Not beside a call of of().
  void forget_unused();

 private:
  struct Entry {
    std::once_flag drawn;
    std::shared_ptr<const Dataset> data;
  };
  std::function<Dataset(const Settings&)> draw_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> sets_;
};

/// The trials of one chunk, from their preparation to what is stored.
class Chunk {
 public:
  /// Prepares `trials`, on the threads of `pool`; those in `paused` go on from there.
  Chunk(const SweepPlan& plan, const std::vector<PlannedTrial>& trials, const PausedTrials& paused,
        SharedData& sets, bool describe_models, ThreadPool& pool);

  [[nodiscard]] std::size_t size() const { return trials_.size(); }
  /// Where none of the trials is possible, an error that says so of the first; else nothing.
  [[nodiscard]] std::optional<Error> impossible() const;

  /// Trains until every trial has come to its end or was given up, or the control says stop.
  void train(Backend& backend, const SweepControl& control);
  /// Whether train() came to its end.
  [[nodiscard]] bool complete() const;

  /// Of the trials that came to an end: where trials are pruned, of all or none. Models are judged on the
  /// threads of `pool`, whatever `device` trained them.
  [[nodiscard]] std::vector<TrialRecord> records(const std::string& device, ThreadPool& pool) const;
  /// What is needed to go on with the others.
  [[nodiscard]] PausedTrials paused() const;
  [[nodiscard]] Vae model(const TrialId& id) const;

 private:
  struct Trial {
    std::uint64_t number = 0;  ///< in the plan
    TrialId id;
    std::uint64_t seed = 1;
    std::shared_ptr<const Dataset> data;
    std::unique_ptr<TrainingSession> session;  ///< null where the trial is impossible
    std::optional<Error> impossible;           ///< why it is
    Prediction prediction;
    double seconds = 0.0;
    std::uint64_t pruned_after = 0;  ///< epochs; 0: it is in the race
  };

  /// Whether nothing is left to train.
  static bool over(const Trial& trial);
  void prepare(const PlannedTrial& planned, const PausedTrials& paused, SharedData& sets, bool describe_model,
               Trial& trial) const;
  void advance(Backend& backend, const SweepControl& control, std::uint64_t epoch);
  void train_together(Backend& backend, const SweepControl& control, const std::vector<Trial*>& together,
                      std::uint64_t epochs);
  void prune(std::uint64_t epoch);
  [[nodiscard]] TrialRecord record_of(const Trial& trial) const;
  [[nodiscard]] bool prunes() const { return plan_.pruning().rule != PruningRule::none; }

  const SweepPlan& plan_;
  std::vector<Trial> trials_;
};

}  // namespace gmmvae
