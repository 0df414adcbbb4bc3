#include "host/io/csv_dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/io/csv_labels.hpp"
#include "host/io/csv_reader.hpp"
#include "host/io/excerpt.hpp"
#include "host/io/nearest_name.hpp"

namespace gmmvae {
namespace {

constexpr std::string_view kDefaultLabel = "label";

std::string_view trimmed(std::string_view cell) {
  const std::size_t first = cell.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return cell.substr(first, cell.find_last_not_of(" \t") - first + 1);
}

enum class Cell { number, missing, text };

bool is_missing(std::string_view cell) {
  static constexpr std::array<std::string_view, 5> kMissing = {"", "NA", "N/A", "null", "NULL"};
  return std::ranges::find(kMissing, cell) != kMissing.end();
}

/// What stands in a (trimmed) cell; the number may be NaN or infinite.
Cell parse_cell(std::string_view cell, float& value) {
  const char* begin = cell.data();
  const char* end = begin + cell.size();
  if (cell.size() > 1 && cell[0] == '+' && cell[1] != '-') ++begin;
  auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc() && stop == end) return Cell::number;
  if (error == std::errc::result_out_of_range && stop == end) {
    // from_chars leaves the value alone both above and below the range of a float; a double tells which.
    double wide = 0.0;
    const bool in_range = std::from_chars(begin, end, wide).ec == std::errc();
    const std::string_view digits(begin, cell.size() - static_cast<std::size_t>(begin - cell.data()));
    const bool tiny = in_range ? std::fabs(wide) < 1.0 : digits.find("e-") != std::string_view::npos;
    value = tiny ? static_cast<float>(wide) : INFINITY;
    return Cell::number;
  }
  return is_missing(cell) ? Cell::missing : Cell::text;
}

bool is_number(std::string_view cell) {
  float ignored = 0.0F;
  return parse_cell(trimmed(cell), ignored) == Cell::number;
}

/// Reads one file; the members are what error messages and rows need to know about its columns.
class CsvDataset {
 public:
  CsvDataset(const InputFile& file, const LoadOptions& options)
      : file_(file),
        options_(options),
        delimiter_(options.delimiter.value_or(guess_delimiter(file))),
        reader_(file, delimiter_) {}

  Dataset read() {
    if (!reader_.next(fields_)) throw DataError(fmt::format("{} is empty", file_.name()));
    read_header();
    choose_label();
    choose_columns();
    std::vector<float> values;
    bool more = has_header_ ? reader_.next(fields_) : true;
    for (; more; more = reader_.next(fields_)) {
      ++row_;
      read_row(values);
    }
    if (row_ == 0) throw DataError(fmt::format("{} has a header and no rows", file_.name()));
    Dataset dataset;
    dataset.x = Matrix<float>(row_, columns_.size(), std::move(values));
    if (has_header_) {
      for (const std::size_t column : columns_) dataset.column_names.push_back(names_[column]);
    }
    if (label_column_ != kNone) {
      labels_.finish();
      dataset.labels = std::move(labels_.ids());
      dataset.label_names = std::move(labels_.names());
    }
    return dataset;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  void read_header() {
    has_header_ = std::ranges::none_of(fields_, is_number);
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      names_.push_back(has_header_ ? std::string(trimmed(fields_[i])) : fmt::format("x{}", i + 1));
    }
  }

  std::size_t find_column(const std::string& name) const {
    const auto found = std::ranges::find(names_, name);
    if (found != names_.end()) return static_cast<std::size_t>(found - names_.begin());
    const std::string nearest = nearest_name(name, names_);
    throw DataError(fmt::format("{} has no column '{}'; it has {}{}", file_.name(), name,
                                excerpt(fmt::format("{}", fmt::join(names_, ", "))),
                                nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest)));
  }

