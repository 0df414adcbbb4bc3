#include "gmmvae/tsne.hpp"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/app/device.hpp"
#include "host/app/files.hpp"
#include "host/app/progress.hpp"
#include "host/app/signals.hpp"
#include "host/app/stop_rule.hpp"
#include "host/app/tsne_files.hpp"
#include "host/app/verbs.hpp"
#include "host/config/builders.hpp"
#include "host/io/npy.hpp"
#include "host/io/npz.hpp"
#include "host/training/identity.hpp"

namespace gmmvae {
namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::ordered_json;

/// Numbers to start from, in as many rows as the data has.
Matrix<float> start_points(const Settings& settings, std::size_t rows, std::size_t dim) {
  const std::string path = settings.text("init");
  if (!is_regular_file(path))
    throw DataError(fmt::format("{}: there is no file {}, and it is neither pca nor random",
                                settings.label("init"), path));
  Matrix<float> points = read_npy_points(path);
  if (points.rows() != rows || points.cols() != dim)
    throw DataError(fmt::format("{} holds {} x {} numbers, but the embedding has {} points in {} dimensions",
                                path, points.rows(), points.cols(), rows, dim));
  return points;
}

TsneOptions chosen_options(const Settings& settings, std::size_t rows) {
  TsneOptions options = tsne_options(settings);
  const std::string init = settings.text("init");
  if (init != "random" && init != "pca") options.start_points = start_points(settings, rows, options.dim);
  return options;
}

int transform(Backend& backend, const Settings& settings, const std::string& out, const Console& console) {
  if (settings.flag("resume"))
    throw UsageError(
        fmt::format("{} places points at once: there is nothing to resume", settings.label("transform")));
  const std::string path = settings.text("transform");
  const NpzReader file(path);
  const Matrix<float> x = read_npy_points(*file.open("x")), y = read_npy_points(*file.open("embedding"));
  const Dataset data = read_data(settings);
  if (data.x.cols() != x.cols())
    throw DataError(fmt::format("{} has {} columns, but {} is the embedding of points with {}",
                                settings.text("data"), data.x.cols(), path, x.cols()));
  if (out.empty()) throw UsageError("--transform needs --out FILE for the new points' positions");
  const Matrix<float> points = backend.tsne_transform(x, y, data.x);
  write_embedding(out, data, points, {});
  console.print(fmt::format("{} points placed in the embedding of {} points", points.rows(), x.rows()));
  console.say(fmt::format("wrote {}", out));
  ordered_json object;
  object["points"] = points.rows();
  object["dim"] = points.cols();
  object["reference_points"] = x.rows();
  console.result(object);
  return 0;
}

void print_embedding(const Console& console, const Embedding& embedding) {
  console.print(fmt::format("{} points, {} neighbours each, effective perplexity {:.4g}",
                            embedding.points.rows(), embedding.neighbors, embedding.effective_perplexity));
  if (embedding.recall)
    console.print(fmt::format("neighbours are approximate: recall {:.4f} on a sample", *embedding.recall));
  console.print(fmt::format("KL divergence {:.5f} after {} iterations, {} of them exaggerated",
                            embedding.kl_divergence, embedding.iterations, embedding.exaggeration_end));
}

/// Whether what was interrupted lies at OUT.checkpoint: then a finished embedding beside it may not be all
/// there is to do.
bool has_checkpoint_of(const TsneOutputs& outputs, const std::string& identity) {
  return is_regular_file(outputs.checkpoint) &&
         same_training(load_tsne_checkpoint(outputs.checkpoint).config, identity);
}

/// With --resume: whether OUT is this very embedding. Throws UsageError where it is another one.
bool is_finished(const TsneOutputs& outputs, const std::string& identity, const Console& console) {
  const std::optional<TsneRecord> record = read_tsne_record(outputs);
  if (!record || has_checkpoint_of(outputs, identity)) return false;
  if (!same_training(record->config, identity)) {
    if (!is_regular_file(outputs.checkpoint))
      require_same_training(record->config, identity, outputs.out, "embedding");
    return false;
  }
  console.say(fmt::format("{} is finished: there is nothing to resume", outputs.out));
  for (const std::string& path : {outputs.affinities, outputs.gradient})
    if (!path.empty() && !is_regular_file(path))
      console.warn(fmt::format("there is no {}: embed without --resume to get it", path));
  console.result(record->figures);
  return true;
}

/// The checkpoint to go on from, with nothing in it but the configuration where there is none.
TsneCheckpoint starting_point(const Settings& settings, const TsneOutputs& outputs, std::string identity,
                              const Console& console) {
  if (!is_regular_file(outputs.checkpoint)) {
    if (settings.flag("resume")) console.detail("there is no checkpoint: starting afresh");
    return {std::move(identity), {}, {}};
  }
  if (!settings.flag("resume")) {
    console.warn(fmt::format(
        "{} of an interrupted embedding is not used and will be replaced: --resume goes on from it",
        outputs.checkpoint));
    return {std::move(identity), {}, {}};
  }
  TsneCheckpoint checkpoint = load_tsne_checkpoint(outputs.checkpoint);
  require_same_training(checkpoint.config, identity, outputs.checkpoint, "embedding");
  console.say(
      fmt::format("going on from {} after {} iterations", outputs.checkpoint, checkpoint.state.iteration));
  return checkpoint;
}

/// Descends from `from` on; what is kept on the way goes back into it.
Embedding descend(Backend& backend, const Settings& settings, const Dataset& data, const TsneOptions& options,
                  const Affinities& affinities, const TsneOutputs& outputs, TsneCheckpoint& from,
                  const Console& console, Clock::time_point start) {
  const TsneState before = std::move(from.state);
  ProgressLine progress(console, "iterations", before.iteration, options.iterations);
  StopRule rule(settings, start);
  TsneControl control;
  control.stop = [&] { return rule.should_stop(); };
  control.advanced = [&] {
    rule.gained();
    progress.advance(1);
  };
  control.progress = [&](const TsneProgress& at) {
    const std::string kl =
        fmt::format("KL divergence {:.5f}{}", at.kl_divergence, at.exaggerating ? ", exaggerating" : "");
    console.detail(fmt::format("iteration {}: {}", at.iteration, kl));
    progress.note(kl);
  };
  control.snapshot_every = settings.count("snapshots");
  control.snapshot = [&](std::size_t iteration, MatrixView<float> points) {
    from.snapshots.iterations.push_back(static_cast<std::int64_t>(iteration));
    from.snapshots.points.insert(from.snapshots.points.end(), points.data, points.data + points.size());
  };
  if (!outputs.checkpoint.empty()) control.checkpoint_every = settings.seconds("checkpoint-every");
  control.checkpoint = [&](const TsneState& state) {
    from.state = state;
    save_tsne_checkpoint(outputs.checkpoint, from);
  };
  Embedding embedding =
      backend.embed(affinities, data.x, options, control, before.positions.empty() ? nullptr : &before);
  from.state = embedding.state;
  return embedding;
}

/// The embedding is not lost where a file cannot be written: the checkpoint stays, and --resume writes what
/// is missing.
void write_results(Backend& backend, const TsneOutputs& outputs, const Dataset& data,
                   const TsneCheckpoint& end, const Embedding& embedding, const Affinities& affinities,
                   const TsneOptions& options, const ordered_json& figures) {
  try {
    if (!outputs.gradient.empty()) {
      const TsneGradient at_end = backend.tsne_gradient(affinities, embedding.points, options.method);
      write_npy<double>(outputs.gradient, {embedding.points.rows(), embedding.points.cols()},
                        at_end.gradient.values());
    }
    if (!outputs.out.empty())
      write_embedding(outputs, data, embedding.points, end.snapshots, {end.config, figures});
  } catch (const DataError&) {
    try {
      if (!outputs.checkpoint.empty()) save_tsne_checkpoint(outputs.checkpoint, end);
    } catch (const DataError&) {
      // An older checkpoint, if any, is still there; the first error says what is wrong.
    }
    throw;
  }
  std::error_code ignored;
  if (!outputs.checkpoint.empty()) std::filesystem::remove(outputs.checkpoint, ignored);
}

}  // namespace

