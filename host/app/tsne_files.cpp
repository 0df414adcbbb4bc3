#include "host/app/tsne_files.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/app/files.hpp"
#include "host/io/json_file.hpp"
#include "host/io/npy.hpp"
#include "host/io/npz.hpp"
#include "host/training/identity.hpp"

namespace gmmvae {
namespace {

// Keys of the record beside the figures.
constexpr const char* kConfiguration = "configuration";
constexpr const char* kFingerprint = "fingerprint";

std::string fingerprint_text(MatrixView<float> points) {
  return fmt::format("{:016x}", fingerprint(points));
}

Matrix<float> read_embedding(const std::string& path) {
  if (path.ends_with(".npy")) return read_npy_points(path);
  const NpzReader file(path);
  return read_npy_points(*file.open("embedding"));
}

void write_snapshots(NpzWriter& file, const TsneSnapshots& snapshots, const Matrix<float>& points) {
  if (snapshots.iterations.empty()) return;
  file.add<float>("snapshots", {snapshots.iterations.size(), points.rows(), points.cols()}, snapshots.points);
  file.add<std::int64_t>("snapshot_iterations", snapshots.iterations);
}

}  // namespace

TsneOutputs::TsneOutputs(const Settings& settings) {
  if (settings.is_set("dump-affinities")) affinities = writable_path(settings, "dump-affinities", ".npz");
  if (settings.is_set("dump-gradient")) gradient = writable_path(settings, "dump-gradient", ".npy");
  if (settings.is_set("out") || (affinities.empty() && gradient.empty()))
    out = writable_path(settings, "out", ".npy .npz");
  for (const auto& [option, path] : {std::pair{"dump-affinities", affinities}, {"dump-gradient", gradient}})
    if (!path.empty() && !out.empty() && same_place(path, out))
      throw UsageError(fmt::format("{} and {} both name {}: each needs a file of its own",
                                   settings.label("out"), settings.label(option), out));
  std::error_code ignored;
  if (out.empty() || (std::filesystem::exists(out, ignored) && !is_regular_file(out))) return;
  record = out + ".json";
  checkpoint = out + ".checkpoint";
}

std::string tsne_identity(const Settings& settings, const Dataset& data, const Matrix<float>& start) {
  if (start.empty()) return configuration_identity(settings, "tsne", data.x);
  constexpr std::string_view compared[] = {"init"};
  return configuration_identity(settings, "tsne", data.x, compared) +
         fmt::format("# init = {} x {} numbers, fingerprint {}\n", start.rows(), start.cols(),
                     fingerprint_text(start));
}

std::optional<TsneRecord> read_tsne_record(const TsneOutputs& outputs) {
  if (!is_regular_file(outputs.out) || !is_regular_file(outputs.record)) return std::nullopt;
  std::ifstream stream(outputs.record);
  const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  TsneRecord record;
  record.figures = nlohmann::ordered_json::parse(text, nullptr, false);
  nlohmann::ordered_json& figures = record.figures;
  if (!figures.is_object() || !figures.contains(kConfiguration) || !figures.contains(kFingerprint) ||
      !figures[kConfiguration].is_string())
    throw DataError(fmt::format("{} is not the record of an embedding", outputs.record));
  if (figures[kFingerprint] != fingerprint_text(read_embedding(outputs.out))) return std::nullopt;
  record.config = figures[kConfiguration];
  figures.erase(kConfiguration);
  figures.erase(kFingerprint);
  return record;
}

void write_embedding(const TsneOutputs& outputs, const Dataset& data, const Matrix<float>& points,
                     const TsneSnapshots& snapshots, const TsneRecord& record) {
  write_embedding(outputs.out, data, points, snapshots);
  if (outputs.record.empty()) return;
  nlohmann::ordered_json whole = record.figures;
  whole[kConfiguration] = record.config;
  whole[kFingerprint] = fingerprint_text(points);
  write_json_file(outputs.record, whole);
}

void write_embedding(const std::string& path, const Dataset& data, const Matrix<float>& points,
                     const TsneSnapshots& snapshots) {
  if (path.ends_with(".npy")) {
    if (!snapshots.iterations.empty()) {
      NpzWriter beside(path.substr(0, path.size() - 4) + ".snapshots.npz");
      write_snapshots(beside, snapshots, points);
      beside.commit();
    }
    write_npy(path, points);
    return;
  }
  NpzWriter file(path);
  file.add<float>("embedding", points);
  file.add<float>("x", data.x);
  if (!data.labels.empty()) file.add<std::int32_t>("label", data.labels);
  write_snapshots(file, snapshots, points);
  file.commit();
}

void write_affinities(const std::string& path, const Affinities& affinities) {
  const Affinities p = in_data_order(affinities);
  NpzWriter file(path);
  file.add<std::int64_t>("indptr", std::vector<std::int64_t>(p.offsets.begin(), p.offsets.end()));
  file.add<std::int32_t>("indices", std::vector<std::int32_t>(p.columns.begin(), p.columns.end()));
  file.add<float>("data", p.values);
  file.commit();
}

}  // namespace gmmvae
