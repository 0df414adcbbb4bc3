#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/app/files.hpp"
#include "host/app/verbs.hpp"
#include "host/export/onnx.hpp"
#include "host/export/optuna.hpp"
#include "host/export/tables.hpp"
#include "host/export/tensorboard.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/history_csv.hpp"
#include "host/io/model_file.hpp"
#include "host/sweep/folder.hpp"
#include "host/sweep/results.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

/// One model with what is known about its training, read before anything is written.
struct Source {
  std::string name;  ///< its folder in a run; "" for a model file
  std::string model_file;
  std::string history_file;  ///< "" where there is none
  Vae vae;
  std::size_t index = 0;
  std::optional<History> history;
};

std::string source_path(const Settings& settings) {
  const bool named = settings.is_set("model");
  if (settings.arguments().size() + (named ? 1 : 0) > 1)
    throw UsageError("export takes one model file, run directory or sweep directory at a time");
  if (named) return settings.text("model");
  if (settings.arguments().empty())
    throw UsageError(
        "export needs a model file, run directory or sweep directory: gmmvae export MODEL --out DIR");
  return settings.arguments().front();
}

/// The one history of the file that belongs to the model.
History history_of(const Source& source) {
  std::vector<History> histories = read_history_csv(source.history_file);
  if (histories.size() != source.vae.models || histories.front().latent() != source.vae.architecture.latent)
    throw DataError(fmt::format(
        "{} tells of {} model{} with {} latent dimensions, but {} holds {} with {}: it is not its history",
        source.history_file, histories.size(), histories.size() == 1 ? "" : "s", histories.front().latent(),
        source.model_file, source.vae.models, source.vae.architecture.latent));
  return std::move(histories[source.index]);
}

Source open_model(const Settings& settings, std::string name, const std::string& model_file,
                  std::string history_file) {
  ChosenModel chosen = read_model(settings, model_file);
  Source source{std::move(name),       model_file,   std::move(history_file),
                std::move(chosen.vae), chosen.index, {}};
  if (!source.history_file.empty()) source.history = history_of(source);
  return source;
}

/// What a folder of a run holds of one model.
Source open_folder(const Settings& settings, std::string name, const fs::path& folder) {
  if (settings.is_set("history"))
    throw UsageError(fmt::format("{} belongs to a model file: the folder {} has histories of its own",
                                 settings.label("history"), folder.string()));
  const fs::path history = folder / "history.csv";
  return open_model(settings, std::move(name), folder / "model.safetensors",
                    fs::exists(history) ? history.string() : "");
}

std::vector<Source> open_sources(const Settings& settings, const fs::path& path) {
  std::error_code error;
  if (!fs::is_directory(path, error))
    return {open_model(settings, "", path.string(), settings.text("history"))};
  if (fs::exists(path / "model.safetensors", error)) return {open_folder(settings, "", path)};
  std::vector<fs::path> folders;
  for (const fs::directory_entry& entry : fs::directory_iterator(path, error)) {
    if (fs::exists(entry.path() / "model.safetensors", error)) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  if (folders.empty())
    throw DataError(fmt::format("{} holds neither a model nor a run with models nor a sweep", path.string()));
  std::vector<Source> sources;
  sources.reserve(folders.size());
  for (const fs::path& folder : folders)
    sources.push_back(open_folder(settings, folder.filename().string(), folder));
  return sources;
}

/// Where the files of one export go; it remembers them.
class Destination {
 public:
  Destination(const fs::path& root, const std::string& name) : folder_(name.empty() ? root : root / name) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (error)
      throw DataError(fmt::format("the folder {} cannot be created: {}", folder_.string(), error.message()));
  }

  /// The path of a file in it. Throws UsageError where that is one of the files read.
  std::string file(const std::string& name, const Source* source = nullptr) {
    const fs::path path = folder_ / name;
    std::error_code ignored;
    if (source != nullptr && fs::equivalent(path, source->history_file, ignored))
      throw UsageError(
          fmt::format("--out would overwrite the history {}: choose another folder", path.string()));
    files_.push_back(path.string());
    return path.string();
  }
  [[nodiscard]] const std::vector<std::string>& files() const { return files_; }

 private:
  fs::path folder_;
  std::vector<std::string> files_;
};

