#include "gmmvae/sweep.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "host/app/device.hpp"
#include "host/app/drawing.hpp"
#include "host/app/files.hpp"
#include "host/app/report.hpp"
#include "host/app/signals.hpp"
#include "host/app/verbs.hpp"
#include "host/io/nearest_name.hpp"
#include "host/sweep/plan.hpp"
#include "host/sweep/results.hpp"
#include "host/sweep/runner.hpp"
#include "host/sweep/store.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr std::uint64_t kShownTrials = 3;

/// What follows the action: one specification file at most, and axes.
SweepPlan plan_of(const Settings& settings) {
  std::string file;
  std::vector<std::string> axes;
  for (std::size_t i = 1; i < settings.arguments().size(); ++i) {
    const std::string& argument = settings.arguments()[i];
    if (argument.find('=') != std::string::npos) {
      axes.push_back(argument);
    } else if (file.empty()) {
      file = argument;
    } else {
      throw UsageError(fmt::format("sweep takes one specification file, not both {} and {}", file, argument));
    }
  }
  if (file.empty() && axes.empty())
    throw UsageError("sweep run needs a specification file or an axis, as in lr=1e-3,1e-4");
  return load_plan(settings, file, axes);
}

fs::path folder_argument(const Settings& settings) {
  if (settings.arguments().size() != 2)
    throw UsageError(fmt::format("sweep {} takes one folder, as in: gmmvae sweep {} sweeps/first",
                                 settings.arguments().front(), settings.arguments().front()));
  return settings.arguments()[1];
}

Shard chosen_shard(const Settings& settings) {
  if (settings.is_set("shard")) return parse_shard(settings.text("shard"));
  return launcher_shard(environ).value_or(Shard{0, 1, "no launcher"});
}

std::uint64_t kept_trials(const SweepPlan& plan) {
  std::uint64_t kept = 0;
  for (std::uint64_t i = 0; i < plan.space().size(); ++i) kept += plan.keeps(i) ? 1 : 0;
  return kept;
}

int dry_run(const SweepPlan& plan, const Console& console) {
  const std::uint64_t trials = kept_trials(plan);
  console.print(fmt::format("{} trials in {} chunks of up to {}", trials, plan.space().chunks(),
                            plan.space().chunk_size()));
  std::vector<std::string> first;
  for (std::uint64_t i = 0; i < plan.space().size() && first.size() < kShownTrials; ++i) {
    if (!plan.keeps(i)) continue;
    first.push_back(fmt::format("{} {}", trial_identity(plan.settings_of(i)), plan.describe(i)));
    console.print(first.back());
  }
  console.result(ordered_json{{"trials", trials}, {"chunks", plan.space().chunks()}, {"first", first}});
  return static_cast<int>(ExitCode::done);
}

/// Trials that need not be run: those of this shard and of every other that can be read now.
std::unordered_set<std::string> finished_trials(const fs::path& folder, const fs::path& own,
                                                SweepStore& store) {
  std::unordered_set<std::string> finished;
  const auto take = [&](const std::unordered_map<std::string, TrialRecord>& records) {
    for (const auto& [id, record] : records) finished.insert(id);
  };
  take(store.read());
  for (const fs::path& file : store_paths(folder)) {
    if (file == own) continue;
    try {
      take(SweepStore(file, SweepStore::Mode::read).read());
    } catch (const UsageError&) {
      // Another shard is at work on its own chunks; what it does is not this one's.
    }
  }
  return finished;
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
  const auto finished = finished_trials(folder, file, store);
  console.say(fmt::format("shard {} of {} ({}), {} trials of the sweep are there already", shard.index,
                          shard.count, shard.source, finished.size()));
  const auto start = std::chrono::steady_clock::now();
  const double limit = settings.is_set("max-seconds") ? settings.seconds("max-seconds") : 0.0;
  SweepControl control;
  control.draw = drawn_dataset;
  std::atomic<bool> advanced{false};
  control.on_epochs = [&](std::uint64_t) { advanced = true; };
  // A run that is too short for anything still does one epoch, so that running again gets to an end.
  control.should_stop = [&] {
    const double passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    return stop_requested() || (limit > 0.0 && advanced && passed > limit);
  };
  const SweepOutcome outcome = run_shard(plan, shard, finished, *backend, store, control);
  console.print(fmt::format("{} trials run, {} of them diverged", outcome.run, outcome.failed));
  console.result(
      ordered_json{{"run", outcome.run}, {"failed", outcome.failed}, {"stopped", outcome.stopped}});
  if (outcome.stopped) {
    console.say("stopped with everything saved: run the same command again to go on");
    return static_cast<int>(ExitCode::interrupted);
  }
  return static_cast<int>(outcome.failed == 0 ? ExitCode::done : ExitCode::sweep_partial);
}

