// Training complete models, 3-HIDDEN-2-HIDDEN-3 on 1,000 points for 100 epochs of batches of 96. Counters:
// models a second and floating-point operations of the matrix products a second, to be held against
// product_bench's sgemm.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <span>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/training.hpp"

namespace gmmvae {
namespace {

constexpr std::size_t kPoints = 1000;

/// Floating-point operations of one visit of one point: two a weight for the output, two for the weight's
/// gradient, two for the input's gradient in every layer but the encoder's first. 53,376 for
/// 3-64-64-2-64-64-3, which over 1,000 points and 100 epochs is 5.34 GFLOP.
double operations_of_a_visit(const Architecture& architecture) {
  double weights = 0.0;
  for (const DenseShape& layer : encoder_layers(architecture))
    weights += static_cast<double>(layer.in * layer.out);
  for (const DenseShape& layer : decoder_layers(architecture))
    weights += static_cast<double>(layer.in * layer.out);
  const DenseShape first = encoder_layers(architecture).front();
  return 6.0 * weights - 2.0 * static_cast<double>(first.in * first.out);
}

/// Trains `models` fresh models a round on that many threads; 0 threads are all that the process may use.
void train(benchmark::State& state, const std::vector<std::size_t>& hidden, std::size_t models,
           std::size_t threads) {
  const Dataset dataset = make_dataset(draw_mixture({}, 360), kPoints, 1);
  const Scaler scaler = Scaler::fit(ScaleKind::standard, dataset.x);
  const Matrix<float> points = scaler.apply(dataset.x);
  TrainingJob job;
  job.architecture.data_dim = points.cols();
  job.architecture.encoder_hidden = hidden;
  job.architecture.decoder_hidden = hidden;
  job.data = points;
  job.log_jacobian = scaler.log_jacobian();
  const auto backend = make_cpu_backend(threads);
  std::uint32_t model = 0;
  for (auto _ : state) {
    std::vector<TrainingJob> jobs(models, job);
    for (TrainingJob& each : jobs) {
      each.model = model++;
      each.state = initial_state(each, Initialization::linear);
    }
    backend->train(jobs, {});
    benchmark::DoNotOptimize(jobs.front().state.parameters.data());
  }
  const auto trained = static_cast<double>(models) * static_cast<double>(state.iterations());
  const double visits = static_cast<double>(kPoints * job.config.epochs);
  state.counters["models/s"] = benchmark::Counter(trained, benchmark::Counter::kIsRate);
  state.counters["FLOP/s"] = benchmark::Counter(trained * visits * operations_of_a_visit(job.architecture),
                                                benchmark::Counter::kIsRate);
  state.SetLabel(backend->description());
}

BENCHMARK_CAPTURE(train, hidden_64_64, {64, 64}, 1, 1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(train, hidden_16, {16}, 1, 1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(train, hidden_32_32, {32, 32}, 1, 1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(train, hidden_128_64, {128, 64}, 1, 1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(train, hidden_256_256, {256, 256}, 1, 1)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(train, many_64_64, {64, 64}, 64, 0)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(train, many_16, {16}, 64, 0)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace gmmvae
