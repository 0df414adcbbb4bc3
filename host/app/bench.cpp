#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/app/device.hpp"
#include "host/app/drawing.hpp"
#include "host/app/verbs.hpp"
#include "host/bench/axes.hpp"
#include "host/bench/measure.hpp"
#include "host/config/builders.hpp"
#include "host/io/nearest_name.hpp"
#include "host/vae/names.hpp"
#include "version.hpp"

namespace gmmvae {
namespace {

using bench::Combinations;
using bench::Report;
using bench::Row;
using nlohmann::ordered_json;

bench::SamplingPlan sampling(const Settings& settings, std::size_t samples) {
  bench::SamplingPlan plan;
  plan.samples = settings.is_set("repetitions") ? settings.count("repetitions") : samples;
  plan.seconds = settings.seconds("seconds");
  return plan;
}

/// The command as it could be typed again.
std::string command_of(const Settings& settings) {
  std::string command = "gmmvae bench";
  for (const std::string& argument : settings.arguments()) command += " " + argument;
  for (const Option* option : options_of(settings.verb())) {
    if (option->name == "config" || option->name == "set" || !settings.is_given(option->name)) continue;
    const bool bare = option->kind == OptionKind::flag;
    command += bare ? fmt::format(" --{}", option->name)
                    : fmt::format(" --{} '{}'", option->name, settings.text(option->name));
  }
  return command;
}

/// A report of this program, on the backend's device.
Report new_report(const Settings& settings, Backend& backend, bool with_peaks) {
  Report report;
  report.executable = fmt::format("gmmvae {}", kVersion);
  report.command = command_of(settings);
  report.commit = kCommit;
  const std::unique_ptr<KernelBench> device = backend.kernel_bench();
  if (device != nullptr) {
    report.device = device->device();
    if (with_peaks) report.peaks = device->peaks();
  } else {
    report.device = {{"name", backend.description()}};
  }
  return report;
}

void show_cells(const Settings& settings, const Console& console,
                const std::vector<std::vector<std::string>>& cells) {
  std::string text = settings.flag("csv")  ? bench::csv(cells)
                     : settings.flag("md") ? bench::markdown(cells)
                                           : bench::aligned(cells);
  text.pop_back();
  console.print(text);
}

int show(const Settings& settings, const Console& console, const Report& report) {
  for (const auto& [name, value] : report.device) console.say(fmt::format("{}: {}", name, value));
  console.say(bench::describe_peaks(report.peaks));
  show_cells(settings, console, bench::table(report));
  console.result(bench::to_json(report));
  return 0;
}

TrainingJob job_of(const Combinations& work, std::size_t i, const Matrix<float>& points) {
  const Settings settings = work.settings(i, "train");
  TrainingJob job;
  job.architecture = architecture(settings, points.cols());
  job.objective = objective(settings);
  job.config = training_config(settings);
  job.data = points;
  return job;
}

/// Scaled points of the combination's mixture.
Matrix<float> points_of(const Combinations& work, std::size_t i) {
  const Dataset data = drawn_dataset(work.settings(i, "generate"));
  const ScaleKind kind = parse<ScaleKind>(work.settings(i, "train").text("scale"));
  return Scaler::fit(kind, data.x).apply(data.x);
}

/// The kernels of a combination; `bench` holds what they work on.
std::vector<TimedKernel> kernels_of(KernelBench& bench, const Combinations& work, std::size_t i,
                                    const Settings& settings) {
  const Settings training = work.settings(i, "train");
  const std::size_t dim = work.settings(i, "generate").count("dim");
  const std::vector<std::string> wanted =
      settings.is_set("kernel") ? settings.names("kernel") : std::vector<std::string>{};
  return bench::chosen_kernels(
      bench.kernels(architecture(training, dim), objective(training), training.count("batch")), wanted);
}

std::unique_ptr<KernelBench> kernel_bench_of(Backend& backend) {
  std::unique_ptr<KernelBench> kernels = backend.kernel_bench();
  if (kernels == nullptr)
    throw UsageError(fmt::format("the backend {} has no kernels to time one by one", backend.name()));
  return kernels;
}

int bench_kernels(const Settings& settings, const Console& console) {
  const Combinations work(settings, {"train", "generate"});
  const std::unique_ptr<Backend> backend = chosen_backend(settings, console);
  const std::unique_ptr<KernelBench> kernels = kernel_bench_of(*backend);
  const bool profile = settings.flag("profile");
  Report report = new_report(settings, *backend, !profile);
  const bench::SamplingPlan plan = sampling(settings, 15);
  for (std::size_t i = 0; i < work.size(); ++i) {
    for (const TimedKernel& kernel : kernels_of(*kernels, work, i, settings)) {
      const bool known = std::any_of(report.rows.begin(), report.rows.end(), [&](const Row& row) {
        return row.name == kernel.name && row.shape == kernel.shape;
      });
      if (known) continue;  // a layer that occurs twice, or in two combinations
      if (profile) {
        (void)kernel.run(1);
        console.print(fmt::format("{} {} ran once", kernel.name, kernel.shape));
      } else {
        report.rows.push_back(bench::measure_kernel(kernel, backend->name(), plan));
      }
    }
  }
  if (profile) {
    console.result({{"profiled", true}});
    return 0;
  }
  return show(settings, console, report);
}

int bench_train(const Settings& settings, const Console& console) {
  const Combinations work(settings, {"train", "generate"});
  Report report;
  for (std::size_t i = 0; i < work.size(); ++i) {
    const Settings training = work.settings(i, "train");
    BackendOptions options = backend_options(training);
    options.device = settings.text("device");
    const std::unique_ptr<Backend> backend = make_backend(options);
    if (i == 0) report = new_report(settings, *backend, !settings.flag("profile"));
    const Matrix<float> points = points_of(work, i);
    const TrainingJob job = job_of(work, i, points);
    const std::size_t models = training.count("models");
    const std::size_t samples = settings.flag("profile") ? 1 : sampling(settings, 7).samples;
    Row row =
        bench::measure_training(*backend, job, parse<Initialization>(training.text("init")), models, samples);
    row.shape = work.describe(i, {"hidden", "batch", "models", "epochs"});
    if (backend->name() == "cpu") {
      const std::size_t threads = options.threads == 0 ? available_threads() : options.threads;
      row.threads = std::min(threads, models);
      row.devices = static_cast<double>(row.threads);
    }
    if (const std::string method = backend->training_method(); !method.empty()) console.detail(method);
    report.rows.push_back(std::move(row));
  }
  return show(settings, console, report);
}

int bench_tsne(const Settings& settings, const Console& console) {
  const Combinations work(settings, {"tsne", "generate"});
  Report report;
  for (std::size_t i = 0; i < work.size(); ++i) {
    const Settings embedding = work.settings(i, "tsne");
    const Dataset data = drawn_dataset(work.settings(i, "generate"));
    TsneOptions options = tsne_options(embedding);
    options.stop_when_converged = false;  // so that every repetition does the same work
    BackendOptions device = backend_options(embedding);
    device.device = settings.text("device");
    const std::unique_ptr<Backend> backend = make_backend(device);
    if (i == 0) report = new_report(settings, *backend, false);
    for (Row& row : bench::measure_embedding(*backend, data.x, options, sampling(settings, 3).samples)) {
      row.shape = work.describe(i, {"samples", "dim"});
      row.threads = device.threads == 0 ? available_threads() : device.threads;
      report.rows.push_back(std::move(row));
    }
  }
  return show(settings, console, report);
}

std::string percent(double fraction) {
  return fmt::format("{:+.1f} %", 100.0 * fraction);
}

/// One line a comparison, and how often each verdict was given.
struct Verdicts {
  std::vector<std::vector<std::string>> cells = {
      {"benchmark", "first, us", "second, us", "change", "known to", "verdict"}};
  ordered_json list = ordered_json::array();
  std::vector<bench::Verdict> verdicts;

