#include "host/app/json.hpp"

#include <fmt/format.h>

#include <cmath>

namespace gmmvae {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string number_text(double number) {
  return std::isfinite(number) ? fmt::format("{}", number) : "null";
}

template <class Items, class Text>
std::string array_text(const Items& items, Text text) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ",";
    out += text(item);
  }
  return out + "]";
}

}  // namespace

JsonObject& JsonObject::add_raw(std::string_view key, std::string_view value) {
  if (!members_.empty()) members_ += ",";
  members_ += fmt::format("{}:{}", quoted(key), value);
  return *this;
}

JsonObject& JsonObject::add(std::string_view key, std::string_view text) {
  return add_raw(key, quoted(text));
}
JsonObject& JsonObject::add(std::string_view key, double number) {
  return add_raw(key, number_text(number));
}
JsonObject& JsonObject::add(std::string_view key, std::uint64_t number) {
  return add_raw(key, fmt::format("{}", number));
}
JsonObject& JsonObject::add(std::string_view key, int number) {
  return add_raw(key, fmt::format("{}", number));
}
JsonObject& JsonObject::add(std::string_view key, bool truth) {
  return add_raw(key, truth ? "true" : "false");
}
JsonObject& JsonObject::add(std::string_view key, const std::vector<double>& numbers) {
  return add_raw(key, array_text(numbers, number_text));
}
JsonObject& JsonObject::add(std::string_view key, const std::vector<std::uint64_t>& numbers) {
  return add_raw(key, array_text(numbers, [](std::uint64_t number) { return fmt::format("{}", number); }));
}
JsonObject& JsonObject::add(std::string_view key, const std::vector<std::string>& texts) {
  return add_raw(key, array_text(texts, [](const std::string& text) { return quoted(text); }));
}
JsonObject& JsonObject::add(std::string_view key, const std::vector<JsonObject>& objects) {
  return add_raw(key, array_text(objects, [](const JsonObject& object) { return object.text(); }));
}
JsonObject& JsonObject::add(std::string_view key, const JsonObject& object) {
  return add_raw(key, object.text());
}
JsonObject& JsonObject::add_null(std::string_view key) {
  return add_raw(key, "null");
}

}  // namespace gmmvae
