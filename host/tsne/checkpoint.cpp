#include "host/tsne/checkpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "gmmvae/error.hpp"
#include "host/io/safetensors.hpp"
#include "version.hpp"

namespace gmmvae {
namespace {

constexpr const char* kFormat = "gmmvae-tsne-checkpoint";

/// Elements of the I64 tensor `progress`.
enum Progress : std::size_t { kIteration, kExaggerating, kExaggerationEnd, kProgressElements };

TensorToWrite tensor_of_points(const char* name, const Matrix<float>& points) {
  return tensor_of<float>(name, {points.rows(), points.cols()}, points.values());
}

[[noreturn]] void damaged(const SafetensorsReader& reader, std::string_view reason) {
  throw DataError(fmt::format("{} is a damaged checkpoint: {}", reader.file_name(), reason));
}

/// A tensor of one axis.
template <class T>
std::vector<T> list_of(const SafetensorsReader& reader, const char* name) {
  const std::vector<std::size_t>& shape = reader.tensor(name).shape;
  if (shape.size() != 1) damaged(reader, fmt::format("{} is no list", name));
  return reader.read<T>(name, shape);
}

}  // namespace

void save_tsne_checkpoint(const std::string& path, const TsneCheckpoint& checkpoint) {
  const TsneState& state = checkpoint.state;
  const std::vector<std::int64_t> progress = {static_cast<std::int64_t>(state.iteration),
                                              state.exaggerating ? 1 : 0,
                                              static_cast<std::int64_t>(state.exaggeration_end)};
  const std::vector<std::int64_t>& kept = checkpoint.snapshots.iterations;
  // Eight-byte elements first: so every tensor is aligned within the file.
  const std::vector<TensorToWrite> tensors = {
      tensor_of<std::int64_t>("progress", {kProgressElements}, progress),
      tensor_of<double>("kl_divergences", {state.kl_divergences.size()}, state.kl_divergences),
      tensor_of<std::int64_t>("snapshot_iterations", {kept.size()}, kept),
      tensor_of_points("positions", state.positions),
      tensor_of_points("update", state.update),
      tensor_of_points("gains", state.gains),
      tensor_of<float>("snapshots", {kept.size(), state.positions.rows(), state.positions.cols()},
                       checkpoint.snapshots.points)};
  write_safetensors(path, tensors,
                    {{"format", kFormat}, {"gmmvae_version", kVersion}, {"config", checkpoint.config}});
}

TsneCheckpoint load_tsne_checkpoint(const std::string& path) {
  const SafetensorsReader reader(path);
  const auto format = reader.metadata().find("format");
  if (format == reader.metadata().end() || format->second != kFormat)
    throw DataError(
        fmt::format("{} is a safetensors file but no checkpoint of an embedding", reader.file_name()));
  const std::vector<std::size_t> shape = reader.tensor("positions").shape;
  if (shape.size() != 2 || shape[0] == 0 || shape[1] == 0) damaged(reader, "it holds no positions");
  TsneCheckpoint out;
  out.config = reader.metadata("config");
  const std::vector<std::int64_t> progress = reader.read<std::int64_t>("progress", {kProgressElements});
  if (std::ranges::any_of(progress, [](std::int64_t value) { return value < 0; }) ||
      progress[kExaggerating] > 1)
    damaged(reader, "its progress makes no sense");
  out.state.iteration = static_cast<std::size_t>(progress[kIteration]);
  out.state.exaggerating = progress[kExaggerating] == 1;
  out.state.exaggeration_end = static_cast<std::size_t>(progress[kExaggerationEnd]);
  out.state.kl_divergences = list_of<double>(reader, "kl_divergences");
  const auto points = [&](const char* name) {
    return Matrix<float>(shape[0], shape[1], reader.read<float>(name, shape));
  };
  out.state.positions = points("positions");
  out.state.update = points("update");
  out.state.gains = points("gains");
  out.snapshots.iterations = list_of<std::int64_t>(reader, "snapshot_iterations");
  out.snapshots.points =
      reader.read<float>("snapshots", {out.snapshots.iterations.size(), shape[0], shape[1]});
  return out;
}

}  // namespace gmmvae
