#include "gmmvae/tsne.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/app/files.hpp"
#include "host/app/verbs.hpp"
#include "host/config/builders.hpp"
#include "host/io/npy.hpp"
#include "host/io/npz.hpp"

namespace gmmvae {
namespace {

/// Numbers to start from, in as many rows as the data has.
Matrix<float> start_points(const Settings& settings, std::size_t rows, std::size_t dim) {
  const std::string path = settings.text("init");
  Matrix<float> points = read_npy_points(path);
  if (points.rows() != rows || points.cols() != dim)
    throw DataError(fmt::format("{} holds {} x {} numbers, but the embedding has {} points in {} dimensions",
                                path, points.rows(), points.cols(), rows, dim));
  return points;
}

TsneOptions tsne_options(const Settings& settings, std::size_t rows) {
  TsneOptions options;
  options.perplexity = settings.real("perplexity");
  options.iterations = settings.count("iterations");
  const std::string method = settings.text("method"), neighbors = settings.text("neighbors");
  if (method != "auto") options.method = method == "fft" ? GradientMethod::fft : GradientMethod::exact;
  if (neighbors != "auto")
    options.neighbors = neighbors == "exact" ? NeighborSearch::exact : NeighborSearch::approximate;
  options.dim = settings.count("dim");
  options.exaggeration = settings.real("exaggeration");
  options.late_exaggeration = settings.real("late-exaggeration");
  if (settings.text("learning-rate") != "auto") options.learning_rate = settings.real("learning-rate");
  options.seed = settings.count("seed");
  options.threads = backend_options(settings).threads;
  const std::string init = settings.text("init");
  if (init == "random") options.start = EmbeddingStart::random;
  if (init != "random" && init != "pca") options.start_points = start_points(settings, rows, options.dim);
  return options;
}

/// Where the results go; looked at before any work.
struct Outputs {
  std::string out, affinities, gradient;
  explicit Outputs(const Settings& settings) {
    if (settings.is_set("dump-affinities")) affinities = writable_path(settings, "dump-affinities", ".npz");
    if (settings.is_set("dump-gradient")) gradient = writable_path(settings, "dump-gradient", ".npy");
    if (settings.is_set("out") || (affinities.empty() && gradient.empty()))
      out = writable_path(settings, "out", ".npy .npz");
  }
};

void write_affinities(const std::string& path, const Affinities& affinities) {
  const Affinities p = in_data_order(affinities);
  NpzWriter file(path);
  file.add<std::int64_t>("indptr", std::vector<std::int64_t>(p.offsets.begin(), p.offsets.end()));
  file.add<std::int32_t>("indices", std::vector<std::int32_t>(p.columns.begin(), p.columns.end()));
  file.add<float>("data", p.values);
  file.commit();
}

struct Snapshots {
  std::vector<std::int64_t> iterations;
  std::vector<float> points;
};

void write_snapshots(NpzWriter& file, const Snapshots& snapshots, const Matrix<float>& points) {
  if (snapshots.iterations.empty()) return;
  file.add<float>("snapshots", {snapshots.iterations.size(), points.rows(), points.cols()}, snapshots.points);
  file.add<std::int64_t>("snapshot_iterations", snapshots.iterations);
}

void write_embedding(const std::string& path, const Dataset& data, const Matrix<float>& points,
                     const Snapshots& snapshots) {
  if (path.ends_with(".npy")) {
    write_npy(path, points);
    if (snapshots.iterations.empty()) return;
    NpzWriter beside(path.substr(0, path.size() - 4) + ".snapshots.npz");
    write_snapshots(beside, snapshots, points);
    beside.commit();
    return;
  }
  NpzWriter file(path);
  file.add<float>("embedding", points);
  file.add<float>("x", data.x);
  if (!data.labels.empty()) file.add<std::int32_t>("label", data.labels);
  write_snapshots(file, snapshots, points);
  file.commit();
}

int transform(const Settings& settings, const std::string& out, const Console& console) {
  const std::string path = settings.text("transform");
  const NpzReader file(path);
  const Matrix<float> x = read_npy_points(*file.open("x")), y = read_npy_points(*file.open("embedding"));
  const Dataset data = read_data(settings);
  if (out.empty()) throw UsageError("--transform needs --out FILE for the new points' positions");
  const Matrix<float> points = tsne_transform(x, y, data.x, backend_options(settings).threads);
  write_embedding(out, data, points, {});
  console.print(fmt::format("{} points placed in the embedding of {} points", points.rows(), x.rows()));
  console.say(fmt::format("wrote {}", out));
  nlohmann::ordered_json object;
  object["points"] = points.rows();
  object["dim"] = points.cols();
  object["reference_points"] = x.rows();
  console.result(object);
  return 0;
}

void print_embedding(const Console& console, const Embedding& embedding) {
  for (const std::string& warning : embedding.warnings) console.warn(warning);
  console.print(fmt::format("{} points, {} neighbours each, effective perplexity {:.4g}",
                            embedding.points.rows(), embedding.neighbors, embedding.effective_perplexity));
  if (embedding.recall)
    console.print(fmt::format("neighbours are approximate: recall {:.4f} on a sample", *embedding.recall));
  console.print(fmt::format("KL divergence {:.5f} after {} iterations, {} of them exaggerated",
                            embedding.kl_divergence, embedding.iterations, embedding.exaggeration_end));
}

}  // namespace

int run_tsne(const Settings& settings, Console& console) {
  const Outputs outputs(settings);
  if (settings.is_set("transform")) return transform(settings, outputs.out, console);
  const Dataset data = read_data(settings);
  const TsneOptions options = tsne_options(settings, data.x.rows());
  const Affinities affinities = tsne_affinities(data.x, options);
  if (!outputs.affinities.empty()) write_affinities(outputs.affinities, affinities);
  Snapshots snapshots;
  TsneControl control;
  control.snapshot_every = settings.count("snapshots");
  control.snapshot = [&](std::size_t iteration, MatrixView<float> points) {
    snapshots.iterations.push_back(static_cast<std::int64_t>(iteration));
    snapshots.points.insert(snapshots.points.end(), points.data, points.data + points.size());
  };
  control.progress = [&](const TsneProgress& at) {
    console.detail(fmt::format("iteration {}: KL divergence {:.5f}{}", at.iteration, at.kl_divergence,
                               at.exaggerating ? ", exaggerating" : ""));
  };
  const Embedding embedding = embed(affinities, data.x, options, control);
  if (!outputs.gradient.empty()) {
    const TsneGradient at_end = tsne_gradient(affinities, embedding.points, options.method, options.threads);
    write_npy<double>(outputs.gradient, {embedding.points.rows(), embedding.points.cols()},
                      at_end.gradient.values());
  }
  if (!outputs.out.empty()) {
    write_embedding(outputs.out, data, embedding.points, snapshots);
    console.say(fmt::format("wrote {}", outputs.out));
  }
  print_embedding(console, embedding);
  console.result(nlohmann::ordered_json::parse(tsne_json(embedding)));
  return 0;
}

}  // namespace gmmvae
