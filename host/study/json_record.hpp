#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gmmvae {

/// A JSON file of a run, read by paths such as "modes/captured". What the file does not have, or has as null,
/// is absent; what it has as another type is a DataError that names file and path.
class JsonRecord {
 public:
  /// An empty one.
  JsonRecord();
  /// Throws DataError for a file that cannot be read or is no JSON object.
  explicit JsonRecord(const std::string& file);

  [[nodiscard]] bool has(std::string_view path) const;
  [[nodiscard]] std::optional<double> number(std::string_view path) const;
  [[nodiscard]] std::optional<std::size_t> count(std::string_view path) const;
  /// "" where it is absent.
  [[nodiscard]] std::string text(std::string_view path) const;
  /// Empty where it is absent.
  [[nodiscard]] std::vector<double> numbers(std::string_view path) const;
  [[nodiscard]] std::vector<std::string> texts(std::string_view path) const;
  /// The elements of an array of objects.
  [[nodiscard]] std::vector<JsonRecord> records(std::string_view path) const;
  /// The object at this path, or an empty record.
  [[nodiscard]] JsonRecord record(std::string_view path) const;

 private:
  [[nodiscard]] const nlohmann::json* find(std::string_view path) const;
  [[noreturn]] void fail(std::string_view path, std::string_view expected) const;

  std::string name_;
  std::shared_ptr<const nlohmann::json> value_;
};

}  // namespace gmmvae
