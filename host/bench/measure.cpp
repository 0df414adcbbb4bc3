#include "host/bench/measure.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

#include "gmmvae/error.hpp"

namespace gmmvae::bench {
namespace {

template <class Work>
double wall_seconds(Work work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::vector<TrainingJob> fresh_jobs(const TrainingJob& job, Initialization initialization,
                                    std::size_t models) {
  std::vector<TrainingJob> jobs(models, job);
  for (std::size_t m = 0; m < models; ++m) {
    jobs[m].model = static_cast<std::uint32_t>(m);
    jobs[m].state = initial_state(jobs[m], initialization);
  }
  return jobs;
}

}  // namespace

double operations_of_a_visit(const Architecture& architecture) {
  double weights = 0.0;
  for (const auto& layers : {encoder_layers(architecture), decoder_layers(architecture)})
    for (const DenseShape& layer : layers) weights += static_cast<double>(layer.in * layer.out);
  const DenseShape first = encoder_layers(architecture).front();
  return 6.0 * weights - 2.0 * static_cast<double>(first.in * first.out);
}

std::vector<TimedKernel> chosen_kernels(std::vector<TimedKernel> kernels,
                                        const std::vector<std::string>& wanted) {
  if (wanted.empty()) return kernels;
  std::vector<std::string> names;
  for (const TimedKernel& kernel : kernels)
    if (std::find(names.begin(), names.end(), kernel.name) == names.end()) names.push_back(kernel.name);
  std::erase_if(kernels, [&](const TimedKernel& kernel) {
    return std::none_of(wanted.begin(), wanted.end(),
                        [&](const std::string& part) { return kernel.name.find(part) != std::string::npos; });
  });
  if (kernels.empty())
    throw UsageError(fmt::format("no kernel's name contains {}; there are {}", fmt::join(wanted, " or "),
                                 fmt::join(names, ", ")));
  return kernels;
}

Row measure_kernel(const TimedKernel& kernel, const std::string& backend, const SamplingPlan& plan) {
  Row row;
  row.name = kernel.name;
  row.shape = kernel.shape;
  row.type = kernel.type;
  row.backend = backend;
  row.operations = kernel.operations;
  row.bytes = kernel.bytes;
  row.runs = runs_for(kernel.run, plan);
  row.baseline = kernel.baseline;
  if (kernel.run_baseline) {
    // by turns, so that what else the device does meets both
    const std::size_t runs = runs_for(kernel.run_baseline, plan);
    for (std::size_t i = 0; i < plan.samples; ++i) {
      row.seconds.push_back(kernel.run(row.runs) / static_cast<double>(row.runs));
      row.baseline_seconds.push_back(kernel.run_baseline(runs) / static_cast<double>(runs));
    }
  } else {
    row.seconds = take_samples(kernel.run, row.runs, plan);
  }
  return row;
}

SelfTest test_against_itself(const TimedKernel& kernel, const SamplingPlan& plan, double threshold,
                             int rounds) {
  SelfTest test;
  test.name = kernel.shape.empty() ? kernel.name : kernel.name + "/" + kernel.shape;
  const std::size_t runs = runs_for(kernel.run, plan);
  std::vector<double> first, second;
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < plan.samples; ++i) {
      // the one that comes first in a pair changes
      for (std::vector<double>* each : {i % 2 == 0 ? &first : &second, i % 2 == 0 ? &second : &first})
        each->push_back(kernel.run(runs) / static_cast<double>(runs));
    }
    test.first = summarize(first);
    test.second = summarize(second);
    test.comparison = compare(test.first, test.second, threshold);
    if (test.comparison.verdict == Verdict::same) break;
  }
  return test;
}

Row measure_training(Backend& backend, const TrainingJob& job, Initialization initialization,
                     std::size_t models, std::size_t samples) {
  TrainingControl short_control;
  short_control.max_epochs = 1;
  std::vector<TrainingJob> warm = fresh_jobs(job, initialization, models);
  backend.train(warm, short_control);
  Row row;
  row.name = "train";
  row.backend = backend.name();
  for (std::size_t i = 0; i < samples; ++i) {
    std::vector<TrainingJob> jobs = fresh_jobs(job, initialization, models);
    row.seconds.push_back(wall_seconds([&] { backend.train(jobs, {}); }));
    for (const TrainingJob& done : jobs)
      if (done.state.status == TrainingStatus::diverged)
        throw Error(ExitCode::diverged, "a training diverged: its time says nothing");
  }
  const auto count = static_cast<double>(models);
  const std::size_t batch = std::min(job.config.batch, job.data.rows);
  const std::size_t steps = (job.data.rows + batch - 1) / batch * job.config.epochs;
  row.operations = count * static_cast<double>(job.data.rows * job.config.epochs) *
                   operations_of_a_visit(job.architecture);
  row.amounts = {{"models", count}, {"steps", count * static_cast<double>(steps)}};
  return row;
}

std::vector<Row> measure_embedding(Backend& backend, const Matrix<float>& x, const TsneOptions& options,
                                   std::size_t samples) {
  std::vector<Row> rows(4);
  rows[0].name = "tsne";
  rows[1].name = "tsne_neighbors";
  rows[2].name = "tsne_affinities";
  rows[3].name = "tsne_descent";
  for (std::size_t i = 0; i < samples; ++i) {
    Embedding embedding;
    rows[0].seconds.push_back(wall_seconds([&] { embedding = backend.embed(x, options); }));
    rows[1].seconds.push_back(embedding.seconds.neighbors);
    rows[2].seconds.push_back(embedding.seconds.affinities);
    rows[3].seconds.push_back(embedding.seconds.descent);
    rows[3].amounts = {{"iterations", static_cast<double>(embedding.iterations)}};
  }
  for (Row& row : rows) {
    row.backend = backend.name();
    if (row.amounts.empty()) row.amounts = {{"points", static_cast<double>(x.rows())}};
  }
  return rows;
}

}  // namespace gmmvae::bench
