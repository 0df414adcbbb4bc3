#include "host/bench/axes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "gmmvae/error.hpp"
#include "host/config/options.hpp"
#include "host/config/values.hpp"
#include "host/io/nearest_name.hpp"

namespace gmmvae::bench {
namespace {

/// The heading, in the table of options, of those that take several values.
constexpr std::string_view kAxisGroup = "Axes";

/// Keys that no combination can choose: what is shared by all of them.
bool shared(std::string_view key) {
  return key == "device" || key == "json" || key == "progress" || key == "quiet" || key == "verbose";
}

const Option* option_of(const std::vector<std::string>& verbs, std::string_view key) {
  for (const std::string& verb : verbs) {
    const Option* option = find_option(verb, key);
    if (option != nullptr && !option->command_only && !shared(key)) return option;
  }
  return nullptr;
}

[[noreturn]] void refuse(const std::vector<std::string>& verbs, std::string_view key) {
  std::vector<std::string> keys;
  for (const std::string& verb : verbs)
    for (const Option* option : options_of(verb))
      if (!option->command_only && !shared(option->name)) keys.emplace_back(option->name);
  const std::string nearest = nearest_name(key, keys);
  throw UsageError(fmt::format("{} cannot be an axis here: there is no such key{}", key,
                               nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

}  // namespace

Combinations::Combinations(const Settings& settings, std::vector<std::string> verbs)
    : verbs_(std::move(verbs)), seed_(settings.text("seed")), space_({}, {}) {
  for (const Option* option : options_of(settings.verb())) {
    const bool axis = option->group == kAxisGroup || option->name == "threads";
    if (!axis || !settings.is_given(option->name)) continue;
    if (option_of(verbs_, option->name) == nullptr)
      throw UsageError(fmt::format("bench {} does not depend on {}", settings.arguments().front(),
                                   settings.label(option->name)));
    add(option->name, settings.text(option->name), settings.label(option->name));
  }
  for (std::size_t i = 1; i < settings.arguments().size(); ++i) {
    const std::string& argument = settings.arguments()[i];
    const std::size_t equals = argument.find('=');
    if (equals == std::string::npos || equals == 0)
      throw UsageError(fmt::format("'{}' is no axis: it must be KEY=VALUES, as in batch=32,96", argument));
    const std::string key = argument.substr(0, equals);
    if (option_of(verbs_, key) == nullptr) refuse(verbs_, key);
    add(key, std::string_view(argument).substr(equals + 1), key);
  }
  space_ = SweepSpace(axes_, {});
}

void Combinations::add(std::string_view key, std::string_view text, const std::string& label) {
  const Option& option = *option_of(verbs_, key);
  const bool lists = option.kind == OptionKind::widths || option.kind == OptionKind::weights ||
                     option.kind == OptionKind::names;
  SweepAxis axis{std::string(key), axis_values(text, lists, label)};
  for (std::string& value : axis.values) value = canonical_value(option, value, label);
  std::erase_if(axes_, [&](const SweepAxis& known) { return known.key == key; });
  axes_.push_back(std::move(axis));
}

Settings Combinations::settings(std::size_t index, std::string_view verb) const {
  Settings settings{std::string(verb)};
  settings.add_flag("seed", seed_);
  const std::vector<std::size_t> at = space_.at(index);
  for (std::size_t a = 0; a < axes_.size(); ++a) {
    if (find_option(verb, axes_[a].key) != nullptr) settings.add_flag(axes_[a].key, axes_[a].values[at[a]]);
  }
  return settings;
}

std::string Combinations::describe(std::size_t index, const std::vector<std::string>& always) const {
  std::string text;
  const auto say = [&](std::string_view key, const std::string& value) {
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", key, value);
  };
  for (const std::string& key : always) {
    for (const std::string& verb : verbs_) {
      if (find_option(verb, key) == nullptr) continue;
      say(key, settings(index, verb).text(key));
      break;
    }
  }
  const std::vector<std::size_t> at = space_.at(index);
  for (std::size_t a = 0; a < axes_.size(); ++a)
    if (std::find(always.begin(), always.end(), axes_[a].key) == always.end())
      say(axes_[a].key, axes_[a].values[at[a]]);
  return text;
}

}  // namespace gmmvae::bench
