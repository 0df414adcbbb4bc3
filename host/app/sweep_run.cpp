#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_set>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "host/app/device.hpp"
#include "host/app/drawing.hpp"
#include "host/app/signals.hpp"
#include "host/app/stop_rule.hpp"
#include "host/app/sweep_actions.hpp"
#include "host/config/builders.hpp"
#include "host/study/commands.hpp"
#include "host/sweep/estimate.hpp"
#include "host/sweep/folder.hpp"
#include "host/sweep/kept_models.hpp"
#include "host/sweep/progress_file.hpp"
#include "host/sweep/runner.hpp"
#include "host/sweep/store.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;

constexpr std::uint64_t kShownTrials = 3;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::size_t chosen_threads(const Settings& settings) {
  const std::size_t threads = backend_options(settings).threads;
  return threads == 0 ? available_threads() : threads;
}

Shard chosen_shard(const Settings& settings) {
  if (settings.is_set("shard")) return parse_shard(settings.text("shard"));
  return launcher_shard(environ).value_or(Shard{0, 1, "no launcher"});
}

KeepRule keep_rule(const Settings& settings) {
  KeepRule rule;
  rule.figure = settings.text("rank-by");
  const std::string keep = settings.text("keep");
  if (keep == "all") rule.most = KeepRule::kAll;
  if (keep != "all" && keep != "none") rule.most = settings.count("keep");
  return rule;
}

/// Trials that need not be run: those of this shard and of every other that can be read now.
std::unordered_set<TrialId> finished_trials(const fs::path& folder, const fs::path& own, SweepStore& store) {
  std::unordered_set<TrialId> finished = store.read_ids();
  for (const fs::path& file : store_paths(folder)) {
    if (file == own) continue;
    try {
      finished.merge(SweepStore(file, SweepStore::Mode::read).read_ids());
    } catch (const UsageError&) {
      // Another shard is at work on its own chunks; what it does is not this one's.
    }
  }
  return finished;
}

int report_outcome(const SweepOutcome& outcome, const fs::path& folder, const Console& console) {
  console.print(fmt::format("{} trials run, {} of them failed{}", outcome.run, outcome.failed,
                            outcome.pruned > 0 ? fmt::format(", {} given up early", outcome.pruned) : ""));
  console.result(ordered_json{{"run", outcome.run},
                              {"failed", outcome.failed},
                              {"pruned", outcome.pruned},
                              {"stopped", outcome.stopped}});
  if (outcome.stopped) {
    console.say("stopped with everything saved: run the same command again to go on");
    return static_cast<int>(ExitCode::interrupted);
  }
  if (outcome.failed == 0) return static_cast<int>(ExitCode::done);
  console.say(fmt::format("gmmvae sweep status {} says why trials failed", shell_word(folder.string())));
  return static_cast<int>(ExitCode::sweep_partial);
}

int run_trials(const SweepPlan& plan, const fs::path& folder, const Settings& settings, bool retry,
               Console& console) {
  const std::unique_ptr<Backend> backend = chosen_backend(settings, console);
  const Shard shard = chosen_shard(settings);
  claim_sweep_folder(folder, plan);
  install_stop_handlers();
  const fs::path file = store_path(folder, shard.index, shard.count);
  SweepStore store(file, SweepStore::Mode::create);
  if (retry) console.say(fmt::format("{} failed trials are run again", store.forget_failed()));
  ShardProgress progress;
  const auto stored = store.read();
  for (const auto& [id, record] : stored) progress.count(record);
  const std::unordered_set<TrialId> finished = finished_trials(folder, file, store);
  console.say(fmt::format("shard {} of {} ({}), {} trials of the sweep are there already", shard.index,
                          shard.count, shard.source, finished.size()));
  KeptModels models(folder, plan, keep_rule(settings), stored);
  const Clock::time_point start = Clock::now();
  StopRule rule(settings, start);
  SweepControl control;
  control.threads = chosen_threads(settings);
  control.draw = drawn_dataset;
  control.on_epochs = [&](std::uint64_t) { rule.gained(); };
  control.should_stop = [&] { return rule.should_stop(); };
  control.on_stored = [&](const std::vector<TrialRecord>& records) {
    for (const TrialRecord& record : records) progress.count(record);
    progress.run += records.size();
    progress.seconds = seconds_since(start);
    write_progress(file, progress);
  };
  write_progress(file, progress);
  return report_outcome(run_shard(plan, shard, finished, *backend, store, models, control), folder, console);
}

std::string duration_text(double seconds) {
  if (seconds < 10.0) return fmt::format("{:.1f} s", seconds);
  if (seconds < 120.0) return fmt::format("{:.0f} s", seconds);
  if (seconds < 7200.0) return fmt::format("{:.0f} min", seconds / 60.0);
  return fmt::format("{:.1f} h", seconds / 3600.0);
}

}  // namespace

std::uint64_t count_trials(const SweepPlan& plan) {
  // Only drawn points can repeat, and only constraints leave trials out.
  if (!plan.is_grid()) return plan.trials().size();
  if (!plan.is_constrained()) return plan.space().size();
  std::uint64_t kept = 0;
  for (std::uint64_t i = 0; i < plan.space().size(); ++i) kept += plan.keeps(i) ? 1 : 0;
  return kept;
}

int print_plan(const SweepPlan& plan, const Settings& settings, Console& console) {
  const std::uint64_t trials = count_trials(plan);
  const std::unique_ptr<Backend> backend = chosen_backend(settings, console);
  const SweepEstimate estimate =
      estimate_sweep(plan, trials, *backend, chosen_threads(settings), drawn_dataset);
  console.print(fmt::format("{} trials in {} chunks of up to {}", trials, plan.space().chunks(),
                            plan.space().largest_chunk()));
  console.print(fmt::format("about {} in one process on {}, and {:.0f} MB for the largest chunk",
                            duration_text(estimate.seconds), backend->description(),
                            std::max(1.0, static_cast<double>(estimate.memory) / 1e6)));
  std::vector<std::string> first;
  for (std::uint64_t i = 0; i < plan.space().size() && first.size() < kShownTrials; ++i) {
    if (!plan.keeps(i)) continue;
    first.push_back(plan.describe(i));
    console.print(fmt::format("  {}", first.back()));
  }
  console.result(ordered_json{{"trials", trials},
                              {"chunks", plan.space().chunks()},
                              {"estimated_seconds", estimate.seconds},
                              {"memory_bytes", estimate.memory},
                              {"first", first}});
  return static_cast<int>(ExitCode::done);
}

int sweep_run(const Settings& settings, Console& console) {
  const SweepPlan plan = sweep_plan(settings);
  if (settings.flag("dry-run")) return print_plan(plan, settings, console);
  return run_trials(plan, settings.required_path("out"), settings, false, console);
}

int sweep_retry(const Settings& settings, Console& console) {
  const fs::path folder = sweep_folder(settings);
  return run_trials(stored_plan(folder), folder, settings, true, console);
}

}  // namespace gmmvae
