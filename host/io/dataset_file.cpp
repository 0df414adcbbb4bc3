#include "host/io/dataset_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <memory>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/io/csv_dataset.hpp"
#include "host/io/csv_writer.hpp"
#include "host/io/excerpt.hpp"
#include "host/io/npy.hpp"
#include "host/io/npz.hpp"
#include "host/io/rounding.hpp"
#include "host/mixture/mixture_toml.hpp"

namespace gmmvae {
namespace {

enum class Format { npz, npy, csv, other };

Format format_of_name(const std::string& path) {
  std::string ending = std::filesystem::path(path).extension().string();
  for (char& c : ending) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (ending == ".npz") return Format::npz;
  if (ending == ".npy") return Format::npy;
  if (ending == ".csv" || ending == ".tsv" || ending == ".txt") return Format::csv;
  return Format::other;
}

Format format_of_bytes(const InputFile& file) {
  std::array<char, 6> start{};
  const std::size_t count = std::min<std::uint64_t>(start.size(), file.size());
  file.read(0, start.data(), count);
  const std::string_view text(start.data(), count);
  if (text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06")) return Format::npz;
  return text.starts_with("\x93NUMPY") ? Format::npy : Format::csv;
}

Format format_to_write(const std::string& path) {
  const Format format = format_of_name(path);
  if (format == Format::other || path.ends_with(".txt") || path.ends_with(".tsv")) {
    throw UsageError(fmt::format("cannot write {}: the name must end in .npz, .npy or .csv", path));
  }
  return format;
}

void refuse_useless_options(Format format, const LoadOptions& options, const std::string& name) {
  const auto refuse = [&](const char* option, const char* use) {
    throw UsageError(fmt::format("{} is for {}, and {} is not one", option, use, name));
  };
  if (format != Format::npz && options.key) refuse("--key", "an .npz file");
  if (format != Format::csv && !options.columns.empty()) refuse("--columns", "a CSV file");
  if (format != Format::csv && options.delimiter) refuse("--delimiter", "a CSV file");
  if (format == Format::npy && options.label) refuse("--label", "a CSV or .npz file");
}

std::vector<std::int32_t> read_labels(const NpzReader& reader, const std::string& key, std::size_t rows) {
  const auto stream = reader.open(key);
  const NpyHeader header = read_npy_header(*stream);
  if (header.shape != std::vector<std::size_t>{rows}) {
    throw DataError(fmt::format("{} has the shape {}; the labels of {} points need ({},)", stream->name(),
                                shape_text(header.shape), rows, rows));
  }
  return read_npy_values<std::int32_t>(*stream, header);
}

/// An array of doubles with the given number of axes, from any real type.
Array read_doubles(const NpzReader& reader, const char* key, std::size_t axes) {
  const auto stream = reader.open(key);
  const NpyHeader header = read_npy_header(*stream);
  if (header.shape.size() != axes) {
    throw DataError(fmt::format("{} has the shape {}; the mixture needs {} axes there", stream->name(),
                                shape_text(header.shape), axes));
  }
  return make_array<double>(header.shape, read_npy_values<double>(*stream, header));
}

Mixture read_mixture(const NpzReader& reader) {
  Array weights = read_doubles(reader, "weights", 1);
  Array means = read_doubles(reader, "means", 2);
  const Array covariances = read_doubles(reader, "covariances", 3);
  const std::size_t components = means.shape[0];
  const std::size_t dim = means.shape[1];
  if (weights.shape[0] != components || covariances.shape != std::vector<std::size_t>{components, dim, dim}) {
    throw DataError(fmt::format("{}: means {}, covariances {} and weights {} do not fit together",
                                reader.file_name(), shape_text(means.shape), shape_text(covariances.shape),
                                shape_text(weights.shape)));
  }
  const auto& all = std::get<std::vector<double>>(covariances.values);
  std::vector<Matrix<double>> each;
  for (std::size_t k = 0; k < components; ++k) {
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(k * dim * dim);
    each.emplace_back(dim, dim, std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(dim * dim)));
  }
  try {
    return {std::get<std::vector<double>>(std::move(weights.values)),
            Matrix<double>(components, dim, std::get<std::vector<double>>(std::move(means.values))),
            std::move(each)};
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", reader.file_name(), error.what()));
  }
}

/// Refuses points that single precision has lost. `open` gives their array as a stream from its start.
template <class Open>
void require_kept_precision(MatrixView<float> x, const Open& open) {
  const std::vector<std::size_t> doubtful = columns_in_doubt(x);
  if (doubtful.empty()) return;
  const auto stream = open();
  const NpyHeader header = read_npy_header(*stream);
  constexpr ElementType rounded[] = {ElementType::f8, ElementType::i4, ElementType::i8, ElementType::u4,
                                     ElementType::u8};
  if (std::find(std::begin(rounded), std::end(rounded), header.type) == std::end(rounded)) return;
  const std::vector<double> exact = read_npy_values<double>(*stream, header);
  for (const std::size_t d : doubtful) {
    ExactColumn column;
    for (std::size_t i = 0; i < x.rows; ++i) column.add(exact[i * x.cols + d]);
    column.require_kept(fmt::format("{}: column {}", stream->name(), d + 1));
  }
}

Dataset read_npz_dataset(std::unique_ptr<InputFile> file, const LoadOptions& options) {
  const NpzReader reader(std::move(file));
  if (reader.contains("[Content_Types].xml"))
    throw DataError(
        fmt::format("{} is a document of an office program: save its table as CSV", reader.file_name()));
  const std::string key = options.key.value_or(options.default_key);
  if (!options.key && !reader.contains(key) && !reader.keys().empty()) {
    throw DataError(fmt::format("{} has no array {}; choose another with --key: {}", reader.file_name(), key,
                                excerpt(fmt::format("{}", fmt::join(reader.keys(), ", ")))));
  }
  Dataset dataset;
  dataset.x = read_npy_points(*reader.open(key));
  require_kept_precision(dataset.x, [&] { return reader.open(key); });
  const std::string label = options.label.value_or("label");
  if (options.label || reader.contains(label)) dataset.labels = read_labels(reader, label, dataset.x.rows());
  const bool knows_truth =
      reader.contains("means") && reader.contains("covariances") && reader.contains("weights");
  // The mixture belongs to the points x and to no other array.
  if (key == "x" && knows_truth) dataset.mixture = read_mixture(reader);
  return dataset;
}

void add_mixture_beside(const std::string& path, const LoadOptions& options, Dataset& dataset) {
  // A choice of columns is no longer what the mixture describes.
  if (!options.columns.empty() || !std::filesystem::exists(mixture_path(path))) return;
  dataset.mixture = read_mixture_toml(mixture_path(path));
}

void require_fitting_mixture(const Dataset& dataset, const std::string& name) {
  if (!dataset.mixture || dataset.mixture->dim() == dataset.x.cols()) return;
  throw DataError(fmt::format("{}: the points have {} dimensions and their mixture has {}", name,
                              dataset.x.cols(), dataset.mixture->dim()));
}

void write_npz_dataset(const std::string& path, const Dataset& dataset) {
  NpzWriter writer(path);
  writer.add<float>("x", dataset.x);
  if (!dataset.labels.empty()) writer.add("label", dataset.labels);
  if (dataset.mixture) {
    const Mixture& mixture = *dataset.mixture;
    std::vector<double> covariances;
    for (const Matrix<double>& covariance : mixture.covariances()) {
      covariances.insert(covariances.end(), covariance.values().begin(), covariance.values().end());
    }
    writer.add<double>("means", mixture.means());
    writer.add<double>("covariances", {mixture.components(), mixture.dim(), mixture.dim()}, covariances);
    writer.add("weights", mixture.weights());
  }
  writer.commit();
}

void write_csv_dataset(const std::string& path, const Dataset& dataset) {
  CsvWriter csv(path);
  for (std::size_t d = 0; d < dataset.x.cols(); ++d) {
    csv.cell(dataset.column_names.empty() ? fmt::format("x{}", d + 1) : dataset.column_names[d]);
  }
  const bool labelled = !dataset.labels.empty();
  if (labelled) csv.cell("label");
  csv.end_row();
  for (std::size_t i = 0; i < dataset.x.rows(); ++i) {
    for (const float value : dataset.x.row(i)) csv.cell(value);
    if (labelled && dataset.label_names.empty()) csv.cell(dataset.labels[i]);
    if (labelled && !dataset.label_names.empty()) {
      csv.cell(dataset.label_names.at(static_cast<std::size_t>(dataset.labels[i])));
    }
    csv.end_row();
  }
  csv.commit();
}

}  // namespace

std::string mixture_path(const std::string& path) {
  return path + ".mixture.toml";
}

Dataset load_dataset(const std::string& path, const LoadOptions& options) {
  auto file = std::make_unique<InputFile>(path);
  const std::string name = file->name();
  Format format = path == "-" ? Format::other : format_of_name(path);
  if (format == Format::other) format = format_of_bytes(*file);
  refuse_useless_options(format, options, name);
  Dataset dataset;
  if (format == Format::npz) {
    dataset = read_npz_dataset(std::move(file), options);
  } else if (format == Format::npy) {
    FileSection stream(*file);
    dataset.x = read_npy_points(stream);
    require_kept_precision(dataset.x, [&] { return std::make_unique<FileSection>(*file); });
  } else {
    dataset = read_csv_dataset(*file, options);
  }
  if (format != Format::npz && path != "-") add_mixture_beside(path, options, dataset);
  require_fitting_mixture(dataset, name);
  return dataset;
}

void save_dataset(const std::string& path, const Dataset& dataset) {
  const Format format = format_to_write(path);
  if (format == Format::npz) {
    write_npz_dataset(path, dataset);
    return;
  }
  if (format == Format::csv) {
    write_csv_dataset(path, dataset);
  } else {
    write_npy(path, dataset.x);
  }
  if (dataset.mixture) {
    write_mixture_toml(mixture_path(path), *dataset.mixture);
  } else {
    // One left from earlier data would be taken for the truth about these.
    std::error_code ignored;
    std::filesystem::remove(mixture_path(path), ignored);
  }
}

void save_points(const std::string& path, MatrixView<float> points) {
  const Format format = format_to_write(path);
  if (format == Format::npz) {
    NpzWriter writer(path);
    writer.add("x", points);
    writer.commit();
    return;
  }
  Dataset dataset;
  dataset.x =
      Matrix<float>(points.rows, points.cols, std::vector<float>(points.data, points.data + points.size()));
  save_dataset(path, dataset);
}

}  // namespace gmmvae
