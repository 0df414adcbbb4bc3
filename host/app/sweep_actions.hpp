#pragma once

#include <filesystem>

#include "host/app/console.hpp"
#include "host/config/settings.hpp"
#include "host/sweep/plan.hpp"

namespace gmmvae {

// One function for each action of the verb sweep; each returns the exit code.

int sweep_run(const Settings& settings, Console& console);
int sweep_retry(const Settings& settings, Console& console);
int sweep_submit(const Settings& settings, Console& console);
int sweep_status(const Settings& settings, Console& console);
int sweep_collect(const Settings& settings, Console& console);

/// The plan of what follows the action: one specification file at most, and axes.
SweepPlan sweep_plan(const Settings& settings);
/// The folder that follows the action.
std::filesystem::path sweep_folder(const Settings& settings);
/// How many trials a plan has.
std::uint64_t count_trials(const SweepPlan& plan);
/// For --dry-run.
int print_plan(const SweepPlan& plan, const Settings& settings, Console& console);

}  // namespace gmmvae
