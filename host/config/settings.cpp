#include "host/config/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "gmmvae/error.hpp"
#include "host/config/values.hpp"
#include "host/config/verbs.hpp"
#include "host/io/nearest_name.hpp"
#include "host/io/spelled_number.hpp"

namespace gmmvae {
namespace {

constexpr int kDefaultLayer = 0;
constexpr int kFirstFileLayer = 1;
constexpr int kEnvironmentLayer = 1'000'000;
constexpr int kSetLayer = kEnvironmentLayer + 1;
constexpr int kFlagLayer = kEnvironmentLayer + 2;
constexpr std::string_view kModelScope = "model.";

// Variables that are ours but no options.
constexpr std::string_view kOtherVariables[] = {"GMMVAE_ISA"};

std::string did_you_mean(std::string_view name, const std::vector<std::string>& candidates) {
  const std::string nearest = nearest_name(name, candidates);
  return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

/// What to try in place of a key that does not exist: the nearest of the verb's own, else of another verb's.
std::string key_hint(std::string_view verb, std::string_view key) {
  std::vector<std::string> own;
  for (const Option* option : options_of(verb))
    if (!option->command_only) own.emplace_back(option->name);
  if (std::string hint = did_you_mean(key, own); !hint.empty()) return hint;
  const std::string nearest = nearest_name(key, all_keys());
  if (nearest.empty()) return fmt::format("; 'gmmvae {} --print-config' lists them", verb);
  const std::string_view readers = find_key(nearest)->verbs;
  return fmt::format("; did you mean {}, which {} reads?", nearest, readers.substr(0, readers.find(' ')));
}

/// The row that a key stands for inside a scope, for any verb that might read it.
const Option* row_of(std::string_view verb, const std::string& scope, std::string_view key) {
  if (!scope.empty() && !scope.starts_with(kModelScope)) {
    const Option* own = find_option(scope, key);
    return own != nullptr && !own->command_only ? own : nullptr;
  }
  const Option* own = find_option(verb, key);
  return own != nullptr && !own->command_only ? own : find_key(key);
}

}  // namespace

Settings::Settings(std::string verb) : verb_(std::move(verb)), scopes_{verb_} {}

/// What is wrong with a key that another verb reads and that is easily taken for one of this verb's own; ""
/// where nothing is.
std::string Settings::mistaken_key(std::string_view key) const {
  if (key != "learning-rate" || find_option(verb_, key) != nullptr || find_option(verb_, "lr") == nullptr)
    return "";
  return fmt::format(
      "learning-rate belongs to the embedding and {} does not train with it: the key for that is lr, and the "
      "embedding's goes under [tsne]",
      verb_);
}

void Settings::add_config_entry(int layer, const ConfigEntry& entry) {
  const std::string where = entry.source + ": ";
  const bool model = entry.scope.starts_with(kModelScope) && entry.scope.size() > kModelScope.size();
  if (!entry.scope.empty() && !model && find_verb(entry.scope) == nullptr) {
    std::vector<std::string> tables = verb_names();
    tables.emplace_back("model.NAME");
    throw UsageError(
        fmt::format("{}there is no table [{}]{}", where, entry.scope, did_you_mean(entry.scope, tables)));
  }
  if (entry.key.empty()) {
    if (model) entries_.push_back({layer, entry.scope, "", {"", entry.source}});
    return;
  }
  const Option* option = row_of(verb_, entry.scope, entry.key);
  if (option == nullptr) {
    const bool of_verb = !entry.scope.empty() && !model;
    throw UsageError(fmt::format("{}there is no key '{}'{}{}", where, entry.key,
                                 of_verb ? fmt::format(" that {} reads", entry.scope) : "",
                                 key_hint(of_verb ? entry.scope : verb_, entry.key)));
  }
  if (const std::string mistake = mistaken_key(entry.key); !mistake.empty() && (entry.scope.empty() || model))
    throw UsageError(where + mistake);
  const std::string label = entry.source == "--set" ? "--set " + entry.key : where + entry.key;
  entries_.push_back(
      {layer, entry.scope, entry.key, {canonical_value(*option, entry.value, label), entry.source}});
}

void Settings::add_file(const std::filesystem::path& file) {
  add_file_entries(read_config_file(file));
}

void Settings::add_file_entries(const std::vector<ConfigEntry>& entries) {
  const int layer = kFirstFileLayer + files_++;
  for (const ConfigEntry& entry : entries) add_config_entry(layer, entry);
}

void Settings::add_environment(const char* const* environment) {
  std::vector<std::string> names;
  for (const std::string& key : all_keys()) names.push_back(environment_name(key));
  for (; *environment != nullptr; ++environment) {
    const std::string_view variable = *environment;
    const std::size_t equals = variable.find('=');
    if (!variable.starts_with("GMMVAE_") || equals == std::string_view::npos) continue;
    const std::string name(variable.substr(0, equals));
    const auto known = std::find(names.begin(), names.end(), name);
    if (known == names.end()) {
      const bool other = std::find(std::begin(kOtherVariables), std::end(kOtherVariables), name) !=
                         std::end(kOtherVariables);
      if (!other) {
        warnings_.push_back(fmt::format("the environment variable {} is not used: no option has that name{}",
                                        name, did_you_mean(name, names)));
      }
      continue;
    }
    const std::string key = all_keys()[static_cast<std::size_t>(known - names.begin())];
    const std::string_view value = variable.substr(equals + 1);
    const Option* option = row_of(verb_, "", key);
    if (const std::string mistake = mistaken_key(key); !mistake.empty() && !value.empty())
      warnings_.push_back(fmt::format("the environment variable {} is not used: {}", name, mistake));
    if (!value.empty()) {
      entries_.push_back({kEnvironmentLayer, "", key, {canonical_value(*option, value, name), name}});
    }
  }
}

void Settings::add_set(std::string_view assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    throw UsageError(fmt::format("--set takes KEY=VALUE, not '{}'", assignment));
  }
  const std::string_view path = assignment.substr(0, equals);
  const std::size_t dot = path.rfind('.');
  ConfigEntry entry;
  entry.scope = dot == std::string_view::npos ? "" : path.substr(0, dot);
  entry.key = dot == std::string_view::npos ? path : path.substr(dot + 1);
  entry.value = assignment.substr(equals + 1);
  entry.source = "--set";
  if (entry.key.empty()) throw UsageError(fmt::format("--set takes KEY=VALUE, not '{}'", assignment));
  add_config_entry(kSetLayer, entry);
  // A file is shared by verbs, but what is said on the command line is said to this one.
  if (entry.scope.empty() && find_option(verb_, entry.key) == nullptr) {
    throw UsageError(fmt::format("--set {}: {} does not read this key", entry.key, verb_));
  }
}

void Settings::add_flag(std::string_view name, std::string_view value) {
  const Option* option = find_option(verb_, name);
  if (option == nullptr) throw UsageError(fmt::format("{} has no option --{}", verb_, name));
  entries_.push_back({kFlagLayer,
                      "",
                      std::string(name),
                      {canonical_value(*option, value, fmt::format("--{}", name)), "flag"}});
}

void Settings::add_default(std::string_view scope, std::string_view key, std::string_view value) {
  const std::string_view reader = find_verb(scope) != nullptr ? scope : std::string_view(verb_);
  const Option* option = find_option(reader, key);
  if (option == nullptr) throw std::logic_error(fmt::format("{} does not read --{}", reader, key));
  entries_.push_back({kDefaultLayer,
                      std::string(scope),
                      std::string(key),
                      {canonical_value(*option, value, key), "default"}});
}

int Settings::specificity(const std::string& scope) const {
  if (scope.empty()) return 0;
  const auto found = std::find(scopes_.begin(), scopes_.end(), scope);
  return found == scopes_.end() ? -1 : 1 + static_cast<int>(found - scopes_.begin());
}

Setting Settings::get(std::string_view name) const {
  const Option* option = find_option(verb_, name);
  if (option == nullptr) throw std::logic_error(fmt::format("{} does not read --{}", verb_, name));
  const Entry* best = nullptr;
  std::pair<int, int> best_rank{-1, -1};
  for (const Entry& entry : entries_) {
    const std::pair<int, int> rank{entry.layer, specificity(entry.scope)};
    if (entry.key != name || rank.second < 0 || rank < best_rank) continue;
    best = &entry;
    best_rank = rank;
  }
  if (best != nullptr) return best->setting;
  return {option->default_value.empty() ? "" : canonical_value(*option, option->default_value, name),
          "default"};
}

std::uint64_t Settings::count(std::string_view name) const {
  const std::string value = text(name);
  const auto number = spelled_number<std::uint64_t>(value);
  if (!number) throw std::logic_error(fmt::format("--{} holds no whole number but '{}'", name, value));
  return *number;
}

double Settings::real(std::string_view name) const {
  const std::string value = text(name);
  const auto number = spelled_number<double>(value);
  if (!number) throw std::logic_error(fmt::format("--{} holds no number but '{}'", name, value));
  return *number;
}

std::vector<std::size_t> Settings::widths(std::string_view name) const {
  std::vector<std::size_t> list;
  const std::string value = text(name);
  if (value == "none") return list;
  for (const std::string& piece : split_list(value)) list.push_back(std::stoull(piece));
  return list;
}

std::vector<std::string> Settings::names(std::string_view name) const {
  return split_list(text(name));
}

double Settings::seconds(std::string_view name) const {
  return duration_seconds(text(name));
}

std::filesystem::path Settings::required_path(std::string_view name) const {
  const std::string value = text(name);
  if (value.empty()) {
    throw UsageError(fmt::format("{} needs --{} {}", verb_, name, find_option(verb_, name)->metavar));
  }
  return value;
}

std::string Settings::label(std::string_view name) const {
  std::string source = get(name).source;
  if (source == "flag" || source == "default") return fmt::format("--{}", name);
  if (source == "--set") return fmt::format("--set {}", name);
  if (source.starts_with("GMMVAE_")) return source;
  return fmt::format("{}: {}", source, name);
}

std::vector<std::string> Settings::model_names() const {
  std::vector<std::string> found;
  for (const Entry& entry : entries_) {
    if (!entry.scope.starts_with(kModelScope)) continue;
    const std::string name = entry.scope.substr(kModelScope.size());
    if (std::find(found.begin(), found.end(), name) == found.end()) found.push_back(name);
  }
  return found;
}

Settings Settings::for_model(std::string_view name) const {
  Settings inner = *this;
  inner.scopes_.emplace_back(std::string(kModelScope) + std::string(name));
  return inner;
}

Settings Settings::step(std::string_view verb) const {
  Settings inner{std::string(verb)};
  for (const Entry& entry : entries_) {
    const Option* there = find_option(verb, entry.key);
    if (there == nullptr) continue;
    const Option* here = find_option(verb_, entry.key);
    const bool same = (here != nullptr ? here : find_key(entry.key)) == there;
    const bool general = entry.scope.empty() || entry.scope == verb_;
    if (entry.scope != verb && !(same && general)) continue;
    inner.entries_.push_back(entry);
    if (general) inner.entries_.back().scope.clear();
  }
  return inner;
}

}  // namespace gmmvae
