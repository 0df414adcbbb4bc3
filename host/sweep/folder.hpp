#pragma once

#include <filesystem>
#include <string>

#include "host/sweep/plan.hpp"

namespace gmmvae {

/// Makes the folder this sweep's own. A plan that only adds values to axes, or random points, goes on in a
/// folder; any other difference is a UsageError that shows it. Throws DataError for a folder that cannot be
/// used.
void claim_sweep_folder(const std::filesystem::path& folder, const SweepPlan& plan);
/// The plan of a sweep's folder. Throws DataError where it is none.
SweepPlan stored_plan(const std::filesystem::path& folder);
/// Whether a folder holds a sweep.
bool is_sweep_folder(const std::filesystem::path& folder);
/// Where the plan of a folder stands.
std::filesystem::path plan_path(const std::filesystem::path& folder);

}  // namespace gmmvae
