#include "host/sweep/chunk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/config/builders.hpp"
#include "host/study/model_study.hpp"
#include "host/sweep/judging.hpp"
#include "host/sweep/pruning.hpp"
#include "host/training/identity.hpp"

namespace gmmvae {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kToTheEnd = std::numeric_limits<std::uint64_t>::max();

bool running(const TrainingSession& session) {
  return session.state(0).status == TrainingStatus::running;
}

/// Whether a trial was in the race when its cohort was compared after `epoch`: it had done so many epochs and
/// had some to go. One that diverges is back in its last good epoch, and so was there all the same.
bool competed(const TrainingSession& session, std::uint64_t epochs, std::uint64_t epoch) {
  const TrainingState& state = session.state(0);
  const bool ended_there = state.epoch == epoch && state.status == TrainingStatus::stopped_early;
  return state.epoch >= epoch && epochs > epoch && !ended_there;
}

}  // namespace

std::shared_ptr<const Dataset> SharedData::of(const Settings& trial) {
  const std::string key = trial.to_toml(
      false, [](const Option& option) { return option.group == "Mixture" || option.name == "seed"; });
  std::shared_ptr<Entry> entry;
  {
    const std::scoped_lock lock(mutex_);
    std::shared_ptr<Entry>& known = sets_[key];
    if (known == nullptr) known = std::make_shared<Entry>();
    entry = known;
  }
  std::call_once(entry->drawn, [&] { entry->data = std::make_shared<const Dataset>(draw_(trial)); });
  return entry->data;
}

void SharedData::forget_unused() {
  std::erase_if(sets_, [](const auto& set) { return set.second->data.use_count() <= 1; });
}

Chunk::Chunk(const SweepPlan& plan, const std::vector<PlannedTrial>& trials, const PausedTrials& paused,
             SharedData& sets, bool describe_models, ThreadPool& pool)
    : plan_(plan), trials_(trials.size()) {
  pool.run(trials.size(), [&](std::size_t t) {
    try {
      prepare(trials[t], paused, sets, describe_models, trials_[t]);
    } catch (const Error& error) {
      if (error.code() != ExitCode::usage && error.code() != ExitCode::data) throw;
      trials_[t].session.reset();
      trials_[t].impossible = error;
    }
  });
}

std::optional<Error> Chunk::impossible() const {
  const bool none = std::all_of(trials_.begin(), trials_.end(),
                                [](const Trial& trial) { return trial.impossible.has_value(); });
  if (!none || trials_.empty()) return std::nullopt;
  const Trial& first = trials_.front();
  return Error(first.impossible->code(), fmt::format("trial {} ({}): {}", first.number,
                                                     plan_.describe(first.number), first.impossible->what()));
}

bool Chunk::over(const Trial& trial) {
  return trial.session == nullptr || trial.pruned_after > 0 || !running(*trial.session);
}

void Chunk::prepare(const PlannedTrial& planned, const PausedTrials& paused, SharedData& sets,
                    bool describe_model, Trial& trial) const {
  trial.number = planned.trial;
  trial.id = planned.id;
  const Settings settings = plan_.settings_of(planned.trial);
  trial.seed = settings.count("seed");
  trial.data = sets.of(settings);
  const TrainingPlan training = training_plan(settings, trial.data->x.cols());
  trial.session = std::make_unique<TrainingSession>(
      training, *trial.data, describe_model ? training_identity(settings, *trial.data) : "");
  trial.prediction = predict_model(training.objective, trial.session->vae().scaler,
                                   training.architecture.latent, *trial.data);
  const auto found = paused.find(planned.id);
  if (found == paused.end()) return;
  trial.session->restore({"", {found->second.state}});
  trial.seconds = found->second.seconds;
}

void Chunk::train(Backend& backend, const SweepControl& control) {
  std::uint64_t longest = 0;
  for (Trial& trial : trials_)
    if (trial.session != nullptr)
      longest = std::max<std::uint64_t>(longest, trial.session->jobs()[0].config.epochs);
  for (const std::uint64_t epoch : pruning_epochs(plan_.pruning(), longest)) {
    advance(backend, control, epoch);
    const bool there = std::all_of(trials_.begin(), trials_.end(), [&](const Trial& trial) {
      return over(trial) || trial.session->epochs() >= epoch;
    });
    if (!there) return;  // stopped; what was decided before is decided again from the histories
    prune(epoch);
  }
  advance(backend, control, kToTheEnd);
}

/// Trains the trials in the race to that epoch. They are in step, but for those that a stop caught.
void Chunk::advance(Backend& backend, const SweepControl& control, std::uint64_t epoch) {
  std::map<std::uint64_t, std::vector<Trial*>> behind;
  for (Trial& trial : trials_) {
    if (over(trial)) continue;
    const std::uint64_t done = trial.session->epochs();
    if (done < epoch) behind[epoch == kToTheEnd ? 0 : done].push_back(&trial);
  }
  for (const auto& [done, together] : behind)
    train_together(backend, control, together, epoch == kToTheEnd ? 0 : epoch - done);
}

