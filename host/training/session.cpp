#include "host/training/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/data/rows.hpp"

namespace gmmvae {
namespace {

using Clock = std::chrono::steady_clock;

/// Steps are part of the random numbers' counter, which has room for so many.
constexpr std::uint64_t kMostSteps = std::uint64_t{1} << 30;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void require_countable_steps(const TrainingConfig& config, std::size_t rows) {
  const std::uint64_t batch = std::min<std::uint64_t>(config.batch, rows);
  const std::uint64_t steps = (rows + batch - 1) / batch;
  if (config.epochs <= kMostSteps / steps) return;
  throw UsageError(
      fmt::format("{} epochs of {} steps are more than the {} steps that a training can have: take fewer "
                  "epochs or a larger batch",
                  config.epochs, steps, kMostSteps));
}

void require_points_to_validate(const TrainingPlan& plan, std::size_t rows, std::size_t held_out) {
  if (plan.config.patience == 0 || held_out > 0) return;
  throw UsageError(
      fmt::format("patience needs points to validate on, but --validation {} of {} rows holds out none",
                  plan.validation, rows));
}

bool fits(const TrainingState& state, const TrainingJob& job) {
  const std::size_t size = job.state.parameters.size();
  const bool may_have_best = job.config.patience > 0;
  const bool best_fits = state.best_parameters.empty()
                             ? state.best_epoch == 0
                             : may_have_best && state.best_parameters.size() == size &&
                                   state.best_epoch >= 1 && state.best_epoch <= state.epoch;
  return state.parameters.size() == size && state.first_moment.size() == size &&
         state.second_moment.size() == size && state.history.latent() == job.architecture.latent &&
         state.history.epochs() == state.epoch && state.epoch <= job.config.epochs && best_fits;
}

}  // namespace

TrainingSession::TrainingSession(const TrainingPlan& plan, const Dataset& data, std::string config)
    : config_(std::move(config)) {
  const std::size_t rows = data.x.rows();
  if (data.x.empty()) throw DataError("The data hold no rows, so there is nothing to train on.");
  if (rows > std::numeric_limits<std::int32_t>::max())
    throw DataError(fmt::format("The data hold {} rows; a training takes at most {}.", rows,
                                std::numeric_limits<std::int32_t>::max()));
  if (plan.models == 0 || plan.models > std::numeric_limits<std::uint32_t>::max())
    throw UsageError(fmt::format("{} models cannot be trained: it takes at least one", plan.models));
  const Split split = validation_split(rows, plan.validation, plan.config.seed);
  require_points_to_validate(plan, rows, split.validation.size());
  require_countable_steps(plan.config, split.training.size());
  const Matrix<float> kept = gather_rows(data.x, split.training);
  scaler_ = Scaler::fit(plan.scale, kept);
  training_ = scaler_.apply(kept);
  validation_ = scaler_.apply(gather_rows(data.x, split.validation));
  jobs_.resize(plan.models);
  for (std::size_t model = 0; model < plan.models; ++model) {
    TrainingJob& job = jobs_[model];
    job.architecture = plan.architecture;
    job.objective = plan.objective;
    job.config = plan.config;
    job.data = training_;
    job.validation = validation_;
    job.log_jacobian = scaler_.log_jacobian();
    job.model = static_cast<std::uint32_t>(model);
    job.state = initial_state(job, plan.initialization);
  }
}

void TrainingSession::restore(Checkpoint checkpoint) {
  if (checkpoint.states.size() != jobs_.size())
    throw DataError(fmt::format("the checkpoint holds {} models, but {} are to be trained",
                                checkpoint.states.size(), jobs_.size()));
  for (std::size_t model = 0; model < jobs_.size(); ++model) {
    if (!fits(checkpoint.states[model], jobs_[model]))
      throw DataError(fmt::format("the checkpoint's model {} is not one of this training", model));
  }
  for (std::size_t model = 0; model < jobs_.size(); ++model)
    jobs_[model].state = std::move(checkpoint.states[model]);
}

Checkpoint TrainingSession::checkpoint() const {
  return {config_, states()};
}

TrainingStatus TrainingSession::advance(Backend& backend, const SessionControl& control) {
  bool stopped = false;
  while (status() == TrainingStatus::running && !stopped) {
    train_until_stop(backend, control, stopped);
    const bool done = status() == TrainingStatus::finished;
    if (!done && !control.checkpoint.empty()) save_checkpoint(control.checkpoint, checkpoint());
  }
  return status();
}

/// One call of the backend, which ends when all is done, the caller asks for a stop, a model diverges, or it
/// is time for a checkpoint. That time never comes before an epoch is done, or a checkpoint that takes longer
/// than the time between two would leave no room for training.
void TrainingSession::train_until_stop(Backend& backend, const SessionControl& control, bool& stopped) {
  const Clock::time_point start = Clock::now();
  const bool saves = !control.checkpoint.empty() && control.checkpoint_every > 0.0;
  std::atomic<bool> advanced{false};
  std::atomic<bool> asked{false};
  std::atomic<bool> diverged{false};
  TrainingControl inner;
  inner.on_epochs = [&](std::uint64_t count) {
    advanced = true;
    control.on_epochs(count);
  };
  inner.on_diverged = [&] { diverged = true; };
  inner.should_stop = [&] {
    if (asked || diverged) return true;
    if (control.should_stop()) {
      asked = true;
      return true;
    }
    return saves && advanced && seconds_since(start) >= control.checkpoint_every;
  };
  backend.train(jobs_, inner);
  seconds_ += seconds_since(start);
  stopped = asked;
}

TrainingStatus TrainingSession::status() const {
  TrainingStatus worst = TrainingStatus::finished;
  for (const TrainingJob& job : jobs_) {
    if (job.state.status == TrainingStatus::diverged) return TrainingStatus::diverged;
    if (job.state.status == TrainingStatus::running) worst = TrainingStatus::running;
  }
  return worst;
}

std::vector<TrainingState> TrainingSession::states() const {
  std::vector<TrainingState> all;
  all.reserve(jobs_.size());
  for (const TrainingJob& job : jobs_) all.push_back(job.state);
  return all;
}

std::uint64_t TrainingSession::epochs() const {
  std::uint64_t sum = 0;
  for (const TrainingJob& job : jobs_) sum += job.state.epoch;
  return sum;
}

std::uint64_t TrainingSession::kept_epoch(std::size_t model) const {
  const TrainingState& now = state(model);
  return now.best_parameters.empty() ? now.epoch : now.best_epoch;
}

Vae TrainingSession::vae() const {
  Vae made;
  made.architecture = jobs_[0].architecture;
  made.objective = jobs_[0].objective;
  made.scaler = scaler_;
  made.models = jobs_.size();
  made.config = config_;
  made.parameters.reserve(jobs_.size() * jobs_[0].state.parameters.size());
  for (const TrainingJob& job : jobs_) {
    const std::vector<float>& best = job.state.best_parameters;
    const std::vector<float>& chosen = best.empty() ? job.state.parameters : best;
    made.parameters.insert(made.parameters.end(), chosen.begin(), chosen.end());
  }
  return made;
}

}  // namespace gmmvae
