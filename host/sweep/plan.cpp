#include "host/sweep/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <system_error>

#include "gmmvae/error.hpp"
#include "host/config/values.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/nearest_name.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPlanFile = "sweep.toml";
constexpr std::string_view kAxes = "space";

/// What the result of a trial depends on.
bool has_effect(const Option& option) {
  constexpr std::string_view groups[] = {"Mixture", "Data", "Model", "Objective", "Training"};
  if (option.effect != Effect::result || option.command_only) return false;
  return option.name == "seed" ||
         std::find(std::begin(groups), std::end(groups), option.group) != std::end(groups);
}

/// What says which trials there are.
bool shapes_plan(const Option& option) {
  return option.name == "method" || option.name == "points" || option.name == "where" ||
         option.name == "paired";
}

bool list_valued(const Option& option) {
  return option.kind == OptionKind::widths || option.kind == OptionKind::weights;
}

const Option& axis_option(const ConfigEntry& entry) {
  const Option* option = find_option("sweep", entry.key);
  if (option != nullptr && has_effect(*option)) return *option;
  std::vector<std::string> keys;
  for (const Option* known : options_of("sweep"))
    if (has_effect(*known)) keys.emplace_back(known->name);
  if (option != nullptr || find_key(entry.key) != nullptr)
    throw UsageError(
        fmt::format("{}: {} cannot be an axis: no trial depends on it", entry.source, entry.key));
  const std::string nearest = nearest_name(entry.key, keys);
  throw UsageError(fmt::format("{}: there is no key '{}'{}", entry.source, entry.key,
                               nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest)));
}

std::vector<SweepAxis> read_axes(const std::vector<ConfigEntry>& entries) {
  std::vector<SweepAxis> axes;
  for (const ConfigEntry& entry : entries) {
    const Option& option = axis_option(entry);
    const std::string label = fmt::format("{}: {}", entry.source, entry.key);
    SweepAxis axis{entry.key, axis_values(entry.value, list_valued(option), label)};
    for (std::string& value : axis.values) value = canonical_value(option, value, label);
    std::vector<std::string> sorted = axis.values;
    std::sort(sorted.begin(), sorted.end());
    if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
      throw UsageError(fmt::format("{}: the value {} is given twice", label, *twice));
    const auto same =
        std::find_if(axes.begin(), axes.end(), [&](const SweepAxis& known) { return known.key == axis.key; });
    if (same != axes.end()) {
      *same = std::move(axis);
    } else {
      axes.push_back(std::move(axis));
    }
  }
  return axes;
}

std::vector<std::pair<std::string, std::string>> read_pairs(const Settings& settings) {
  std::vector<std::pair<std::string, std::string>> pairs;
  if (!settings.is_set("paired")) return pairs;
  for (const std::string& text : settings.names("paired")) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos)
      throw UsageError(fmt::format("{} takes A:B, not '{}'", settings.label("paired"), text));
    pairs.emplace_back(text.substr(0, colon), text.substr(colon + 1));
  }
  return pairs;
}

SweepSpace make_space(const Settings& settings, const std::vector<ConfigEntry>& axes) {
  const SweepMethod method = settings.text("method") == "random" ? SweepMethod::random : SweepMethod::grid;
  return SweepSpace(read_axes(axes), read_pairs(settings), method, settings.count("points"),
                    settings.count("seed"));
}

