// Sweeps apart from training: planning a million trials, and the store of a shard.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/sweep/plan.hpp"
#include "host/sweep/store.hpp"

namespace {

using namespace gmmvae;

/// Every trial with its identity, as run, status and collect need them.
void plan_a_million(benchmark::State& state, const char* method) {
  for (auto _ : state) {
    Settings settings("sweep");
    settings.add_flag("method", method);
    settings.add_flag("points", "1000000");
    const SweepPlan plan = load_plan(std::move(settings), "", {"seed=1..1000", "lr=log(1e-5,1,1000)"});
    benchmark::DoNotOptimize(plan.trials());
  }
}
BENCHMARK_CAPTURE(plan_a_million, grid, "grid")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(plan_a_million, random, "random")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(plan_a_million, sobol, "sobol")->Unit(benchmark::kMillisecond);

TrialRecord record(std::uint64_t number) {
  TrialRecord made;
  made.id.add(std::to_string(number));
  made.loss = made.elbo = 1.0 / static_cast<double>(number + 1);
  made.kl_per_dimension = {made.loss, made.loss / 3.0};
  made.predicted = made.found = "healthy";
  made.device = "CPU, AVX-512, 2 threads";
  return made;
}

/// Chunks of 1,024 trials go to a file on the disk of the temporary folder, each in its own transaction.
void store_chunks(benchmark::State& state) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / "gmmvae_sweep_bench.sqlite";
  std::filesystem::remove(file);
  std::uint64_t next = 0;
  {
    SweepStore store(file, SweepStore::Mode::create);
    for (auto _ : state) {
      state.PauseTiming();
      std::vector<TrialRecord> chunk;
      for (int i = 0; i < 1024; ++i) chunk.push_back(record(next++));
      state.ResumeTiming();
      store.save(chunk);
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(next));
  std::filesystem::remove(file);
}
BENCHMARK(store_chunks)->Unit(benchmark::kMillisecond)->UseRealTime();

void read_records(benchmark::State& state) {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / "gmmvae_sweep_bench.sqlite";
  std::filesystem::remove(file);
  {
    SweepStore store(file, SweepStore::Mode::create);
    std::vector<TrialRecord> all;
    for (std::uint64_t i = 0; i < 100000; ++i) all.push_back(record(i));
    store.save(all);
    for (auto _ : state) benchmark::DoNotOptimize(store.read());
  }
  state.SetItemsProcessed(state.iterations() * 100000);
  std::filesystem::remove(file);
}
BENCHMARK(read_records)->Unit(benchmark::kMillisecond);

}  // namespace
