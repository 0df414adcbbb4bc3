#include "host/io/csv_writer.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace gmmvae {
namespace {

/// Longest shortest-round-trip double: -2.2250738585072014e-308 has 24 characters.
using Digits = std::array<char, 32>;

template <class T>
std::string_view shortest(T value, Digits& digits) {
  if (std::isnan(value)) return {};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), static_cast<std::size_t>(end - digits.data())};
}

}  // namespace

void CsvWriter::raw(std::string_view text) {
  if (!row_is_empty_) file_.write(",");
  row_is_empty_ = false;
  file_.write(text);
}

void CsvWriter::cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
    raw(text);
    return;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  raw(quoted + '"');
}

void CsvWriter::cell(float value) {
  Digits digits;
  raw(shortest(value, digits));
}

void CsvWriter::cell(double value) {
  Digits digits;
  raw(shortest(value, digits));
}

void CsvWriter::end_row() {
  file_.write("\n");
  row_is_empty_ = true;
}

}  // namespace gmmvae
