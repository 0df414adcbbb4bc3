#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/app/console.hpp"
#include "host/app/files.hpp"
#include "host/app/sweep_actions.hpp"
#include "host/sweep/folder.hpp"
#include "host/sweep/progress_file.hpp"
#include "host/sweep/results.hpp"
#include "host/sweep/store.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

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

ordered_json counts_json(const SweepCounts& counts) {
  return {{"trials", counts.trials},
          {"done", counts.done},
          {"failed", counts.failed},
          {"pruned", counts.pruned},
          {"missing", counts.missing}};
}

void print_counts(const SweepCounts& counts, const Console& console) {
  console.print(fmt::format(
      "{} trials: {} done, {} failed, {}{} missing", counts.trials, counts.done, counts.failed,
      counts.pruned > 0 ? fmt::format("{} given up early, ", counts.pruned) : "", counts.missing));
}

/// A sweep with the shards that are at work now.
struct Status {
  SweepCounts counts;
  std::map<std::string, std::uint64_t> reasons;
  double rate = 0.0;  ///< trials a second, of the shards at work that have stored something
  std::vector<std::string> busy;
};

Status status_of(const fs::path& folder, const SweepPlan& plan) {
  Status status;
  const SweepResults results = read_results(folder);
  status.busy = results.busy;
  status.counts = visit_trials(plan, results, [&](const PlannedTrial&, const TrialRecord* record) {
    if (record != nullptr && failed(record->status)) ++status.reasons[failure_reason(*record)];
  });
  for (const std::string& name : results.busy) {
    const std::optional<ShardProgress> progress = read_progress(folder / name);
    if (!progress) continue;
    status.counts.done += progress->done;
    status.counts.failed += progress->failed;
    status.counts.pruned += progress->pruned;
    status.counts.missing -=
        std::min(status.counts.missing, progress->done + progress->failed + progress->pruned);
    for (const auto& [reason, count] : progress->reasons) status.reasons[reason] += count;
    status.rate += progress->trials_per_second();
  }
  return status;
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

}  // namespace

int sweep_collect(const Settings& settings, Console& console) {
  const fs::path folder = sweep_folder(settings);
  const std::string out = writable_path(settings, "out", ".csv");
  const SweepPlan plan = stored_plan(folder);
  const SweepResults results = read_results(folder);
  for (const std::string& busy : results.busy) console.warn(fmt::format("{} is in use and left out", busy));
  for (const std::string& shard : missing_shards(folder))
    console.warn(fmt::format("{} is not there: its trials are missing", shard));
  warn_of_mixture(results, console);
  const SweepCounts counts = collect(plan, results, out, settings.flag("timings"));
  print_counts(counts, console);
  console.result(counts_json(counts));
  const bool complete = counts.failed == 0 && counts.missing == 0;
  return static_cast<int>(complete ? ExitCode::done : ExitCode::sweep_partial);
}

int sweep_status(const Settings& settings, Console& console) {
  const fs::path folder = sweep_folder(settings);
  const Status status = status_of(folder, stored_plan(folder));
  print_counts(status.counts, console);
  for (const auto& [reason, count] : status.reasons)
    console.print(fmt::format("  {} failed: {}", count, reason));
  for (const std::string& busy : status.busy) console.print(fmt::format("  {} is at work", busy));
  ordered_json object = counts_json(status.counts);
  object["reasons"] = status.reasons;
  object["at_work"] = status.busy;
  object["trials_per_second"] = nullptr;
  object["seconds_left"] = nullptr;
  if (status.rate > 0.0) {
    const double left = static_cast<double>(status.counts.missing) / status.rate;
    console.print(fmt::format("  {:.3g} trials/s, about {} left", status.rate, clock_text(left)));
    object["trials_per_second"] = status.rate;
    object["seconds_left"] = left;
  }
  console.result(object);
  return static_cast<int>(ExitCode::done);
}

}  // namespace gmmvae