int run_tsne(const Settings& settings, Console& console) {
  const Clock::time_point start = Clock::now();
  const TsneOutputs outputs(settings);
  const std::unique_ptr<Backend> backend = chosen_backend(settings, console);
  if (settings.is_set("transform")) return transform(*backend, settings, outputs.out, console);
  const Dataset data = read_data(settings);
  const TsneOptions options = chosen_options(settings, data.x.rows());
  const std::string identity = tsne_identity(settings, data, options.start_points);
  if (settings.flag("resume") && is_finished(outputs, identity, console)) return 0;
  TsneCheckpoint checkpoint = starting_point(settings, outputs, identity, console);
  if (!outputs.checkpoint.empty()) install_stop_handlers();
  const Affinities affinities = backend->tsne_affinities(data.x, options);
  for (const std::string& warning : affinities.warnings) console.warn(warning);
  if (!outputs.affinities.empty()) write_affinities(outputs.affinities, affinities);
  const Embedding embedding =
      descend(*backend, settings, data, options, affinities, outputs, checkpoint, console, start);
  if (embedding.stopped) {
    if (!outputs.checkpoint.empty()) save_tsne_checkpoint(outputs.checkpoint, checkpoint);
    return end_stopped(console, fmt::format("{} of {} iterations", embedding.iterations, options.iterations),
                       outputs.checkpoint, "there is no file to save beside");
  }
  const ordered_json figures = ordered_json::parse(tsne_json(embedding));
  write_results(*backend, outputs, data, checkpoint, embedding, affinities, options, figures);
  for (std::size_t i = affinities.warnings.size(); i < embedding.warnings.size(); ++i)
    console.warn(embedding.warnings[i]);
  print_embedding(console, embedding);
  if (!outputs.out.empty()) console.say(fmt::format("wrote {}", outputs.out));
  console.result(figures);
  return 0;
}

}  // namespace gmmvae