void write_onnx(const Source& source, Destination& out) {
  const std::string encoder = onnx_encoder(source.vae, source.index);
  const std::string decoder = onnx_decoder(source.vae, source.index);
  write_file(out.file("encoder.onnx"), encoder);
  write_file(out.file("decoder.onnx"), decoder);
}

void write_npz(const Source& source, Destination& out) {
  write_parameters_npz(out.file("parameters.npz"), source.vae, source.index);
  if (source.history) write_history_npz(out.file("history.npz"), *source.history);
}

void write_csv(const Source& source, Destination& out) {
  const std::string history = source.history ? out.file("history.csv", &source) : "";
  write_parameters_csv(out.file("parameters.csv"), source.vae, source.index);
  if (!source.history) return;
  TrainingState state;
  state.history = *source.history;
  write_history_csv(history, {&state, 1});
}

/// TensorBoard knows an event file by "tfevents" in its name; a name that is always the same is replaced when
/// the export is repeated.
void write_tensorboard(const Source& source, Destination& out) {
  write_file(out.file("events.out.tfevents.0.gmmvae"), tensorboard_events(*source.history));
}

void require_history(const Source& source) {
  if (!source.history)
    throw UsageError(
        fmt::format("TensorBoard shows the history of a training, and {} has none: name it with "
                    "--history FILE.csv, which train --history writes",
                    source.model_file));
}

int export_sweep(const Settings& settings, Console& console, const std::string& path) {
  const fs::path folder = settings.required_path("out");
  const SweepPlan plan = stored_plan(path);
  const SweepResults results = read_results(path);
  for (const std::string& store : results.busy)
    console.warn(fmt::format("{} is in use: its trials are not among those exported", store));
  const OptunaJournal journal = optuna_journal(plan, results, fs::weakly_canonical(path).filename());
  Destination out(folder, "");
  write_file(out.file("journal.log"), journal.text);
  console.say(fmt::format("wrote {}", out.files().front()));
  console.print(fmt::format("{} trials as the study {}", journal.trials, journal.study));
  console.result({{"format", "optuna"},
                  {"source", path},
                  {"out", folder.string()},
                  {"study", journal.study},
                  {"trials", journal.trials},
                  {"files", out.files()}});
  return 0;
}

ordered_json export_model(const std::string& format, const Source& source, const fs::path& folder,
                          Console& console) {
  Destination out(folder, source.name);
  if (format == "npz") {
    write_npz(source, out);
  } else if (format == "csv") {
    write_csv(source, out);
  } else if (format == "tensorboard") {
    write_tensorboard(source, out);
  } else {
    write_onnx(source, out);
  }
  for (const std::string& file : out.files()) console.print(file);
  ordered_json object;
  object["name"] = source.name.empty() ? ordered_json(nullptr) : ordered_json(source.name);
  object["model"] = source.model_file;
  object["index"] = source.index;
  object["files"] = out.files();
  return object;
}

}  // namespace

int run_export(const Settings& settings, Console& console) {
  const std::string path = source_path(settings);
  const fs::path folder = settings.required_path("out");
  std::error_code error;
  const bool sweep = fs::exists(fs::path(path) / "sweep.toml", error);
  const std::string format = settings.is_set("format") ? settings.text("format") : sweep ? "optuna" : "onnx";
  if (sweep && format != "optuna")
    throw UsageError(
        fmt::format("{} is a sweep, which is exported with --format optuna; its table is written by "
                    "gmmvae sweep collect {} --out FILE.csv",
                    path, path));
  if (!sweep && format == "optuna")
    throw UsageError(fmt::format("--format optuna is for the folder of a sweep, and {} is none", path));
  if (sweep) return export_sweep(settings, console, path);
  const std::vector<Source> sources = open_sources(settings, path);
  if (format == "tensorboard") std::for_each(sources.begin(), sources.end(), require_history);
  ordered_json models = ordered_json::array();
  for (const Source& source : sources) models.push_back(export_model(format, source, folder, console));
  console.result({{"format", format}, {"source", path}, {"out", folder.string()}, {"models", models}});
  return 0;
}

}  // namespace gmmvae
