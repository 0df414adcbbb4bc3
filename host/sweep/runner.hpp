#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "host/sweep/plan.hpp"
#include "host/sweep/record.hpp"

namespace gmmvae {

class KeptModels;
class SweepStore;

/// What a sweep asks of its caller. The functions about stops and epochs are called from training threads,
/// those about data and records from others beside them.
struct SweepControl {
  std::function<bool()> should_stop = [] { return false; };
  std::function<void(std::uint64_t)> on_epochs = [](std::uint64_t) {};
  /// The points of a trial, from its settings; called from several threads.
  std::function<Dataset(const Settings&)> draw;
  /// Told of records that have just been stored.
  std::function<void(const std::vector<TrialRecord>&)> on_stored = [](const std::vector<TrialRecord>&) {};
  std::size_t threads = 1;  ///< for what is done beside training
};

/// What became of the trials of one shard.
struct SweepOutcome {
  std::uint64_t run = 0;     ///< stored now
  std::uint64_t failed = 0;  ///< of those, diverged or impossible
  std::uint64_t pruned = 0;  ///< of those, given up
  bool stopped = false;      ///< as should_stop asked; how far every trial got is stored
};

/// Whether chunks are prepared, judged and stored while others are trained: where training leaves the
/// processor idle.
bool overlaps(const Backend& backend);

/// Trains and judges every trial of the shard that is not in `finished`, chunk by chunk, and stores each
/// chunk; trials that an earlier run of the shard was stopped in go on from there. All trials of a chunk are
/// given to the backend in one call, and what trials share of their data is drawn once. Where trials are
/// pruned, a chunk with any trial to run is run as a whole. Throws UsageError that names the trial whose
/// options contradict each other.
SweepOutcome run_shard(const SweepPlan& plan, const Shard& shard, const std::unordered_set<TrialId>& finished,
                       Backend& backend, SweepStore& store, KeptModels& models, const SweepControl& control);

}  // namespace gmmvae
