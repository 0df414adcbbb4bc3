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
#include "host/io/rounding.hpp"

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
    require_points(dataset.x);
    require_kept_precision(dataset.x);
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

  /// Whether the first line numbers its columns from 0, behind an index without a name or without one: what
  /// pandas writes for a table whose columns have no names.
  [[nodiscard]] bool first_line_counts(std::size_t first) const {
    for (std::size_t i = first; i < fields_.size(); ++i)
      if (trimmed(fields_[i]) != fmt::format("{}", i - first)) return false;
    return fields_.size() > first;
  }

  void read_header() {
    counts_columns_ = fields_.size() > 2 && first_line_counts(0);
    has_header_ =
        std::ranges::none_of(fields_, is_number) || (trimmed(fields_[0]).empty() && first_line_counts(1));
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

  /// A first line 0,1,2 above numbers with decimals is a header, and would be a point without a word.
  void require_points(MatrixView<float> x) const {
    if (!counts_columns_ || x.rows < 2) return;
    const auto whole = [](float value) { return value == std::floor(value); };
    if (std::all_of(x.data, x.data + x.size(), whole)) return;
    throw DataError(
        fmt::format("{}: the first line counts the columns from 0, as pandas writes names that are "
                    "missing: take it out, or write 0.0 in it if it is a point",
                    file_.name()));
  }

  /// Refuses points that single precision has lost; the file is read again only where it may have.
  void require_kept_precision(MatrixView<float> x) const {
    const std::vector<std::size_t> doubtful = columns_in_doubt(x);
    if (doubtful.empty()) return;
    std::vector<ExactColumn> exact(doubtful.size());
    CsvReader reader(file_, delimiter_);
    std::vector<std::string_view> fields;
    if (has_header_) reader.next(fields);
    while (reader.next(fields))
      for (std::size_t i = 0; i < doubtful.size(); ++i) {
        const std::string_view cell = trimmed(fields[columns_[doubtful[i]]]);
        double value = 0.0;
        std::from_chars(cell.data() + (cell.starts_with('+') ? 1 : 0), cell.data() + cell.size(), value);
        exact[i].add(value);
      }
    for (std::size_t i = 0; i < doubtful.size(); ++i)
      exact[i].require_kept(
          fmt::format("{}: column '{}'", file_.name(), excerpt(names_[columns_[doubtful[i]]])));
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
      std::string with_point(cell);
      std::ranges::replace(with_point, ',', '.');
      throw DataError(fmt::format("{}: column '{}' is not numeric, it has '{}' in {}{}", file_.name(),
                                  excerpt(names_[column]), excerpt(cell), place,
                                  is_number(with_point) ? ": decimals need a point" : suggestion()));
    }
    const bool missing = kind == Cell::missing || std::isnan(value);
    const std::string what = cell.empty()            ? "is empty"
                             : kind == Cell::missing ? fmt::format("has no number but {}", excerpt(cell))
                             : std::isnan(value)     ? "is NaN"
                                                     : "is beyond single precision";
    std::string advice;
    if (missing && column != label_column_) {
      const std::string others = suggestion(true);
      advice = others.empty() ? "; fill in or remove such rows" : others + " or remove such rows";
    }
    throw DataError(
        fmt::format("{}: {}, column '{}' {}{}", file_.name(), place, excerpt(names_[column]), what, advice));
  }

  /// "; use --columns a,c": the named columns that hold no text, and where they must be `complete` a number
  /// in every row, in the whole file, which is read once more for it.
  std::string suggestion(bool complete = false) const {
    std::vector<bool> numeric(names_.size(), true);
    CsvReader reader(file_, delimiter_);
    std::vector<std::string_view> fields;
    if (has_header_) reader.next(fields);
    while (reader.next(fields)) {
      for (std::size_t i = 0; i < std::min(fields.size(), names_.size()); ++i) {
        if (!numeric[i]) continue;
        float value = 0.0F;
        const Cell kind = parse_cell(trimmed(fields[i]), value);
        numeric[i] = complete ? kind == Cell::number && std::isfinite(value) : kind != Cell::text;
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
  bool counts_columns_ = false;  ///< the first line reads 0,1,2 and so on
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
