#include "host/cpu/trainer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/cpu/loss_terms.hpp"
#include "host/cpu/workspace.hpp"

namespace gmmvae::cpu {
namespace {

/// A loss this far above the first epoch's, in units of its size, is an explosion even while it is finite.
constexpr double kExplosion = 1e6;

/// History rows for which memory is set aside before the first epoch.
constexpr std::uint64_t kReservedEpochs = 100'000;

class Trainer {
 public:
  Trainer(TrainingJob& job, const InstructionSet& isa)
      : job_(job),
        kernels_(isa.single),
        permute_(isa.permute),
        batch_(std::min(job.config.batch, job.data.rows)),
        steps_per_epoch_((job.data.rows + batch_ - 1) / batch_),
        workspace_(job.architecture, job.objective, batch_, kernels_.lanes, Workspace<float>::Mode::train),
        terms_(job.objective, job.architecture, job.log_jacobian),
        order_(job.data.rows),
        row_(job.state.history.width()) {
    load();
  }

  /// Runs epochs until `end`, the control or the training itself says stop.
  void run(std::uint64_t end, const TrainingControl& control) {
    const std::uint64_t begin = job_.state.epoch;
    const std::uint64_t best_epoch = job_.state.best_epoch;
    const std::vector<float> best_parameters = job_.state.best_parameters;
    while (job_.state.status == TrainingStatus::running && job_.state.epoch < end) {
      if (!run_epoch()) {
        control.on_diverged();
        const std::uint64_t good = job_.state.epoch;
        job_.state.epoch = begin;
        job_.state.history.truncate(begin);
        job_.state.best_epoch = best_epoch;
        job_.state.best_parameters = best_parameters;
        diverged(good);
        return;
      }
      control.on_epochs(1);
      if (control.should_stop()) break;
    }
    store();
  }

 private:
  void load() {
    ModelPlan<float>& plan = workspace_.plan();
    const TrainingState& state = job_.state;
    workspace_.pack<float>(state.parameters, plan.parameters);
    workspace_.pack<float>(state.first_moment, plan.first_moment);
    workspace_.pack<float>(state.second_moment, plan.second_moment);
    kernels_.refresh(plan);
  }

  void store() {
    const ModelPlan<float>& plan = workspace_.plan();
    TrainingState& state = job_.state;
    workspace_.unpack<float>(plan.parameters, state.parameters);
    workspace_.unpack<float>(plan.first_moment, state.first_moment);
    workspace_.unpack<float>(plan.second_moment, state.second_moment);
  }

  /// False where the epoch's loss is not finite or explodes; the state's epoch and history then stay as they
  /// were.
  bool run_epoch() {
    TrainingState& state = job_.state;
    shuffle();
    std::fill(row_.begin(), row_.end(), 0.0);
    for (std::size_t step = 0; step < steps_per_epoch_; ++step) run_step(step);
    for (double& value : row_) value /= static_cast<double>(steps_per_epoch_);
    const std::size_t latent = job_.architecture.latent;
    row_[latent + 3] = terms_.mean_variance(workspace_.plan());
    row_[latent + 5] = validate();
    if (!std::isfinite(row_[0]) || !std::isfinite(row_[latent + 6])) return false;
    const double first = state.history.epochs() == 0 ? row_[0] : state.history.loss(0);
    if (row_[0] - first > kExplosion * (1.0 + std::abs(first))) return false;
    state.history.append(row_);
    ++state.epoch;
    remember_best();
    if (state.status == TrainingStatus::running && state.epoch >= job_.config.epochs) {
      state.status = TrainingStatus::finished;
    }
    return true;
  }

  void shuffle() {
    const KeyedPermutation permutation(static_cast<std::uint32_t>(order_.size()), job_.config.seed,
                                       Purpose::shuffle, job_.model,
                                       static_cast<std::uint32_t>(job_.state.epoch));
    permute_(permutation.keys().data(), keyed_permutation::halves_of(permutation.size()), permutation.size(),
             order_.data());
  }

  void run_step(std::size_t step_in_epoch) {
    ModelPlan<float>& plan = workspace_.plan();
    const std::size_t first = step_in_epoch * batch_;
    const auto count = static_cast<std::ptrdiff_t>(std::min(batch_, order_.size() - first));
    const std::uint64_t step = job_.state.epoch * steps_per_epoch_ + step_in_epoch;
    set_adam_step(plan.adam, step);
    terms_.prepare(plan);
    kernels_.gather(plan, job_.data.data, order_.data() + first, count);
    const NoiseKey key{job_.config.seed, static_cast<std::uint32_t>(Purpose::training_noise), job_.model,
                       static_cast<std::uint32_t>(step)};
    kernels_.fill_noise(plan, key, 0, count);
    BatchSums sums = terms_.sums();
    forward(count, sums);
    kernels_.backward(plan, count, sums);
    accumulate(sums, static_cast<double>(count));
  }