void Chunk::train_together(Backend& backend, const SweepControl& control, const std::vector<Trial*>& together,
                           std::uint64_t epochs) {
  std::vector<TrainingJob> jobs;
  std::vector<std::uint64_t> before;
  for (Trial* trial : together) {
    before.push_back(trial->session->epochs());
    jobs.push_back(std::move(trial->session->jobs()[0]));
  }
  TrainingControl inner;
  inner.should_stop = control.should_stop;
  inner.on_epochs = control.on_epochs;
  inner.max_epochs = epochs;
  const Clock::time_point start = Clock::now();
  backend.train(jobs, inner);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::uint64_t all = 0;
  for (std::size_t t = 0; t < together.size(); ++t) {
    together[t]->session->jobs()[0] = std::move(jobs[t]);
    all += together[t]->session->epochs() - before[t];
  }
  for (std::size_t t = 0; t < together.size(); ++t)
    together[t]->seconds += seconds * static_cast<double>(together[t]->session->epochs() - before[t]) /
                            static_cast<double>(std::max<std::uint64_t>(all, 1));
}

void Chunk::prune(std::uint64_t epoch) {
  std::vector<Trial*> contenders;
  std::vector<const History*> histories;
  for (Trial& trial : trials_) {
    if (trial.session == nullptr || trial.pruned_after > 0 ||
        !competed(*trial.session, trial.session->jobs()[0].config.epochs, epoch))
      continue;
    contenders.push_back(&trial);
    histories.push_back(&trial.session->state(0).history);
  }
  const std::vector<bool> kept = surviving(plan_.pruning(), epoch, histories);
  for (std::size_t t = 0; t < contenders.size(); ++t)
    if (!kept[t]) contenders[t]->pruned_after = epoch;
}

bool Chunk::complete() const {
  return std::all_of(trials_.begin(), trials_.end(), over);
}

TrialRecord Chunk::record_of(const Trial& trial) const {
  constexpr double none = std::numeric_limits<double>::quiet_NaN();
  TrialRecord record;
  record.id = trial.id;
  record.loss = record.reconstruction = record.kl = record.decoder_variance = record.elbo = none;
  record.high_quality = none;
  if (trial.session == nullptr) {
    record.status = TrialStatus::impossible;
    record.why = trial.impossible->what();
    record.effective_variance = record.largest_eigenvalue = none;
    record.metrics.assign(plan_.metrics().size(), none);
    return record;
  }
  const TrainingState& state = trial.session->state(0);
  record.epochs = state.epoch;
  record.predicted = trial.prediction.verdict;
  record.effective_variance = trial.prediction.effective_variance;
  record.largest_eigenvalue = trial.prediction.eigenvalues.front();
  record.seconds = trial.seconds;
  const std::uint64_t kept = trial.session->kept_epoch(0);
  if (kept > 0) {
    const History& history = state.history;
    record.loss = history.loss(kept - 1);
    record.reconstruction = history.reconstruction(kept - 1);
    record.kl = history.kl(kept - 1);
    record.decoder_variance = history.decoder_variance(kept - 1);
    record.elbo = history.elbo(kept - 1);
  }
  if (trial.pruned_after > 0) {
    record.status = TrialStatus::pruned;
    record.why = fmt::format("given up after epoch {} of its cohort", trial.pruned_after);
  } else if (state.status == TrainingStatus::diverged) {
    record.status = TrialStatus::diverged;
    record.why = fmt::format("the loss exploded after epoch {}", state.epoch);
    record.metrics.assign(plan_.metrics().size(), none);
    return record;
  }
  judge_model(*make_cpu_backend(1), trial.session->vae(), *trial.data, trial.seed, plan_.metrics(), record);
  return record;
}

std::vector<TrialRecord> Chunk::records(const std::string& device, ThreadPool& pool) const {
  std::vector<const Trial*> ended;
  for (const Trial& trial : trials_)
    if (over(trial)) ended.push_back(&trial);
  if (prunes() && !complete()) ended.clear();
  std::vector<TrialRecord> made(ended.size());
  pool.run(ended.size(), [&](std::size_t t) { made[t] = record_of(*ended[t]); });
  for (TrialRecord& record : made) record.device = device;
  return made;
}

PausedTrials Chunk::paused() const {
  PausedTrials made;
  if (complete()) return made;
  for (const Trial& trial : trials_)
    if (trial.session != nullptr && trial.session->epochs() > 0 && (prunes() || running(*trial.session)))
      made[trial.id] = {trial.session->state(0), trial.seconds};
  return made;
}

Vae Chunk::model(const TrialId& id) const {
  const auto found =
      std::find_if(trials_.begin(), trials_.end(), [&](const Trial& trial) { return trial.id == id; });
  return found->session->vae();
}

}  // namespace gmmvae
