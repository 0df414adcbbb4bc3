#include "host/study/run_record.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "gmmvae/error.hpp"
#include "host/config/settings.hpp"
#include "host/io/dataset_file.hpp"
#include "host/io/history_csv.hpp"
#include "host/io/model_file.hpp"
#include "host/io/npy.hpp"
#include "host/io/npz.hpp"
#include "host/io/text_file.hpp"
#include "host/study/commands.hpp"
#include "host/study/course.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

void require_shape(const std::string& file, MatrixView<float> found, std::size_t rows, std::size_t columns) {
  if (found.rows == rows && found.cols == columns) return;
  throw DataError(fmt::format("{} does not belong to this run: it is {} by {} and not {} by {}", file,
                              found.rows, found.cols, rows, columns));
}

Matrix<float> read_matrix(const NpzReader& archive, const std::string& key) {
  return read_npy_points(*archive.open(key));
}

ModelRecord read_model(const RunDirectory& folder, const std::string& name, const Dataset& data) {
  ModelRecord model;
  const auto file = [&](const char* file_name) { return folder.file(name, file_name); };
  model.name = name;
  model.vae = load_model(file("model.safetensors"));
  if (model.vae.architecture.data_dim != data.x.cols())
    throw DataError(fmt::format("{} does not belong to this run: it is for data in {} dimensions and not {}",
                                file("model.safetensors"), model.vae.architecture.data_dim, data.x.cols()));
  model.history = read_history_csv(file("history.csv")).at(0);
  model.prediction = predict_model(model.vae.objective, model.vae.scaler, model.latent(), data);
  model.metrics = JsonRecord(file("metrics.json"));
  const JsonRecord clusters(file("clusters.json"));
  model.sample_clusters = clusters.record("samples");
  model.latent_clusters = clusters.record("latents");
  model.samples = read_npy_points(file("samples.npy"));
  require_shape(file("samples.npy"), model.samples, model.samples.rows(), data.x.cols());
  const NpzReader latents(file("latents.npz"));
  model.latents = {read_matrix(latents, "mean"), read_matrix(latents, "variance")};
  require_shape(file("latents.npz"), model.latents.mean, data.x.rows(), model.latent());
  require_shape(file("latents.npz"), model.latents.variance, data.x.rows(), model.latent());
  model.tsne = JsonRecord(file("tsne.json"));
  if (model.tsne.count("points").value_or(0) > 0) {
    model.embedding = read_npy_points(file("tsne.npy"));
    require_shape(file("tsne.npy"), model.embedding, even_rows(data.x.rows()).size(),
                  model.tsne.count("dim").value_or(2));
  }
  return model;
}

/// Why a model of the configuration is not there.
std::string absence(const std::string& model, const JsonRecord& about) {
  for (const JsonRecord& failure : about.records("diverged"))
    if (failure.text("name") == model) return failure.text("why");
  return fmt::format("the training of model {} is not finished: run the same command again to go on", model);
}

}  // namespace

bool is_run_folder(const RunDirectory& folder) {
  return fs::exists(folder.file("config.toml")) && fs::exists(folder.file("data.npz"));
}

RunRecord read_run(const RunDirectory& folder) {
  if (!is_run_folder(folder))
    throw DataError(fmt::format("{} holds no run: there is no config.toml with a data.npz", folder.path()));
  RunRecord run;
  run.config = read_text_file(folder.file("config.toml"));
  Settings settings("run");
  settings.add_file(folder.file("config.toml"));
  run.seed = settings.count("seed");
  run.course = is_course(settings);
  if (run.course) run.course_changes = course_changes(settings);
  run.data = load_dataset(folder.file("data.npz"));
  const JsonRecord about =
      fs::exists(folder.file("run.json")) ? JsonRecord(folder.file("run.json")) : JsonRecord();
  run.version = about.text("version");
  if (run.data.column_names.empty()) run.data.column_names = about.texts("columns");
  for (const std::string& name : settings.model_names()) {
    if (fs::exists(folder.file(name, "metrics.json"))) {
      run.models.push_back(read_model(folder, name, run.data));
      run.models.back().training_command = train_command(settings.for_model(name), name);
    } else {
      run.failures.push_back({name, absence(name, about)});
    }
  }
  return run;
}

}  // namespace gmmvae