  void forward(std::ptrdiff_t count, BatchSums& sums) {
    const ModelPlan<float>& plan = workspace_.plan();
    kernels_.encode(plan, count);
    kernels_.sample(plan, count, sums);
    kernels_.decode(plan, count);
    kernels_.compare(plan, count, sums);
  }

  void set_adam_step(AdamStep& adam, std::uint64_t step) const {
    const TrainingConfig& config = job_.config;
    const auto t = static_cast<double>(step + 1);
    adam.beta1 = config.adam_beta1;
    adam.beta2 = config.adam_beta2;
    adam.epsilon = config.adam_epsilon;
    adam.step_size = learning_rate_at(config, step, config.epochs * steps_per_epoch_) /
                     (1.0 - std::pow(config.adam_beta1, t));
    adam.inverse_root_correction = 1.0 / std::sqrt(1.0 - std::pow(config.adam_beta2, t));
  }

  void accumulate(const BatchSums& sums, double count) {
    const std::size_t latent = job_.architecture.latent;
    const LossTerms::Means means = terms_.means(sums, count);
    row_[0] += means.loss;
    row_[1] += means.reconstruction;
    row_[2] += means.kl;
    for (std::size_t j = 0; j < latent; ++j) row_[3 + j] += sums.kl[j] / count;
    row_[latent + 4] += means.elbo;
    row_[latent + 6] += std::sqrt(sums.gradient_squared_norm);
  }

  /// ELBO of the held-out points with noise that is the same in every epoch; NaN where there are none.
  double validate() {
    const MatrixView<float>& points = job_.validation;
    if (points.empty()) return std::numeric_limits<double>::quiet_NaN();
    ModelPlan<float>& plan = workspace_.plan();
    terms_.prepare(plan);
    const NoiseKey key{job_.config.seed, static_cast<std::uint32_t>(Purpose::validation_noise), job_.model,
                       0};
    double elbo = 0.0;
    for (std::size_t first = 0; first < points.rows; first += batch_) {
      const auto count = static_cast<std::ptrdiff_t>(std::min(batch_, points.rows - first));
      kernels_.gather(plan, points.data + first * points.cols, nullptr, count);
      kernels_.fill_noise(plan, key, first * job_.architecture.latent, count);
      BatchSums sums = terms_.sums();
      forward(count, sums);
      elbo += terms_.means(sums, static_cast<double>(count)).elbo * static_cast<double>(count);
    }
    return elbo / static_cast<double>(points.rows);
  }

  /// With patience: keeps the parameters of the best epoch and ends a training that no longer improves.
  void remember_best() {
    TrainingState& state = job_.state;
    if (job_.config.patience == 0 || job_.validation.empty()) return;
    const double now = state.history.elbo_validation(state.epoch - 1);
    const double best = state.best_parameters.empty() ? std::numeric_limits<double>::quiet_NaN()
                                                      : state.history.elbo_validation(state.best_epoch - 1);
    const bool first_number = std::isnan(best) && !std::isnan(now);
    if (state.best_parameters.empty() || first_number || now > best) {
      state.best_epoch = state.epoch;
      state.best_parameters.resize(state.parameters.size());
      workspace_.unpack<float>(workspace_.plan().parameters, state.best_parameters);
    } else if (state.epoch - state.best_epoch >= job_.config.patience) {
      state.status = TrainingStatus::stopped_early;
    }
  }

  /// The parameters are spoilt, but the job holds the state of this call's beginning, and training is
  /// deterministic: running the good epochs again leads to the last good state.
  void diverged(std::uint64_t good) {
    load();
    while (job_.state.epoch < good) run_epoch();
    store();
    job_.state.status = TrainingStatus::diverged;
  }

  TrainingJob& job_;
  const Kernels<float>& kernels_;
  PermuteFunction permute_;
  std::size_t batch_;
  std::size_t steps_per_epoch_;
  Workspace<float> workspace_;
  LossTerms terms_;
  std::vector<std::uint32_t> order_;
  std::vector<double> row_;
};

}  // namespace

void train_job(TrainingJob& job, const TrainingControl& control, const InstructionSet& isa) {
  TrainingState& state = job.state;
  if (state.status != TrainingStatus::running) return;
  std::uint64_t end = job.config.epochs;
  if (control.max_epochs > 0) end = std::min(end, state.epoch + control.max_epochs);
  if (end <= state.epoch) {
    if (state.epoch >= job.config.epochs) state.status = TrainingStatus::finished;
    return;
  }
  // No allocation inside the loop, but a number of epochs that nobody will wait for is not to fill the
  // memory.
  state.history.reserve(std::min(end, state.epoch + kReservedEpochs));
  Trainer(job, isa).run(end, control);
}

}  // namespace gmmvae::cpu
