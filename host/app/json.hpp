#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gmmvae {

/// A JSON object under construction, in the order of the calls. Numbers are written in the shortest form that
/// reads back the same; NaN and infinities, which JSON does not have, become null.
class JsonObject {
 public:
  JsonObject& add(std::string_view key, std::string_view text);
  JsonObject& add(std::string_view key, const char* text) { return add(key, std::string_view(text)); }
  JsonObject& add(std::string_view key, double number);
  JsonObject& add(std::string_view key, std::uint64_t number);
  JsonObject& add(std::string_view key, int number);
  JsonObject& add(std::string_view key, bool truth);
  JsonObject& add(std::string_view key, const std::vector<double>& numbers);
  JsonObject& add(std::string_view key, const std::vector<std::uint64_t>& numbers);
  JsonObject& add(std::string_view key, const std::vector<std::string>& texts);
  JsonObject& add(std::string_view key, const std::vector<JsonObject>& objects);
  JsonObject& add(std::string_view key, const JsonObject& object);
  JsonObject& add_null(std::string_view key);

  [[nodiscard]] std::string text() const { return "{" + members_ + "}"; }

 private:
  JsonObject& add_raw(std::string_view key, std::string_view value);

  std::string members_;
};

}  // namespace gmmvae
