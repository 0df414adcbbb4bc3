#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/sweep/plan.hpp"
#include "host/sweep/record.hpp"

namespace gmmvae {

/// The trials that all shards of a sweep's folder have stored.
struct SweepResults {
  std::unordered_map<TrialId, TrialRecord> records;
  std::vector<std::string> busy;  ///< stores that another process holds, and so are not among them
};
SweepResults read_results(const std::filesystem::path& folder);

/// How far a sweep is.
struct SweepCounts {
  std::uint64_t trials = 0, done = 0, failed = 0, pruned = 0, missing = 0;
};

/// Calls `visit` for each trial of the plan in the plan's order, with its record or nullptr where there is
/// none yet, and counts.
SweepCounts visit_trials(const SweepPlan& plan, const SweepResults& results,
                         const std::function<void(const PlannedTrial&, const TrialRecord*)>& visit);

/// Names of the numbers in every record of a plan's sweep: epochs, loss, .. and the metrics it asks for.
std::vector<std::string> figure_names(const SweepPlan& plan);
/// Those numbers, in that order; NaN where a record has none.
std::vector<double> figures_of(const TrialRecord& record);

/// Writes one row for each stored trial of the plan, in the plan's order, and counts. With `timings` also
/// what differs from run to run: seconds and device.
SweepCounts collect(const SweepPlan& plan, const SweepResults& results, const std::string& file,
                    bool timings);

}  // namespace gmmvae
