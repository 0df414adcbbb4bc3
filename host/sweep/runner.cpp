#include "host/sweep/runner.hpp"

#include <algorithm>
#include <future>
#include <memory>
#include <optional>
#include <utility>

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

template <class Is>
std::uint64_t count(const std::vector<TrialRecord>& records, Is is) {
  return static_cast<std::uint64_t>(std::count_if(
      records.begin(), records.end(), [&](const TrialRecord& record) { return is(record.status); }));
}

/// The chunks of a shard with trials to run, prepared one after another.
class ChunkSource {
 public:
  ChunkSource(const SweepPlan& plan, const Shard& shard, const std::unordered_set<TrialId>& finished,
              PausedTrials paused, bool describe_models, const SweepControl& control)
      : plan_(plan),
        finished_(finished),
        paused_(std::move(paused)),
        describe_models_(describe_models),
        sets_(control.draw),
        pool_(control.threads),
        index_(shard.index),
        step_(shard.count),
        known_possible_(!finished.empty()) {}

  /// Null after the last one.
  std::unique_ptr<Chunk> next() {
    sets_.forget_unused();
    for (; index_ < plan_.space().chunks(); index_ += step_) {
      const std::vector<PlannedTrial> trials = trials_to_run(plan_, index_, finished_);
      if (trials.empty()) continue;
      auto chunk = std::make_unique<Chunk>(plan_, trials, paused_, sets_, describe_models_, pool_);
      if (!known_possible_) require_possible(*chunk);
      known_possible_ = true;
      index_ += step_;
      return chunk;
    }
    return nullptr;
  }

 private:
  /// A sweep of which no trial is possible is a slip in its options: before anything is stored, throws what
  /// is the matter with `first` if that is so of a few other chunks too.
  void require_possible(const Chunk& first) {
    constexpr std::uint64_t looked_at = 8;
    const std::uint64_t chunks = plan_.space().chunks();
    const std::optional<Error> error = first.impossible();
    bool possible = !error;
    for (std::uint64_t i = 0; i < std::min(looked_at, chunks) && !possible; ++i) {
      const std::uint64_t other = chunks <= looked_at ? i : i * (chunks - 1) / (looked_at - 1);
      possible = other != index_ && !Chunk(plan_, plan_.chunk(other), {}, sets_, false, pool_).impossible();
    }
    if (!possible) throw Error(*error);
  }

  const SweepPlan& plan_;
  const std::unordered_set<TrialId>& finished_;
  PausedTrials paused_;
  bool describe_models_;
  SharedData sets_;
  ThreadPool pool_;
  std::uint64_t index_;
  std::uint64_t step_;
  bool known_possible_;
};

/// Judges chunks and stores what came of them, one after another.
class ChunkSink {
 public:
  ChunkSink(std::string device, SweepStore& store, KeptModels& models, const SweepControl& control)
      : device_(std::move(device)),
        store_(store),
        models_(models),
        control_(control),
        pool_(control.threads) {}

  void take(const Chunk& chunk) {
    const std::vector<TrialRecord> records = chunk.records(device_, pool_);
    models_.write(records, [&](const TrialId& id) { return chunk.model(id); });
    store_.save(records, chunk.paused());
    models_.trim();
    control_.on_stored(records);
    outcome_.run += records.size();
    outcome_.failed += count(records, failed);
    outcome_.pruned += count(records, [](TrialStatus status) { return status == TrialStatus::pruned; });
    if (!chunk.complete()) outcome_.stopped = true;
  }
  [[nodiscard]] const SweepOutcome& outcome() const { return outcome_; }

 private:
  std::string device_;
  SweepStore& store_;
  KeptModels& models_;
  const SweepControl& control_;
  ThreadPool pool_;
  SweepOutcome outcome_;
};

}  // namespace

bool overlaps(const Backend& backend) {
  return backend.name() != "cpu";
}

SweepOutcome run_shard(const SweepPlan& plan, const Shard& shard, const std::unordered_set<TrialId>& finished,
                       Backend& backend, SweepStore& store, KeptModels& models, const SweepControl& control) {
  ChunkSource source(plan, shard, finished, store.read_paused(), models.keeps_any(), control);
  ChunkSink sink(backend.description(), store, models, control);
  // What is deferred runs on this thread once it is waited for.
  const std::launch when = overlaps(backend) ? std::launch::async : std::launch::deferred;
  std::future<void> stored;  // waits, should training throw, before source and sink go
  const auto prepare = [&] { return std::async(when, [&] { return source.next(); }); };
  std::future<std::unique_ptr<Chunk>> prepared = prepare();
  bool stopped = false;
  while (const std::shared_ptr<Chunk> chunk = prepared.get()) {
    stopped = control.should_stop();
    if (stopped) break;
    prepared = prepare();
    chunk->train(backend, control);
    if (stored.valid()) stored.get();
    stored = std::async(when, [&sink, chunk] { sink.take(*chunk); });
    if (when == std::launch::deferred) stored.get();
    if (!chunk->complete()) break;
  }
  if (stored.valid()) stored.get();
  SweepOutcome outcome = sink.outcome();
  outcome.stopped |= stopped;
  return outcome;
}

}  // namespace gmmvae
