#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "host/app/device.hpp"
#include "host/app/drawing.hpp"
#include "host/app/files.hpp"
#include "host/app/run_output.hpp"
#include "host/app/run_training.hpp"
#include "host/app/signals.hpp"
#include "host/app/verbs.hpp"
#include "host/config/builders.hpp"
#include "host/data/range.hpp"
#include "host/io/dataset_file.hpp"
#include "host/study/course.hpp"

namespace gmmvae {
namespace {

Dataset data_of(const Settings& settings) {
  if (settings.is_set("data")) {
    refuse_drawing_options(settings, "data");
    return read_data(settings);
  }
  return drawn_dataset(settings);
}

std::vector<std::uint32_t> held_out_rows(const Settings& model, const Dataset& data) {
  return validation_split(data.x.rows(), model.real("validation"), model.count("seed")).validation;
}

std::string describe(const Dataset& data) {
  return fmt::format(
      "{} points in {} dimension{}{}", data.x.rows(), data.x.cols(), data.x.cols() == 1 ? "" : "s",
      data.mixture ? fmt::format(" from a mixture of {} Gaussians", data.mixture->components()) : "");
}

/// How the latent points of a run's models are embedded: as the verb tsne does, but for where they start.
TsneOptions embedding_options(const Settings& settings) {
  const Settings step = settings.step("tsne");
  const std::string init = step.text("init");
  if (init != "pca" && init != "random")
    throw UsageError(
        fmt::format("{}: a run embeds the points of each model, which start from pca or random, not {}",
                    step.label("init"), init));
  return tsne_options(step);
}

}  // namespace

void prepare_run(Settings& settings) {
  // Short, because it is one picture among many.
  settings.add_default("tsne", "iterations", "300");
  const std::vector<std::string> names = settings.model_names();
  // What is said of these two changes the shipped experiment; any other name makes a study of its own.
  const bool own_models = std::any_of(
      names.begin(), names.end(), [](const std::string& name) { return name != "course" && name != "elbo"; });
  if (own_models || settings.is_given("objective") || settings.is_set("data")) {
    const std::string objective = settings.text("objective");
    if (names.empty()) settings.add_default("model." + objective, "objective", objective);
    return;
  }
  add_course_defaults(settings);
}

int run_run(const Settings& settings, Console& console) {
  const RunDirectory folder(settings.required_path("out"));
  const std::string config =
      settings.to_toml(false, [](const Option& option) { return option.effect != Effect::none; });
  const TsneOptions embedding = embedding_options(settings);
  const std::unique_ptr<Backend> backend = chosen_backend(settings, console);
  const Dataset data = data_of(settings);
  if (data.x.rows() < 2) throw DataError("a run needs data of at least two points");
  require_measurable_range(data.x, "the data");
  const std::vector<RunModelPlan> plans = plan_run(settings, data);
  folder.claim(config);
  install_stop_handlers();
  save_dataset(folder.file("data.npz"), data);
  console.print(fmt::format("data: {}", describe(data)));
  RunTraining training = train_models(plans, data, folder, *backend, settings, console);
  if (training.stopped)
    return console.stopped(fmt::format(
        "stopped with everything saved: run the same command again to go on in {}", folder.path()));
  for (ModelStudy& model : training.models)
    study_model(*backend, data, held_out_rows(settings.for_model(model.name), data), settings.count("seed"),
                embedding, model);
  RunResults results{&data, training.models, training.failures, is_course(settings), {}};
  if (results.course) results.course_changes = course_changes(settings);
  write_run(folder, results, training, *backend);
  print_run(console, results);
  console.say(fmt::format("wrote {}: look at {}", folder.path(), folder.file("report.html")));
  console.result(run_json(folder, results, training, *backend));
  return static_cast<int>(training.failures.empty() ? ExitCode::done : ExitCode::diverged);
}

}  // namespace gmmvae
