#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/io/input_file.hpp"

namespace gmmvae {

/// Splits a file of separated values into records (RFC 4180): quoted fields with doubled quotes and line
/// breaks inside, \n or \r\n at line ends, a byte order mark at the start is skipped, and so are empty lines.
class CsvReader {
 public:
  /// A blank as the delimiter stands for any number of them. Throws DataError for what is no text in UTF-8.
  CsvReader(const InputFile& file, char delimiter);

  /// The fields of the next record, valid until the next call; false at the end. Throws DataError with the
  /// line for a quote that is not closed or has text behind it.
  bool next(std::vector<std::string_view>& fields);
  /// The line, from 1, on which the last record began.
  [[nodiscard]] std::size_t line() const { return line_; }

 private:
  bool fill();
  bool load_record();
  bool split(std::vector<std::string_view>& fields);
  std::string_view take_quoted(std::size_t& place);

  const InputFile& file_;
  char delimiter_;
  std::uint64_t offset_ = 0;  ///< of the next unread byte of the file
  std::string buffer_;
  std::size_t begin_ = 0;  ///< of the record within the buffer
  std::size_t end_ = 0;    ///< one past its last character, without the line end
  std::size_t next_ = 0;   ///< where the next record begins
  std::size_t line_ = 0;
  std::size_t next_line_ = 1;
  std::vector<std::unique_ptr<std::string>> unquoted_;  ///< fields that had doubled quotes
};

/// The separator that the first line suggests: the comma, unless the line has none and a semicolon or tab
/// instead, or nothing but numbers between blanks.
char guess_delimiter(const InputFile& file);

}  // namespace gmmvae