  void add(const std::string& name, const bench::Summary& first, const bench::Summary& second,
           const bench::Comparison& comparison) {
    verdicts.push_back(comparison.verdict);
    cells.push_back({name, fmt::format("{:.4g}", 1e6 * first.median),
                     fmt::format("{:.4g}", 1e6 * second.median), percent(comparison.change),
                     fmt::format("{:.1f} %", 300.0 * comparison.error),
                     bench::to_string(comparison.verdict)});
    list.push_back({{"name", name},
                    {"first", first.median},
                    {"second", second.median},
                    {"change", comparison.change},
                    {"error", comparison.error},
                    {"verdict", bench::to_string(comparison.verdict)}});
  }
  [[nodiscard]] std::ptrdiff_t count(bench::Verdict verdict) const {
    return std::count(verdicts.begin(), verdicts.end(), verdict);
  }
  [[nodiscard]] std::string summary() const {
    std::vector<std::string> parts;
    for (const auto verdict :
         {bench::Verdict::same, bench::Verdict::faster, bench::Verdict::slower, bench::Verdict::unsure})
      parts.push_back(fmt::format("{} {}", count(verdict), bench::to_string(verdict)));
    return fmt::format("{}", fmt::join(parts, ", "));
  }
};

int bench_compare(const Settings& settings, const Console& console) {
  if (settings.arguments().size() != 3)
    throw UsageError("bench compare takes two files, as in: gmmvae bench compare before.json after.json");
  const auto before = bench::read_measurements(settings.arguments()[1]);
  const auto after = bench::read_measurements(settings.arguments()[2]);
  const double threshold = settings.real("threshold") / 100.0;
  const double limit = settings.is_set("fail-on-slower") ? settings.real("fail-on-slower") / 100.0 : -1.0;
  Verdicts verdicts;
  bool failed = false;
  const auto find = [](const std::vector<bench::Measurement>& list, const std::string& name) {
    return std::find_if(list.begin(), list.end(), [&](const auto& each) { return each.name == name; });
  };
  for (const bench::Measurement& first : before) {
    const auto second = find(after, first.name);
    if (second == after.end()) {
      console.warn(fmt::format("{} is only in {}", first.name, settings.arguments()[1]));
      continue;
    }
    const bench::Summary a = bench::summarize(first.seconds), b = bench::summarize(second->seconds);
    const bench::Comparison comparison = bench::compare(a, b, threshold);
    verdicts.add(first.name, a, b, comparison);
    failed =
        failed || (limit >= 0.0 && comparison.verdict == bench::Verdict::slower && comparison.change > limit);
  }
  for (const bench::Measurement& second : after)
    if (find(before, second.name) == before.end())
      console.warn(fmt::format("{} is only in {}", second.name, settings.arguments()[2]));
  if (verdicts.verdicts.empty())
    throw DataError(fmt::format("{} and {} have no benchmark in common", settings.arguments()[1],
                                settings.arguments()[2]));
  show_cells(settings, console, verdicts.cells);
  console.say(verdicts.summary());
  console.result({{"benchmarks", verdicts.list}, {"failed", failed}});
  return static_cast<int>(failed ? ExitCode::failed : ExitCode::done);
}

int bench_selftest(const Settings& settings, const Console& console) {
  constexpr int most_rounds = 8;
  const Combinations work(settings, {"train", "generate"});
  const std::unique_ptr<Backend> backend = chosen_backend(settings, console);
  const std::unique_ptr<KernelBench> kernels = kernel_bench_of(*backend);
  const double threshold = settings.real("threshold") / 100.0;
  Verdicts verdicts;
  for (std::size_t i = 0; i < work.size(); ++i) {
    for (const TimedKernel& kernel : kernels_of(*kernels, work, i, settings)) {
      const bench::SelfTest test =
          bench::test_against_itself(kernel, sampling(settings, 25), threshold, most_rounds);
      verdicts.add(test.name, test.first, test.second, test.comparison);
    }
  }
  show_cells(settings, console, verdicts.cells);
  const bool same =
      verdicts.count(bench::Verdict::same) == static_cast<std::ptrdiff_t>(verdicts.verdicts.size());
  console.print(same ? "same" : fmt::format("not all the same: {}", verdicts.summary()));
  console.result({{"benchmarks", verdicts.list}, {"verdict", same ? "same" : "not all the same"}});
  return static_cast<int>(same ? ExitCode::done : ExitCode::failed);
}

}  // namespace

int run_bench(const Settings& settings, Console& console) {
  const std::vector<std::string> actions = {"train", "kernels", "tsne", "compare", "selftest"};
  const std::string action = settings.arguments().empty() ? "" : settings.arguments().front();
  if (settings.flag("csv") && settings.flag("md"))
    throw UsageError("--csv and --md exclude each other: the table is printed once");
  if (action == "train") return bench_train(settings, console);
  if (action == "kernels") return bench_kernels(settings, console);
  if (action == "tsne") return bench_tsne(settings, console);
  if (action == "compare") return bench_compare(settings, console);
  if (action == "selftest") return bench_selftest(settings, console);
  const std::string nearest = nearest_name(action, actions);
  throw UsageError(fmt::format("bench takes one of {}{}", fmt::join(actions, ", "),
                               nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

}  // namespace gmmvae