  void choose_label() {
    if (options_.label) {
      label_column_ = find_column(*options_.label);
    } else if (std::ranges::find(options_.columns, kDefaultLabel) == options_.columns.end()) {
      const auto found = std::ranges::find(names_, kDefaultLabel);
      if (found != names_.end()) label_column_ = static_cast<std::size_t>(found - names_.begin());
    }
  }

  void choose_columns() {
    for (const std::string& name : options_.columns) {
      const std::size_t column = find_column(name);
      if (std::ranges::find(columns_, column) != columns_.end() || column == label_column_) {
        throw UsageError(fmt::format("column '{}' is asked for twice", name));
      }
      columns_.push_back(column);
    }
    if (!columns_.empty()) return;
    if (names_[0].empty() && names_.size() > 1) {
      throw DataError(fmt::format("{}: the first column has no name, as an index that pandas wrote{}",
                                  file_.name(), suggestion()));
    }
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (i != label_column_) columns_.push_back(i);
    }
    if (columns_.empty()) throw DataError(fmt::format("{} has no column but its labels", file_.name()));
  }

  void read_row(std::vector<float>& values) {
    if (fields_.size() != names_.size()) {
      throw DataError(fmt::format("{}, line {}: {} fields where the first line has {}", file_.name(),
                                  reader_.line(), fields_.size(), names_.size()));
    }
    for (const std::size_t column : columns_) {
      const std::string_view cell = trimmed(fields_[column]);
      float value = 0.0F;
      const Cell kind = parse_cell(cell, value);
      if (kind != Cell::number || !std::isfinite(value)) refuse(column, cell, kind, value);
      values.push_back(value);
    }
    if (label_column_ == kNone) return;
    const std::string_view label = trimmed(fields_[label_column_]);
    if (label.empty()) refuse(label_column_, label, Cell::missing, 0.0F);
    labels_.add(label);
  }

  [[noreturn]] void refuse(std::size_t column, std::string_view cell, Cell kind, float value) const {
    const std::string place = fmt::format("row {} (line {})", row_, reader_.line());
    if (kind == Cell::text) {
      throw DataError(fmt::format("{}: column '{}' is not numeric, it has '{}' in {}{}", file_.name(),
                                  excerpt(names_[column]), excerpt(cell), place, suggestion()));
    }
    const char* what = kind == Cell::missing ? "is empty"
                       : std::isnan(value)   ? "is NaN"
                                             : "is beyond single precision";
    throw DataError(
        fmt::format("{}: {}, column '{}' {}", file_.name(), place, excerpt(names_[column]), what));
  }

  /// "; use --columns a,c": the named columns that hold no text in the whole file, which is read once more
  /// for it.
  std::string suggestion() const {
    std::vector<bool> numeric(names_.size(), true);
    CsvReader reader(file_, delimiter_);
    std::vector<std::string_view> fields;
    if (has_header_) reader.next(fields);
    while (reader.next(fields)) {
      for (std::size_t i = 0; i < std::min(fields.size(), names_.size()); ++i) {
        float ignored = 0.0F;
        if (numeric[i] && parse_cell(trimmed(fields[i]), ignored) == Cell::text) numeric[i] = false;
      }
    }
    std::vector<std::string> usable;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      if (numeric[i] && i != label_column_ && !names_[i].empty()) usable.push_back(names_[i]);
    }
    return usable.empty() ? "" : fmt::format("; use --columns {}", fmt::join(usable, ","));
  }

  const InputFile& file_;
  const LoadOptions& options_;
  char delimiter_;
  CsvReader reader_;
  std::vector<std::string_view> fields_;
  bool has_header_ = false;
  std::vector<std::string> names_;
  std::vector<std::size_t> columns_;
  std::size_t label_column_ = kNone;
  LabelColumn labels_;
  std::size_t row_ = 0;
};

}  // namespace

Dataset read_csv_dataset(const InputFile& file, const LoadOptions& options) {
  return CsvDataset(file, options).read();
}

}  // namespace gmmvae
