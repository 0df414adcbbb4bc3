#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "host/io/atomic_file.hpp"

namespace gmmvae {

/// Writes comma-separated values (RFC 4180, with \n as line end): numbers with the fewest digits that read
/// back the same, NaN as an empty cell, text quoted where it must be. The file appears at commit(), see
/// AtomicFile.
class CsvWriter {
 public:
  explicit CsvWriter(const std::string& path) : file_(path) {}

  void cell(std::string_view text);
  void cell(float value);
  void cell(double value);
  void cell(std::integral auto value) { raw(std::to_string(value)); }
  void end_row();
  void commit() { file_.commit(); }

 private:
  void raw(std::string_view text);

  AtomicFile file_;
  bool row_is_empty_ = true;
};

}  // namespace gmmvae
