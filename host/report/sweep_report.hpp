#pragma once

#include <filesystem>
#include <string>

#include "host/report/page.hpp"
#include "host/sweep/plan.hpp"
#include "host/sweep/results.hpp"

namespace gmmvae {

/// The report of a sweep: what became of the trials in words, which axis matters, every pair of axes, the
/// trials themselves, and the commands that repeat the best, the median and the worst. `metric` is the key
/// of one of sweep_metrics(plan). Throws UsageError for another. A sweep without a stored trial has a page,
/// too.
Page sweep_report(const SweepPlan& plan, const SweepResults& results, const std::string& metric);

/// The same for a sweep's folder. Throws DataError where it is none.
Page sweep_report(const std::filesystem::path& folder, const std::string& metric);

}  // namespace gmmvae
