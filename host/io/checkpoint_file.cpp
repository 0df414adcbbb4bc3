#include "host/io/checkpoint_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>

#include "gmmvae/error.hpp"
#include "host/io/array.hpp"
#include "host/io/safetensors.hpp"
#include "version.hpp"

namespace gmmvae {
namespace {

constexpr const char* kFormat = "gmmvae-checkpoint";

/// Columns of the I64 tensor `progress`, one row a model.
enum Progress : std::size_t { kEpoch, kStatus, kBestEpoch, kHasBest, kHistoryEpochs, kProgressColumns };

std::span<const std::byte> bytes_of(const auto& values) {
  return std::as_bytes(std::span(values));
}

void require_one_shape(const std::string& path, const std::vector<TrainingState>& states) {
  if (states.empty()) throw UsageError(fmt::format("cannot write {}: there is no model to save", path));
  const std::size_t size = states[0].parameters.size();
  for (const TrainingState& state : states) {
    const bool same = state.parameters.size() == size && state.first_moment.size() == size &&
                      state.second_moment.size() == size &&
                      state.history.width() == states[0].history.width() &&
                      (state.best_parameters.empty() || state.best_parameters.size() == size);
    if (!same) throw UsageError(fmt::format("cannot write {}: its models differ in size", path));
  }
}

/// The tensor [M, P] that stacks one vector of each state.
TensorToWrite stacked(const char* name, const std::vector<TrainingState>& states,
                      std::vector<float> TrainingState::*member) {
  TensorToWrite tensor{name, "F32", {0, states[0].parameters.size()}, {}};
  for (const TrainingState& state : states) {
    if ((state.*member).empty()) continue;
    tensor.pieces.push_back(bytes_of(state.*member));
    ++tensor.shape[0];
  }
  return tensor;
}

[[noreturn]] void damaged(const SafetensorsReader& reader, std::string_view reason) {
  throw DataError(fmt::format("{} is a damaged checkpoint: {}", reader.file_name(), reason));
}

/// The two sizes of a tensor with two axes.
std::pair<std::size_t, std::size_t> matrix_shape(const SafetensorsReader& reader, const char* name) {
  const std::vector<std::size_t>& shape = reader.tensor(name).shape;
  if (shape.size() != 2) damaged(reader, fmt::format("{} has the shape {}", name, shape_text(shape)));
  return {shape[0], shape[1]};
}

/// Hands out the rows of a matrix, one after the other.
template <class T>
class Rows {
 public:
  Rows(const SafetensorsReader& reader, const char* name, std::size_t rows, std::size_t width)
      : reader_(reader), width_(width), values_(reader.read<T>(name, {rows, width})) {}
  std::vector<T> take(std::size_t rows) {
    if (rows > (values_.size() - place_) / std::max<std::size_t>(width_, 1))
      damaged(reader_, "rows are missing");
    const auto begin = values_.begin() + static_cast<std::ptrdiff_t>(place_);
    place_ += rows * width_;
    return {begin, begin + static_cast<std::ptrdiff_t>(rows * width_)};
  }
  [[nodiscard]] bool done() const { return place_ == values_.size(); }

 private:
  const SafetensorsReader& reader_;
  std::size_t width_;
  std::vector<T> values_;
  std::size_t place_ = 0;
};

void restore_progress(const SafetensorsReader& reader, const std::vector<std::int64_t>& row,
                      TrainingState& state) {
  const bool sound = std::ranges::all_of(row, [](std::int64_t value) { return value >= 0; }) &&
                     row[kStatus] <= static_cast<std::int64_t>(TrainingStatus::diverged) &&
                     row[kHasBest] <= 1;
  if (!sound) damaged(reader, "its progress makes no sense");
  state.epoch = static_cast<std::uint64_t>(row[kEpoch]);
  state.status = static_cast<TrainingStatus>(row[kStatus]);
  state.best_epoch = static_cast<std::uint64_t>(row[kBestEpoch]);
}

}  // namespace

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  const std::vector<TrainingState>& states = checkpoint.states;
  require_one_shape(path, states);
  std::vector<std::int64_t> progress;
  TensorToWrite history{"history", "F64", {0, states[0].history.width()}, {}};
  for (const TrainingState& state : states) {
    progress.insert(progress.end(),
                    {static_cast<std::int64_t>(state.epoch), static_cast<std::int64_t>(state.status),
                     static_cast<std::int64_t>(state.best_epoch), state.best_parameters.empty() ? 0 : 1,
                     static_cast<std::int64_t>(state.history.epochs())});
    history.pieces.push_back(bytes_of(state.history.values()));
    history.shape[0] += state.history.epochs();
  }
  // Eight-byte elements first: so every tensor is aligned within the file.
  const std::vector<TensorToWrite> tensors = {
      tensor_of<std::int64_t>("progress", {states.size(), kProgressColumns}, progress),
      history,
      stacked("parameters", states, &TrainingState::parameters),
      stacked("first_moment", states, &TrainingState::first_moment),
      stacked("second_moment", states, &TrainingState::second_moment),
      stacked("best_parameters", states, &TrainingState::best_parameters)};
  write_safetensors(path, tensors,
                    {{"format", kFormat}, {"gmmvae_version", kVersion}, {"config", checkpoint.config}});
}

Checkpoint load_checkpoint(const std::string& path) {
  const SafetensorsReader reader(path);
  const auto format = reader.metadata().find("format");
  if (format == reader.metadata().end() || format->second != kFormat) {
    throw DataError(fmt::format("{} is a safetensors file but not a gmmvae checkpoint", reader.file_name()));
  }
  const auto [models, size] = matrix_shape(reader, "parameters");
  const auto [history_rows, history_width] = matrix_shape(reader, "history");
  const std::size_t fixed_columns = History().width();
  if (models == 0 || size == 0 || history_width < fixed_columns) damaged(reader, "it holds no models");
  Rows<std::int64_t> progress(reader, "progress", models, kProgressColumns);
  Rows<double> history(reader, "history", history_rows, history_width);
  Rows<float> parameters(reader, "parameters", models, size);
  Rows<float> first_moment(reader, "first_moment", models, size);
  Rows<float> second_moment(reader, "second_moment", models, size);
  Rows<float> best_parameters(reader, "best_parameters", matrix_shape(reader, "best_parameters").first, size);

  Checkpoint checkpoint{reader.metadata("config"), std::vector<TrainingState>(models)};
  for (TrainingState& state : checkpoint.states) {
    const std::vector<std::int64_t> row = progress.take(1);
    restore_progress(reader, row, state);
    state.parameters = parameters.take(1);
    state.first_moment = first_moment.take(1);
    state.second_moment = second_moment.take(1);
    if (row[kHasBest] == 1) state.best_parameters = best_parameters.take(1);
    state.history = History(history_width - fixed_columns);
    state.history.append(history.take(static_cast<std::size_t>(row[kHistoryEpochs])));
  }
  if (!history.done() || !best_parameters.done()) damaged(reader, "it holds more than its models need");
  return checkpoint;
}

}  // namespace gmmvae
