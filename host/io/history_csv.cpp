#include "host/io/history_csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string_view>

#include "gmmvae/error.hpp"
#include "host/io/csv_reader.hpp"
#include "host/io/csv_writer.hpp"
#include "host/io/excerpt.hpp"
#include "host/io/spelled_number.hpp"

namespace gmmvae {
namespace {

std::vector<std::string> header_of(const History& history, bool several) {
  std::vector<std::string> names = history.column_names();
  names.insert(names.begin(), "epoch");
  if (several) names.insert(names.begin(), "model");
  return names;
}

/// Checks every record of such a file and sorts its rows by model.
class HistoryReader {
 public:
  explicit HistoryReader(const std::string& path) : file_(path), csv_(file_, ',') {}

  std::vector<History> read() {
    read_header();
    while (csv_.next(fields_)) take_row();
    if (histories_.empty()) fail("it holds no epoch");
    return std::move(histories_);
  }

 private:
  [[noreturn]] void fail(std::string_view reason) const {
    throw DataError(fmt::format("{} is not a training history, line {}: {}", file_.name(),
                                std::max<std::size_t>(csv_.line(), 1), reason));
  }

  /// The number of columns says how many latent dimensions there are, and so which names they must have.
  void read_header() {
    if (!csv_.next(fields_)) fail("the file is empty");
    several_ = fields_[0] == "model";
    leading_ = several_ ? 2 : 1;
    const std::size_t fixed = leading_ + History().width();
    if (fields_.size() < fixed) fail(fmt::format("{} columns are too few", fields_.size()));
    latent_ = fields_.size() - fixed;
    const std::vector<std::string> names = header_of(History(latent_), several_);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (fields_[i] != names[i])
        fail(fmt::format("column {} is '{}' in place of {}", i + 1, excerpt(fields_[i]), names[i]));
    }
  }

  void take_row() {
    if (fields_.size() != leading_ + History(latent_).width())
      fail(fmt::format("it has {} fields in place of {}", fields_.size(),
                       leading_ + History(latent_).width()));
    const std::size_t model = several_ ? whole_number(fields_[0]) : 0;
    if (model > histories_.size() || (model + 1 < histories_.size()))
      fail(fmt::format("model {} is out of order", model));
    if (model == histories_.size()) histories_.emplace_back(latent_);
    History& history = histories_[model];
    if (whole_number(fields_[leading_ - 1]) != history.epochs() + 1)
      fail(fmt::format("epoch {} is out of order", excerpt(fields_[leading_ - 1])));
    std::vector<double> row;
    for (std::size_t i = leading_; i < fields_.size(); ++i) row.push_back(number(fields_[i]));
    history.append(row);
  }

  template <class T>
  [[nodiscard]] T parsed(std::string_view text) const {
    const auto value = spelled_number<T>(text);
    if (!value) fail(fmt::format("'{}' is not a number", excerpt(text)));
    return *value;
  }
  [[nodiscard]] std::size_t whole_number(std::string_view text) const { return parsed<std::size_t>(text); }
  [[nodiscard]] double number(std::string_view text) const {
    return text.empty() ? std::numeric_limits<double>::quiet_NaN() : parsed<double>(text);
  }

  InputFile file_;
  CsvReader csv_;
  std::vector<std::string_view> fields_;
  bool several_ = false;
  std::size_t leading_ = 1;  ///< columns before those of History
  std::size_t latent_ = 0;
  std::vector<History> histories_;
};

}  // namespace

void write_history_csv(const std::string& path, std::span<const TrainingState> states) {
  if (states.empty()) throw UsageError("cannot write " + path + ": there is no model to tell of");
  const bool several = states.size() > 1;
  CsvWriter csv(path);
  for (const std::string& name : header_of(states[0].history, several)) csv.cell(name);
  csv.end_row();
  for (std::size_t model = 0; model < states.size(); ++model) {
    const History& history = states[model].history;
    for (std::size_t epoch = 0; epoch < history.epochs(); ++epoch) {
      if (several) csv.cell(model);
      csv.cell(epoch + 1);
      for (const double value : history.row(epoch)) csv.cell(value);
      csv.end_row();
    }
  }
  csv.commit();
}

std::vector<History> read_history_csv(const std::string& path) {
  return HistoryReader(path).read();
}

}  // namespace gmmvae
