#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "gmmvae/error.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {
namespace {

std::string place(const std::string& file, const toml::source_region& region) {
  return fmt::format("{}:{}:{}", file, region.begin.line, region.begin.column);
}

/// The text of a scalar as the command line would have it, or nullptr's worth: false.
bool scalar_text(const toml::node& node, std::string& text) {
  if (const auto* string = node.as_string()) {
    text = string->get();
  } else if (const auto* integer = node.as_integer()) {
    text = fmt::format("{}", integer->get());
  } else if (const auto* real = node.as_floating_point()) {
    text = fmt::format("{}", real->get());
  } else if (const auto* truth = node.as_boolean()) {
    text = truth->get() ? "true" : "false";
  } else {
    return false;
  }
  return true;
}

std::string value_text(const toml::node& node, const std::string& label) {
  std::string text;
  if (scalar_text(node, text)) return text;
  const toml::array* array = node.as_array();
  if (array == nullptr) {
    throw UsageError(label + " takes a text, a number, true or false, or a list, not a table or a date");
  }
  std::string joined;
  for (const toml::node& element : *array) {
    if (!scalar_text(element, text))
      throw UsageError(label + " takes a list of texts or numbers, nothing deeper");
    if (!joined.empty()) joined += ',';
    joined += text;
  }
  return array->empty() ? "none" : joined;
}

/// Tables in the order of the file: toml++ keeps keys sorted by name.
std::vector<std::pair<toml::key, const toml::node*>> in_file_order(const toml::table& table) {
  std::vector<std::pair<toml::key, const toml::node*>> items;
  for (const auto& [key, node] : table) items.emplace_back(key, &node);
  std::stable_sort(items.begin(), items.end(), [](const auto& a, const auto& b) {
    return a.first.source().begin < b.first.source().begin;
  });
  return items;
}

void flatten(const toml::table& table, const std::string& scope, const std::string& file,
             std::vector<ConfigEntry>& entries) {
  for (const auto& [key, node] : in_file_order(table)) {
    const std::string name(key.str());
    // What is no table of ours is refused by its name later on; a model's own table holds no other.
    const bool deeper = !scope.starts_with("model.");
    if (node->is_table() && deeper) {
      const std::string inner = scope.empty() ? name : fmt::format("{}.{}", scope, name);
      if (node->as_table()->empty()) entries.push_back({inner, "", "", place(file, key.source())});
      flatten(*node->as_table(), inner, file, entries);
      continue;
    }
    const std::string source = place(file, key.source());
    entries.push_back({scope, name, value_text(*node, fmt::format("{}: {}", source, name)), source});
  }
}

}  // namespace

std::vector<ConfigEntry> read_config_file(const std::filesystem::path& file) {
  std::error_code ignored;
  std::ifstream stream;
  std::string content;
  if (!std::filesystem::is_directory(file, ignored)) {  // reading one throws
    stream.open(file);
    content.assign(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  if (!stream.is_open() || !stream) {
    throw UsageError(fmt::format(
        "the configuration {} cannot be read: {}", file.string(),
        std::filesystem::exists(file, ignored) ? "it is no readable file" : "there is no such file"));
  }
  try {
    const toml::table table = toml::parse(content, file.string());
    std::vector<ConfigEntry> entries;
    flatten(table, "", file.string(), entries);
    return entries;
  } catch (const toml::parse_error& error) {
    throw UsageError(fmt::format("{}: {}", place(file.string(), error.source()), error.description()));
  }
}

}  // namespace gmmvae
