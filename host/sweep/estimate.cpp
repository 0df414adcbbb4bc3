#include "host/sweep/estimate.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

#include "host/config/builders.hpp"
#include "host/sweep/judging.hpp"
#include "host/sweep/runner.hpp"
#include "host/training/session.hpp"

namespace gmmvae {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kLookedAt = 256;
constexpr std::size_t kTried = 4;
constexpr double kTrySeconds = 0.05;
/// Epochs that no try comes to the end of.
constexpr std::size_t kEndless = 1U << 16;
/// Models that a GPU is asked to train at once, so that it is busy.
constexpr std::size_t kGpuModels = 256;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// One trial's work, without its data.
struct Sketch {
  std::uint64_t trial = 0;
  double epochs = 0.0;
  double epoch_work = 0.0;  ///< multiplications of weights, with a share for every sample and step
  std::uint64_t bytes = 0;
};

Sketch sketch_of(const SweepPlan& plan, std::uint64_t trial) {
  const Settings settings = plan.settings_of(trial);
  const std::uint64_t dim = settings.is_set("mixture") ? 1 : settings.count("dim");
  const std::uint64_t rows = settings.count("samples");
  const TrainingPlan training = training_plan(settings, dim);
  const ParameterLayout layout(training.architecture, training.objective);
  const auto parameters = static_cast<double>(layout.size());
  const double steps = std::ceil(static_cast<double>(rows) / static_cast<double>(training.config.batch));
  Sketch sketch;
  sketch.trial = trial;
  sketch.epochs = static_cast<double>(training.config.epochs);
  // A sample costs every weight three products, and functions of a fixed price; a step costs Adam.
  sketch.epoch_work = static_cast<double>(rows) * (parameters + 200.0) + steps * (10.0 * parameters + 2000.0);
  sketch.bytes = layout.size() * 3 * sizeof(float) + 2 * rows * dim * sizeof(float) +
                 training.config.epochs * (training.architecture.latent + 7) * sizeof(double);
  return sketch;
}

std::vector<Sketch> some_trials(const SweepPlan& plan) {
  const std::uint64_t size = plan.space().size(), looks = std::min(size, kLookedAt);
  std::vector<Sketch> sketches;
  for (std::uint64_t i = 0; i < looks; ++i) {
    const std::uint64_t trial = i * (size / looks) + i * (size % looks) / looks;
    if (plan.keeps(trial)) sketches.push_back(sketch_of(plan, trial));
  }
  std::stable_sort(sketches.begin(), sketches.end(),
                   [](const Sketch& a, const Sketch& b) { return a.epoch_work < b.epoch_work; });
  return sketches;
}

/// What a trial was measured to take when the machine is busy with its like.
struct Measured {
  double epoch_work = 0.0;
  double epoch_seconds = 0.0;
  double judging_seconds = 0.0;
};

Measured measure(const SweepPlan& plan, const Sketch& sketch, Backend& backend, std::size_t threads,
                 const std::function<Dataset(const Settings&)>& draw) {
  const Settings settings = plan.settings_of(sketch.trial);
  const Dataset data = draw(settings);
  TrainingSession session(training_plan(settings, data.x.cols()), data, "");
  const std::size_t copies = backend.name() == "cpu" ? threads : kGpuModels;
  session.jobs()[0].config.epochs = kEndless;
  std::vector<TrainingJob> jobs(copies, session.jobs()[0]);
  TrainingControl control;
  control.max_epochs = 1;
  backend.train(jobs, control);  // once to warm up
  const Clock::time_point start = Clock::now();
  do {
    backend.train(jobs, control);
    control.max_epochs = std::min<std::uint64_t>(control.max_epochs * 2, 64);
  } while (seconds_since(start) < kTrySeconds && jobs[0].state.status == TrainingStatus::running);
  const double epochs = static_cast<double>(std::max<std::uint64_t>(jobs[0].state.epoch, 2) - 1);
  Measured measured{sketch.epoch_work, seconds_since(start) / epochs / static_cast<double>(copies), 0.0};
  TrialRecord record;
  const Clock::time_point judging = Clock::now();
  judge_model(*make_cpu_backend(1), session.vae(), data, settings.count("seed"), plan.metrics(), record);
  measured.judging_seconds = seconds_since(judging) / static_cast<double>(threads);
  return measured;
}

}  // namespace

SweepEstimate estimate_sweep(const SweepPlan& plan, std::uint64_t trials, Backend& backend,
                             std::size_t threads, const std::function<Dataset(const Settings&)>& draw) {
  SweepEstimate estimate;
  const std::vector<Sketch> sketches = some_trials(plan);
  if (sketches.empty()) return estimate;
  std::vector<Measured> measured;
  const std::size_t tries = std::min(kTried, sketches.size());
  for (std::size_t i = 0; i < tries; ++i) {
    const Sketch& sketch = sketches[tries == 1 ? 0 : i * (sketches.size() - 1) / (tries - 1)];
    if (!measured.empty() && measured.back().epoch_work == sketch.epoch_work) continue;
    measured.push_back(measure(plan, sketch, backend, threads, draw));
  }
  std::uint64_t largest = 0;
  for (const Sketch& sketch : sketches) {
    // The measured trial whose work is nearest, scaled to this one's.
    const Measured& like =
        *std::min_element(measured.begin(), measured.end(), [&](const Measured& a, const Measured& b) {
          return std::abs(std::log(a.epoch_work / sketch.epoch_work)) <
                 std::abs(std::log(b.epoch_work / sketch.epoch_work));
        });
    const double training = sketch.epochs * like.epoch_seconds * sketch.epoch_work / like.epoch_work;
    estimate.seconds +=
        overlaps(backend) ? std::max(training, like.judging_seconds) : training + like.judging_seconds;
    largest = std::max(largest, sketch.bytes);
  }
  estimate.seconds *= static_cast<double>(trials) / static_cast<double>(sketches.size());
  estimate.memory = largest * std::min(trials, plan.space().largest_chunk());
  return estimate;
}

}  // namespace gmmvae