/// Instruction set or GPU, without the number of threads, on which no result depends.
std::string kind_of_device(const std::string& description) {
  const std::size_t comma = description.rfind(", ");
  const bool threads = description.find(" thread") != std::string::npos;
  return threads ? description.substr(0, comma) : description;
}

void warn_of_mixture(const SweepResults& results, const Console& console) {
  std::vector<std::string> kinds;
  for (const auto& [id, record] : results.records) {
    const std::string kind = kind_of_device(record.device);
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
  }
  std::sort(kinds.begin(), kinds.end());
  if (kinds.size() > 1)
    console.warn(fmt::format("trials come from different devices ({}): they agree only up to rounding",
                             fmt::join(kinds, "; ")));
}

int report_counts(const SweepCounts& counts, const Console& console) {
  console.print(fmt::format("{} trials: {} done, {} failed, {} missing", counts.trials, counts.done,
                            counts.failed, counts.missing));
  console.result(ordered_json{{"trials", counts.trials},
                              {"done", counts.done},
                              {"failed", counts.failed},
                              {"missing", counts.missing}});
  const bool complete = counts.failed == 0 && counts.missing == 0;
  return static_cast<int>(complete ? ExitCode::done : ExitCode::sweep_partial);
}

int collect_results(const Settings& settings, const Console& console) {
  const fs::path folder = folder_argument(settings);
  const std::string out = writable_path(settings, "out", ".csv");
  const SweepPlan plan = stored_plan(folder);
  const SweepResults results = read_results(folder);
  for (const std::string& busy : results.busy) console.warn(fmt::format("{} is in use and left out", busy));
  warn_of_mixture(results, console);
  return report_counts(collect(plan, results, out, settings.flag("timings")), console);
}

int show_status(const Settings& settings, const Console& console) {
  const fs::path folder = folder_argument(settings);
  const SweepPlan plan = stored_plan(folder);
  const SweepResults results = read_results(folder);
  for (const std::string& busy : results.busy) console.say(fmt::format("{} is at work", busy));
  (void)report_counts(collect(plan, results, "", false), console);
  return static_cast<int>(ExitCode::done);
}

}  // namespace

int run_sweep(const Settings& settings, Console& console) {
  const std::vector<std::string> actions = {"run", "status", "collect", "retry", "report"};
  const std::string action = settings.arguments().empty() ? "" : settings.arguments().front();
  if (action == "run") {
    const SweepPlan plan = plan_of(settings);
    if (settings.flag("dry-run")) return dry_run(plan, console);
    return run_trials(plan, settings.required_path("out"), settings, false, console);
  }
  if (action == "retry") {
    const fs::path folder = folder_argument(settings);
    return run_trials(stored_plan(folder), folder, settings, true, console);
  }
  if (action == "collect") return collect_results(settings, console);
  if (action == "report") return report_folder(settings, folder_argument(settings), console);
  if (action == "status") return show_status(settings, console);
  const std::string nearest = nearest_name(action, actions);
  throw UsageError(fmt::format("sweep takes one of {}{}", fmt::join(actions, ", "),
                               nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

}  // namespace gmmvae
