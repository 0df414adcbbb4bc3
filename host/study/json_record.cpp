#include "host/study/json_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/io/text_file.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;

json parsed(const std::string& file) {
  json value = json::parse(read_text_file(file), nullptr, false);
  if (!value.is_object()) throw DataError(fmt::format("{} is damaged: it holds no JSON object", file));
  return value;
}

}  // namespace

JsonRecord::JsonRecord() : value_(std::make_shared<const json>(json::object())) {}

JsonRecord::JsonRecord(const std::string& file)
    : name_(file), value_(std::make_shared<const json>(parsed(file))) {}

const json* JsonRecord::find(std::string_view path) const {
  const json* at = value_.get();
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string key(path.substr(0, slash));
    if (!at->is_object()) return nullptr;
    const auto found = at->find(key);
    if (found == at->end() || found->is_null()) return nullptr;
    at = &*found;
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return at;
}

void JsonRecord::fail(std::string_view path, std::string_view expected) const {
  throw DataError(fmt::format("{} is damaged: {} is no {}", name_, path, expected));
}

bool JsonRecord::has(std::string_view path) const {
  return find(path) != nullptr;
}

std::optional<double> JsonRecord::number(std::string_view path) const {
  const json* at = find(path);
  if (at == nullptr) return std::nullopt;
  if (!at->is_number()) fail(path, "number");
  return at->get<double>();
}

std::optional<std::size_t> JsonRecord::count(std::string_view path) const {
  const json* at = find(path);
  if (at == nullptr) return std::nullopt;
  if (!at->is_number_unsigned()) fail(path, "whole number");
  return at->get<std::size_t>();
}

std::string JsonRecord::text(std::string_view path) const {
  const json* at = find(path);
  if (at == nullptr) return "";
  if (!at->is_string()) fail(path, "text");
  return at->get<std::string>();
}

std::vector<double> JsonRecord::numbers(std::string_view path) const {
  const json* at = find(path);
  if (at == nullptr) return {};
  if (!at->is_array()) fail(path, "list of numbers");
  std::vector<double> out;
  for (const json& element : *at) {
    if (!element.is_number()) fail(path, "list of numbers");
    out.push_back(element.get<double>());
  }
  return out;
}

std::vector<std::string> JsonRecord::texts(std::string_view path) const {
  const json* at = find(path);
  if (at == nullptr) return {};
  if (!at->is_array()) fail(path, "list of texts");
  std::vector<std::string> out;
  for (const json& element : *at) {
    if (!element.is_string()) fail(path, "list of texts");
    out.push_back(element.get<std::string>());
  }
  return out;
}

std::vector<JsonRecord> JsonRecord::records(std::string_view path) const {
  const json* at = find(path);
  if (at == nullptr) return {};
  if (!at->is_array()) fail(path, "list of objects");
  std::vector<JsonRecord> out;
  for (const json& element : *at) {
    if (!element.is_object()) fail(path, "list of objects");
    JsonRecord record;
    record.name_ = fmt::format("{}, {}", name_, path);
    record.value_ = std::make_shared<const json>(element);
    out.push_back(std::move(record));
  }
  return out;
}

JsonRecord JsonRecord::record(std::string_view path) const {
  JsonRecord out;
  out.name_ = fmt::format("{}, {}", name_, path);
  const json* at = find(path);
  if (at == nullptr) return out;
  if (!at->is_object()) fail(path, "object");
  out.value_ = std::make_shared<const json>(*at);
  return out;
}

}  // namespace gmmvae
