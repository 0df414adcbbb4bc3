#include "host/sweep/runner.hpp"

#include <algorithm>

#include "host/sweep/chunk.hpp"
#include "host/sweep/kept_models.hpp"
#include "host/sweep/store.hpp"

namespace gmmvae {
namespace {

std::vector<PlannedTrial> trials_to_run(const SweepPlan& plan, std::uint64_t chunk,
                                        const std::unordered_set<TrialId>& finished) {
  std::vector<PlannedTrial> trials = plan.chunk(chunk);
  const auto is_finished = [&](const PlannedTrial& trial) { return finished.contains(trial.id); };
  const bool as_a_whole = plan.pruning().rule != PruningRule::none;
  if (!as_a_whole || std::all_of(trials.begin(), trials.end(), is_finished))
    std::erase_if(trials, is_finished);
  return trials;
}

std::uint64_t count(const std::vector<TrialRecord>& records, TrialStatus status) {
  return static_cast<std::uint64_t>(std::count_if(
      records.begin(), records.end(), [&](const TrialRecord& record) { return record.status == status; }));
}

}  // namespace

SweepOutcome run_shard(const SweepPlan& plan, const Shard& shard, const std::unordered_set<TrialId>& finished,
                       Backend& backend, SweepStore& store, KeptModels& models, const SweepControl& control) {
  SweepOutcome outcome;
  const PausedTrials paused = store.read_paused();
  SharedData sets(control.draw);
  ThreadPool pool(control.threads);
  for (std::uint64_t index = shard.index; index < plan.space().chunks(); index += shard.count) {
    const std::vector<PlannedTrial> trials = trials_to_run(plan, index, finished);
    if (trials.empty()) continue;
    if (control.should_stop()) {
      outcome.stopped = true;
      break;
    }
    Chunk chunk(plan, trials, paused, sets, models.keeps_any(), pool);
    chunk.train(backend, control);
    const std::vector<TrialRecord> records = chunk.records(backend, pool);
    models.write(records, [&](const TrialId& id) { return chunk.model(id); });
    store.save(records, chunk.paused());
    models.trim();
    control.on_stored(records);
    sets.forget_unused();
    outcome.run += records.size();
    outcome.failed += count(records, TrialStatus::diverged);
    outcome.pruned += count(records, TrialStatus::pruned);
    if (!chunk.complete()) outcome.stopped = true;
    if (outcome.stopped) break;
  }
  return outcome;
}

}  // namespace gmmvae
