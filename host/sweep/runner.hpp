#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "host/sweep/plan.hpp"
#include "host/sweep/store.hpp"

namespace gmmvae {

/// What a sweep asks of its caller. The functions about epochs are called from training threads.
struct SweepControl {
  std::function<bool()> should_stop = [] { return false; };
  std::function<void(std::uint64_t)> on_epochs = [](std::uint64_t) {};
  /// The points of a trial, from its settings.
  std::function<Dataset(const Settings&)> draw;
};

/// What became of the trials of one shard.
struct SweepOutcome {
  std::uint64_t run = 0;     ///< trained to their end now
  std::uint64_t failed = 0;  ///< of those, diverged
  bool stopped = false;      ///< as should_stop asked; how far every trial got is stored
};

/// Trains and judges every trial of the shard that is not in `finished`, chunk by chunk, and stores each
/// chunk; trials that an earlier run of the shard was stopped in go on from there. All trials of a chunk are
/// given to the backend in one call; what they share of their data is drawn once. Throws UsageError that
/// names the trial whose options contradict each other.
SweepOutcome run_shard(const SweepPlan& plan, const Shard& shard,
                       const std::unordered_set<std::string>& finished, Backend& backend, SweepStore& store,
                       const SweepControl& control);

}  // namespace gmmvae
