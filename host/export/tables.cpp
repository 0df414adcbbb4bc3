#include "host/export/tables.hpp"

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <string_view>
#include <vector>

#include "host/io/csv_writer.hpp"
#include "host/io/npz.hpp"

namespace gmmvae {
namespace {

/// What a model needs beside its parameters.
struct Constant {
  std::string_view name;
  std::vector<double> values;
};
std::vector<Constant> constants_of(const Vae& vae, std::size_t model) {
  return {{"scaler.offset", vae.scaler.offset},
          {"scaler.scale", vae.scaler.scale},
          {"decoder_variance", vae.decoder_variance(model)}};
}

template <class T>
void write_rows(CsvWriter& csv, std::string_view tensor, std::size_t columns, std::span<const T> values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    csv.cell(tensor);
    csv.cell(i / columns);
    csv.cell(i % columns);
    csv.cell(values[i]);
    csv.end_row();
  }
}

}  // namespace

void write_parameters_npz(const std::string& path, const Vae& vae, std::size_t model) {
  const std::span<const float> parameters = vae.parameters_of(model);
  NpzWriter npz(path);
  const ParameterLayout layout(vae.architecture, vae.objective);
  for (const TensorSlice& slice : layout.tensors())
    npz.add<float>(slice.name, slice.shape, parameters.subspan(slice.offset, slice.size));
  for (const Constant& constant : constants_of(vae, model))
    npz.add<double>(std::string(constant.name), constant.values);
  npz.commit();
}

void write_parameters_csv(const std::string& path, const Vae& vae, std::size_t model) {
  const std::span<const float> parameters = vae.parameters_of(model);
  CsvWriter csv(path);
  for (const std::string_view name : {"tensor", "row", "column", "value"}) csv.cell(name);
  csv.end_row();
  const ParameterLayout layout(vae.architecture, vae.objective);
  for (const TensorSlice& slice : layout.tensors())
    write_rows<float>(csv, slice.name, slice.shape.size() > 1 ? slice.shape[1] : 1,
                      parameters.subspan(slice.offset, slice.size));
  for (const Constant& constant : constants_of(vae, model))
    write_rows<double>(csv, constant.name, 1, constant.values);
  csv.commit();
}

void write_history_npz(const std::string& path, const History& history) {
  std::vector<std::int64_t> epochs(history.epochs());
  std::iota(epochs.begin(), epochs.end(), 1);
  NpzWriter npz(path);
  npz.add<std::int64_t>("epoch", epochs);
  const std::vector<std::string> names = history.column_names();
  for (std::size_t column = 0; column < names.size(); ++column) {
    std::vector<double> values;
    for (std::size_t epoch = 0; epoch < history.epochs(); ++epoch)
      values.push_back(history.row(epoch)[column]);
    npz.add<double>(names[column], values);
  }
  npz.commit();
}

}  // namespace gmmvae
