#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/sweep/plan.hpp"
#include "host/sweep/store.hpp"

namespace gmmvae {

/// The trials that all shards of a sweep's folder have stored.
struct SweepResults {
  std::unordered_map<std::string, TrialRecord> records;
  std::vector<std::string> busy;  ///< stores that another process holds, and so are not among them
};
SweepResults read_results(const std::filesystem::path& folder);

/// How far a sweep is.
struct SweepCounts {
  std::uint64_t trials = 0, done = 0, failed = 0, missing = 0;
};

/// Writes one row for each stored trial of the plan, in the plan's order, and counts. With `timings` also
/// what differs from run to run: seconds and device. An empty `file` writes nothing.
SweepCounts collect(const SweepPlan& plan, const SweepResults& results, const std::string& file,
                    bool timings);

}  // namespace gmmvae
