#include "host/app/run_output.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <span>
#include <string>
#include <string_view>

#include "host/io/atomic_file.hpp"
#include "host/io/json_file.hpp"
#include "host/io/npy.hpp"
#include "host/io/npz.hpp"
#include "host/report/write_report.hpp"
#include "host/study/course.hpp"
#include "version.hpp"

namespace gmmvae {
namespace {

using nlohmann::ordered_json;

void write_model(const RunDirectory& folder, const ModelStudy& model) {
  write_npy(folder.file(model.name, "samples.npy"), model.samples);
  NpzWriter latents(folder.file(model.name, "latents.npz"));
  latents.add<float>("mean", model.latents.mean);
  latents.add<float>("variance", model.latents.variance);
  latents.commit();
  write_file(folder.file(model.name, "metrics.json"), metrics_json(model.evaluation));
  ordered_json clusters;
  clusters["samples"] = ordered_json::parse(clusters_json(model.sample_clusters));
  clusters["latents"] = ordered_json::parse(clusters_json(model.latent_clusters));
  write_json_file(folder.file(model.name, "clusters.json"), clusters);
  write_npy(folder.file(model.name, "tsne.npy"), model.embedding.points);
  write_file(folder.file(model.name, "tsne.json"), tsne_json(model.embedding));
}

/// What differs from one run of the same configuration to the next.
ordered_json circumstances(const RunTraining& training, const Backend& backend) {
  ordered_json out;
  out["version"] = kVersion;
  out["device"] = backend.name();
  out["device_description"] = backend.description();
  ordered_json& seconds = out["seconds_per_step"] = ordered_json::object();
  for (const TrainingTime& time : training.times)
    seconds[time.model] =
        time.steps > 0 ? ordered_json(time.seconds / static_cast<double>(time.steps)) : ordered_json(nullptr);
  return out;
}

ordered_json failures_json(std::span<const ModelFailure> failures) {
  ordered_json out = ordered_json::array();
  for (const ModelFailure& failure : failures) out.push_back({{"name", failure.model}, {"why", failure.why}});
  return out;
}

ordered_json modes_json(const ModeCoverage& modes) {
  ordered_json out;
  out["total"] = modes.total;
  out["captured"] = modes.captured;
  out["hit"] = modes.hit;
  out["high_quality"] = modes.high_quality;
  return out;
}

ordered_json model_json(const ModelStudy& model) {
  ordered_json out;
  const Evaluation& e = model.evaluation;
  const std::size_t last = model.history.epochs() - 1;
  out["name"] = model.name;
  out["epochs"] = model.history.epochs();
  out["loss"] = model.history.loss(last);
  out["reconstruction"] = model.history.reconstruction(last);
  out["kl"] = model.history.kl(last);
  out["elbo"] = model.history.elbo(last);
  out["predicted"] = model.prediction.verdict;
  out["verdict"] = e.verdict->verdict;
  out["why"] = e.verdict->why;
  out["prediction_held"] = model.prediction_held();
  if (e.samples.modes) {
    out["modes"] = modes_json(*e.samples.modes);
    out["modes_noise_free"] = modes_json(*e.noise_free->modes);
    out["modes_of_the_truth"] = modes_json(*e.truth->modes);
    out["modes_of_rescaled_samples"] = modes_json(*model.rescaled_modes);
  }
  return out;
}

void print_course_table(const Console& console, const ModelStudy& model,
                        const std::vector<std::string>& changes) {
  console.print("\nthe published losses and this run's");
  console.print(fmt::format("{:>7}{:>12}{:>12}{:>13}", "epoch", "published", "this run", "difference"));
  for (const CourseRow& row : course_table(model.history))
    console.print(fmt::format("{:>7}{:>12.6f}{:>12.6f}{:>11.2f} %", row.epoch, row.published, row.found,
                              100.0 * row.difference));
  if (changes.empty()) {
    console.print(fmt::format(
        "  (the shipped seed {} makes a data set chosen to match: the report's own data are not known)",
        kCourseSeed));
  } else {
    console.print(fmt::format("  (here {}: another experiment, whose losses need not match)",
                              fmt::join(changes, ", ")));
  }
}

void print_verdict(const Console& console, const ModelStudy& model) {
  const Verdict& found = *model.evaluation.verdict;
  console.print(fmt::format("{}: {}, {}. {}", model.name, found.verdict,
                            model.prediction_held() ? "as predicted" : "which was NOT predicted", found.why));
}

void print_mode_row(const Console& console, std::string_view name, const ModeCoverage& modes) {
  console.print(fmt::format("  {:<40}{:>5} of {:<4}{:>10.1f} %", name, modes.captured, modes.total,
                            100.0 * modes.high_quality));
}

void print_modes(const Console& console, const RunResults& results) {
  if (!results.data->mixture || results.models.empty()) return;
  console.print(fmt::format("\n  {:<40}{:>12}{:>12}", "samples", "modes kept", "in a mode"));
  print_mode_row(console, "the true mixture", *results.models.front().evaluation.truth->modes);
  for (const ModelStudy& model : results.models) {
    print_mode_row(console, model.name + ", with decoder noise", *model.evaluation.samples.modes);
    print_mode_row(console, model.name + ", decoder mean", *model.evaluation.noise_free->modes);
  }
  console.print(
      "\n  RESCALED to the data's range, which hides a collapse: these are NOT the models' samples");
  for (const ModelStudy& model : results.models)
    print_mode_row(console, model.name + ", decoder mean rescaled", *model.rescaled_modes);
  console.print("");
}

}  // namespace

void write_run(const RunDirectory& folder, const RunResults& results, const RunTraining& training,
               const Backend& backend) {
  for (const ModelStudy& model : results.models) write_model(folder, model);
  ordered_json about = circumstances(training, backend);
  about["diverged"] = failures_json(training.failures);
  // data.npz has no place for them.
  if (!results.data->column_names.empty()) about["columns"] = results.data->column_names;
  write_json_file(folder.file("run.json"), about);
  write_run_report(folder);
}

void print_run(const Console& console, const RunResults& results) {
  for (const ModelStudy& model : results.models) {
    if (results.course && model.name == "course") print_course_table(console, model, results.course_changes);
  }
  console.print("");
  for (const ModelStudy& model : results.models) print_verdict(console, model);
  for (const ModelFailure& failure : results.failures) console.warn(failure.why);
  print_modes(console, results);
}

ordered_json run_json(const RunDirectory& folder, const RunResults& results, const RunTraining& training,
                      const Backend& backend) {
  ordered_json out;
  out["out"] = folder.path();
  out["report"] = folder.file("report.html");
  ordered_json& models = out["models"] = ordered_json::array();
  for (const ModelStudy& model : results.models) {
    models.push_back(model_json(model));
    if (!results.course || model.name != "course") continue;
    ordered_json& table = out["course_table"] = ordered_json::array();
    for (const CourseRow& row : course_table(model.history))
      table.push_back({{"epoch", row.epoch},
                       {"published", row.published},
                       {"found", row.found},
                       {"difference", row.difference}});
  }
  out["diverged"] = failures_json(results.failures);
  out["run"] = circumstances(training, backend);
  return out;
}

}  // namespace gmmvae