std::optional<double> number(std::string_view text) {
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool holds(double a, std::string_view comparison, double b) {
  if (comparison == "<=") return a <= b;
  if (comparison == ">=") return a >= b;
  if (comparison == "==") return a == b;
  if (comparison == "!=") return a != b;
  return comparison == "<" ? a < b : a > b;
}

std::string axis_text(const SweepAxis& axis) {
  const bool lists = list_valued(*find_option("sweep", axis.key));
  // A single list needs the semicolon too, or else nothing; a single plain value is one already.
  return fmt::format("{}", fmt::join(axis.values, lists ? ";" : ","));
}

/// Key and value of every line of a plan's TOML.
std::map<std::string, std::string> lines_of(const SweepPlan& plan) {
  std::map<std::string, std::string> lines;
  std::string_view rest;
  const std::string text = plan.to_toml();
  rest = text;
  while (!rest.empty() && rest.front() != '[') {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    if (const std::size_t equals = line.find(" = "); equals != std::string_view::npos)
      lines.emplace(line.substr(0, equals), line.substr(equals + 3));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return lines;
}

std::string difference(const SweepPlan& before, const SweepPlan& now) {
  const auto& old_axes = before.space().axes();
  const auto& new_axes = now.space().axes();
  for (const SweepAxis& axis : new_axes)
    if (std::none_of(old_axes.begin(), old_axes.end(),
                     [&](const SweepAxis& other) { return other.key == axis.key; }))
      return fmt::format("{} is an axis now and was none", axis.key);
  auto was = lines_of(before), is = lines_of(now);
  const auto more_points = [](const std::string& a, const std::string& b) {
    return number(a).value_or(0) <= number(b).value_or(0);
  };
  if (more_points(was["points"], is["points"])) was["points"] = is["points"];
  for (const auto& [key, value] : is) was.try_emplace(key, "not set");
  for (const auto& [key, value] : was) {
    const auto found = is.find(key);
    const std::string current = found == is.end() ? "not set" : found->second;
    if (current != value) return fmt::format("{} was {} and is now {}", key, value, current);
  }
  const bool random = was["method"] == "\"random\"";
  for (const SweepAxis& axis : old_axes) {
    const auto same = std::find_if(new_axes.begin(), new_axes.end(),
                                   [&](const SweepAxis& other) { return other.key == axis.key; });
    if (same == new_axes.end()) return fmt::format("{} was an axis and is none now", axis.key);
    for (const std::string& value : axis.values)
      if (std::find(same->values.begin(), same->values.end(), value) == same->values.end())
        return fmt::format("the axis {} had the value {}, which is gone", axis.key, value);
    // Random points are drawn by their places on the axes, which must stay.
    if (random && same->values.size() != axis.values.size())
      return fmt::format("the axis {} has other values; random points cannot take them in", axis.key);
  }
  return "";
}

/// Whether there is anything in the folder but what a sweep that was killed at its very start leaves there.
bool holds_something(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (!entry.path().filename().string().starts_with(fmt::format("{}.tmp-", kPlanFile))) return true;
  return false;
}

}  // namespace

SweepPlan::SweepPlan(Settings settings, const std::vector<ConfigEntry>& axes)
    : settings_(std::move(settings)), space_(make_space(settings_, axes)) {
  if (!settings_.is_set("where")) return;
  for (const std::string& text : settings_.names("where")) constraints_.push_back(constraint(text));
}

SweepPlan::Operand SweepPlan::operand(const std::string& text, const std::string& constraint) const {
  if (const auto value = number(text)) return {0, {*value}, false};
  const auto numbers = [&](const std::vector<std::string>& values) {
    std::vector<double> out;
    for (const std::string& value : values) {
      const auto parsed = number(value);
      if (!parsed)
        throw UsageError(fmt::format("--where {}: {} is '{}', no number", constraint, text, value));
      out.push_back(*parsed);
    }
    return out;
  };
  for (std::size_t a = 0; a < space_.axes().size(); ++a)
    if (space_.axes()[a].key == text) return {a, numbers(space_.axes()[a].values), true};
  const Option* option = find_option("sweep", text);
  if (option == nullptr || !has_effect(*option))
    throw UsageError(fmt::format("--where {}: '{}' is neither a key nor a number", constraint, text));
  return {0, numbers({settings_.text(text)}), false};
}

SweepPlan::Constraint SweepPlan::constraint(const std::string& text) const {
  for (const char* comparison : {"<=", ">=", "==", "!=", "<", ">"}) {
    const std::size_t at = text.find(comparison);
    if (at == std::string::npos || at == 0) continue;
    return {operand(text.substr(0, at), text),
            operand(text.substr(at + std::string(comparison).size()), text), comparison};
  }
  throw UsageError(fmt::format("--where takes KEY<=KEY, KEY>=NUMBER and the like, not '{}'", text));
}

bool SweepPlan::keeps(std::uint64_t trial) const {
  if (constraints_.empty()) return true;
  const std::vector<std::size_t> at = space_.at(trial);
  const auto value = [&](const Operand& side) { return side.values[side.varies ? at[side.axis] : 0]; };
  return std::all_of(constraints_.begin(), constraints_.end(), [&](const Constraint& each) {
    return holds(value(each.left), each.comparison, value(each.right));
  });
}

Settings SweepPlan::settings_of(std::uint64_t trial) const {
  Settings settings = settings_;
  const std::vector<std::size_t> at = space_.at(trial);
  for (std::size_t a = 0; a < at.size(); ++a)
    settings.add_flag(space_.axes()[a].key, space_.axes()[a].values[at[a]]);
  return settings;
}

std::string SweepPlan::describe(std::uint64_t trial) const {
  std::string text;
  const std::vector<std::size_t> at = space_.at(trial);
  for (std::size_t a = 0; a < at.size(); ++a)
    text += fmt::format("{}{}={}", a == 0 ? "" : " ", space_.axes()[a].key, space_.axes()[a].values[at[a]]);
  return text;
}

std::string SweepPlan::to_toml() const {
  const auto is_axis = [&](const Option& option) {
    return std::any_of(space_.axes().begin(), space_.axes().end(),
                       [&](const SweepAxis& axis) { return axis.key == option.name; });
  };
  std::string text = settings_.to_toml(false, [&](const Option& option) {
    // The seed also draws random points, and so matters even where it is an axis.
    return shapes_plan(option) || (has_effect(option) && (!is_axis(option) || option.name == "seed"));
  });
  text += fmt::format("\n[{}]\n", kAxes);
  constexpr Option plain{.name = "", .group = "", .verbs = "", .kind = OptionKind::text};
  for (const SweepAxis& axis : space_.axes())
    text += fmt::format("{} = {}\n", axis.key, toml_value(plain, axis_text(axis)));
  return text;
}

SweepPlan load_plan(Settings settings, const std::string& file, const std::vector<std::string>& axes) {
  std::vector<ConfigEntry> fixed, space;
  if (!file.empty()) {
    for (ConfigEntry& entry : read_config_file(file)) {
      if (entry.scope == kAxes && entry.key.empty()) continue;
      (entry.scope == kAxes ? space : fixed).push_back(std::move(entry));
    }
  }
  settings.add_file_entries(fixed);
  for (const std::string& axis : axes) {
    const std::size_t equals = axis.find('=');
    space.push_back({std::string(kAxes), axis.substr(0, equals), axis.substr(equals + 1), "axis"});
  }
  return {std::move(settings), space};
}

std::string trial_identity(const Settings& trial) {
  const std::string text = trial.to_toml(false, has_effect);
  constexpr std::uint64_t prime = 0x100000001b3;
  std::uint64_t first = 0xcbf29ce484222325, second = 0x84222325cbf29ce4;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    first = (first ^ byte) * prime;
    second = (second ^ byte) * prime;
    second ^= second >> 32;
  }
  return fmt::format("{:016x}{:016x}", first, second);
}

void claim_sweep_folder(const fs::path& folder, const SweepPlan& plan) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw DataError(fmt::format("the folder {} cannot be created: {}", folder.string(), error.message()));
  const fs::path file = folder / kPlanFile;
  if (fs::exists(file, error)) {
    const std::string changed = difference(stored_plan(folder), plan);
    if (!changed.empty())
      throw UsageError(
          fmt::format("{} holds another sweep: {}; add values to its axes, or choose another --out",
                      folder.string(), changed));
  } else if (holds_something(folder)) {
    throw DataError(fmt::format("{} is not empty and holds no sweep; choose another --out", folder.string()));
  }
  write_file(file.string(), plan.to_toml());
}

SweepPlan stored_plan(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder / kPlanFile, error))
    throw DataError(fmt::format("{} holds no sweep: there is no {}", folder.string(), kPlanFile));
  return load_plan(Settings("sweep"), (folder / kPlanFile).string(), {});
}

}  // namespace gmmvae
