#include "host/sweep/runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <utility>

#include "gmmvae/error.hpp"
#include "gmmvae/evaluation.hpp"
#include "host/config/builders.hpp"
#include "host/study/model_study.hpp"
#include "host/training/session.hpp"
#include "host/vae/sampling.hpp"

namespace gmmvae {
namespace {

using Clock = std::chrono::steady_clock;

/// The standard error of a fraction is then at most 1.1 %.
constexpr std::size_t kGenerated = 2000;

struct Trial {
  std::string id;
  std::uint64_t seed = 1;
  std::shared_ptr<const Dataset> data;
  std::unique_ptr<TrainingSession> session;
  Prediction prediction;
  std::uint64_t epochs_before = 0;  ///< done by earlier runs, in so many seconds
  double seconds = 0.0;
};

/// Data sets by the options that they are drawn from.
class SharedData {
 public:
  explicit SharedData(const SweepControl& control) : control_(control) {}
  std::shared_ptr<const Dataset> of(const Settings& trial) {
    const std::string key = trial.to_toml(
        false, [](const Option& option) { return option.group == "Mixture" || option.name == "seed"; });
    std::shared_ptr<const Dataset>& data = sets_[key];
    if (data == nullptr) data = std::make_shared<const Dataset>(control_.draw(trial));
    return data;
  }

 private:
  const SweepControl& control_;
  std::map<std::string, std::shared_ptr<const Dataset>> sets_;
};

Trial prepare(const Settings& settings, std::string id, SharedData& sets) {
  Trial trial;
  trial.id = std::move(id);
  trial.seed = settings.count("seed");
  trial.data = sets.of(settings);
  const TrainingPlan plan = training_plan(settings, trial.data->x.cols());
  trial.session = std::make_unique<TrainingSession>(plan, *trial.data, "");
  trial.prediction =
      predict_model(plan.objective, trial.session->vae().scaler, plan.architecture.latent, *trial.data);
  return trial;
}

/// Puts a trial where an earlier run stopped it. Throws DataError where the state is not of this trial.
void resume(Trial& trial, const PausedTrials& paused) {
  const auto found = paused.find(trial.id);
  if (found == paused.end()) return;
  trial.session->restore({"", {found->second.state}});
  trial.epochs_before = trial.session->epochs();
  trial.seconds = found->second.seconds;
}

/// What the posteriors of the data say: mean KL and variance of the mean, for each latent dimension.
CollapseEvidence evidence_of(const Posterior& posterior) {
  CollapseEvidence evidence;
  const auto count = static_cast<double>(posterior.mean.rows());
  for (std::size_t j = 0; j < posterior.mean.cols(); ++j) {
    double kl = 0.0, sum = 0.0, squares = 0.0;
    for (std::size_t i = 0; i < posterior.mean.rows(); ++i) {
      const double mean = posterior.mean(i, j), variance = posterior.variance(i, j);
      kl += 0.5 * (mean * mean + variance - 1.0 - std::log(variance));
      sum += mean;
    }
    for (std::size_t i = 0; i < posterior.mean.rows(); ++i)
      squares += std::pow(posterior.mean(i, j) - sum / count, 2);
    evidence.kl_per_dimension.push_back(kl / count);
    evidence.posterior_mean_variance.push_back(squares / count);
  }
  return evidence;
}

void judge_model(const Trial& trial, Backend& backend, TrialRecord& record) {
  const Vae vae = trial.session->vae();
  const CollapseEvidence evidence = evidence_of(encode_points(backend, vae, 0, trial.data->x));
  record.kl_per_dimension = evidence.kl_per_dimension;
  record.active_units = active_units(evidence.posterior_mean_variance);
  record.found = judge(evidence).verdict;
  const ModeCoverage modes =
      mode_coverage(sample_model(backend, vae, 0, kGenerated, true, trial.seed), *trial.data->mixture);
  record.modes_total = modes.total;
  record.modes_hit = modes.hit;
  record.modes_captured = modes.captured;
  record.high_quality = modes.high_quality;
}

TrialRecord record_of(const Trial& trial, Backend& backend) {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  const TrainingState& state = trial.session->state(0);
  TrialRecord record;
  record.id = trial.id;
  record.epochs = state.epoch;
  record.predicted = trial.prediction.verdict;
  record.device = backend.description();
  record.loss = record.reconstruction = record.kl = record.decoder_variance = record.elbo = none;
  record.high_quality = none;
  const std::uint64_t kept = trial.session->kept_epoch(0);
  if (kept > 0) {
    const History& history = state.history;
    record.loss = history.loss(kept - 1);
    record.reconstruction = history.reconstruction(kept - 1);
    record.kl = history.kl(kept - 1);
    record.decoder_variance = history.decoder_variance(kept - 1);
    record.elbo = history.elbo(kept - 1);
  }
  if (state.status == TrainingStatus::diverged) {
    record.status = TrialStatus::diverged;
    record.why = fmt::format("the loss exploded after epoch {}", state.epoch);
  } else {
    judge_model(trial, backend, record);
  }
  return record;
}

/// The trials of one chunk, from their preparation to what is stored.
class Chunk {
 public:
  Chunk(const SweepPlan& plan, std::uint64_t index, const std::unordered_set<std::string>& finished,
        const PausedTrials& paused, const SweepControl& control) {
    SharedData sets(control);
    const std::uint64_t size = plan.space().chunk_size(), first = index * size;
    for (std::uint64_t i = first; i < std::min(first + size, plan.space().size()); ++i) {
      if (!plan.keeps(i)) continue;
      const Settings settings = plan.settings_of(i);
      std::string id = trial_identity(settings);
      // Random points may fall on the same combination twice.
      if (finished.contains(id) || !taken_.insert(id).second) continue;
      try {
        trials_.push_back(prepare(settings, std::move(id), sets));
        resume(trials_.back(), paused);
      } catch (const UsageError& error) {
        throw UsageError(fmt::format("trial {} ({}): {}", i, plan.describe(i), error.what()));
      }
    }
  }

