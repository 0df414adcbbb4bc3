// Metrics and clustering at the sizes that the project promises: all two-sample metrics of 10,000 against
// 10,000 points under 2 s on 2 cores, k-means on 1e6 x 3 with k = 10 and 3 starts at least as fast as
// bench/peers/kmeans_sklearn.py.
#include <benchmark/benchmark.h>

#include "gmmvae/backend.hpp"
#include "gmmvae/clustering.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/evaluation.hpp"

namespace gmmvae {
namespace {

Dataset wide_mixture(std::size_t count) {
  return make_dataset(draw_mixture({}, 360), count, 1);
}

void two_sample_metrics(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Dataset data = wide_mixture(count);
  const Matrix<float> generated = make_dataset(*data.mixture, count, 2).x;
  const auto backend = make_cpu_backend();
  EvaluationOptions options;
  options.test = count;
  options.ceiling = false;
  for (auto _ : state) benchmark::DoNotOptimize(evaluate(*backend, data, generated, options));
}
BENCHMARK(two_sample_metrics)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond)->UseRealTime();

void kmeans_of_a_million(benchmark::State& state) {
  const Dataset data = wide_mixture(1000000);
  std::uint64_t seed = 0;
  for (auto _ : state) benchmark::DoNotOptimize(kmeans(data.x, {.k = 10, .restarts = 3, .seed = ++seed}));
}
BENCHMARK(kmeans_of_a_million)->Unit(benchmark::kMillisecond)->UseRealTime();

void choose_k_of_a_thousand(benchmark::State& state) {
  const Dataset data = wide_mixture(1000);
  const auto backend = make_cpu_backend();
  ClusterOptions options;
  for (std::size_t k = 1; k <= 16; ++k) options.k.push_back(k);
  for (auto _ : state) benchmark::DoNotOptimize(cluster(*backend, data.x, data.labels, options));
}
BENCHMARK(choose_k_of_a_thousand)->Unit(benchmark::kMillisecond)->UseRealTime();

void silhouette_of_ten_thousand(benchmark::State& state) {
  const auto backend = make_cpu_backend();
  const Dataset data = wide_mixture(10000);
  for (auto _ : state) benchmark::DoNotOptimize(silhouette(*backend, data.x, data.labels, 10, 0, 1));
}
BENCHMARK(silhouette_of_ten_thousand)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace gmmvae