  [[nodiscard]] std::size_t size() const { return trials_.size(); }

  void train(Backend& backend, const SweepControl& control) {
    std::vector<TrainingJob> jobs;
    for (Trial& trial : trials_) jobs.push_back(std::move(trial.session->jobs()[0]));
    TrainingControl inner;
    inner.should_stop = control.should_stop;
    inner.on_epochs = control.on_epochs;
    const Clock::time_point start = Clock::now();
    backend.train(jobs, inner);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    for (std::size_t t = 0; t < trials_.size(); ++t) trials_[t].session->jobs()[0] = std::move(jobs[t]);
    std::uint64_t epochs = 0;
    for (const Trial& trial : trials_) epochs += trial.session->epochs() - trial.epochs_before;
    for (Trial& trial : trials_)
      trial.seconds += seconds * static_cast<double>(trial.session->epochs() - trial.epochs_before) /
                       static_cast<double>(std::max<std::uint64_t>(epochs, 1));
  }

  /// Of the trials that came to an end.
  [[nodiscard]] std::vector<TrialRecord> records(Backend& backend) const {
    std::vector<TrialRecord> made;
    for (const Trial& trial : trials_) {
      if (trial.session->status() == TrainingStatus::running) continue;
      made.push_back(record_of(trial, backend));
      made.back().seconds = trial.seconds;
    }
    return made;
  }

  /// Those that were stopped on their way.
  [[nodiscard]] PausedTrials paused() const {
    PausedTrials made;
    for (const Trial& trial : trials_)
      if (trial.session->status() == TrainingStatus::running && trial.session->epochs() > 0)
        made[trial.id] = {trial.session->state(0), trial.seconds};
    return made;
  }

 private:
  std::vector<Trial> trials_;
  std::unordered_set<std::string> taken_;
};

}  // namespace

SweepOutcome run_shard(const SweepPlan& plan, const Shard& shard,
                       const std::unordered_set<std::string>& finished, Backend& backend, SweepStore& store,
                       const SweepControl& control) {
  SweepOutcome outcome;
  const PausedTrials paused = store.read_paused();
  for (std::uint64_t index = shard.index; index < plan.space().chunks(); index += shard.count) {
    if (control.should_stop()) {
      outcome.stopped = true;
      break;
    }
    Chunk chunk(plan, index, finished, paused, control);
    if (chunk.size() == 0) continue;
    chunk.train(backend, control);
    const std::vector<TrialRecord> records = chunk.records(backend);
    store.save(records, chunk.paused());
    outcome.run += records.size();
    outcome.failed += static_cast<std::uint64_t>(
        std::count_if(records.begin(), records.end(),
                      [](const TrialRecord& record) { return record.status != TrialStatus::done; }));
    if (records.size() < chunk.size()) outcome.stopped = true;
    if (outcome.stopped) break;
  }
  return outcome;
}

}  // namespace gmmvae
