#include "host/sweep/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <system_error>
#include <unordered_set>

#include "gmmvae/error.hpp"
#include "host/config/implied.hpp"
#include "host/config/values.hpp"
#include "host/io/nearest_name.hpp"
#include "host/io/spelled_number.hpp"
#include "host/sweep/metrics.hpp"

namespace gmmvae {
namespace {

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
  return option.group == "Sweep" && option.effect == Effect::result;
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

/// What two trials have in common that have this key in common.
SweepSpace::Kinship kinship(const std::string& key) {
  constexpr std::string_view shape[] = {"dim",    "samples",    "hidden", "encoder-hidden", "decoder-hidden",
                                        "latent", "activation", "batch",  "epochs"};
  if (std::find(std::begin(shape), std::end(shape), key) != std::end(shape))
    return SweepSpace::Kinship::shape;
  const bool data = key == "seed" || find_option("sweep", key)->group == "Mixture";
  return data ? SweepSpace::Kinship::data : SweepSpace::Kinship::none;
}

SweepSpace make_space(const Settings& settings, const std::vector<ConfigEntry>& axes) {
  SweepSpace::Options options;
  const std::string method = settings.text("method");
  if (method == "random") options.method = SweepMethod::random;
  if (method == "sobol") options.method = SweepMethod::sobol;
  options.points = settings.count("points");
  options.seed = settings.count("seed");
  options.chunk = settings.text("chunk") == "auto" ? 0 : settings.count("chunk");
  options.kinship = kinship;
  return {read_axes(axes), read_pairs(settings), std::move(options)};
}

std::vector<std::string> read_metrics(const Settings& settings) {
  if (!settings.is_set("metrics")) return {};
  std::vector<std::string> chosen = settings.names("metrics");
  const std::vector<std::string> known = extra_metric_names();
  for (const std::string& name : chosen) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string nearest = nearest_name(name, known);
    throw UsageError(fmt::format("{}: there is no metric '{}'{}", settings.label("metrics"), name,
                                 nearest.empty() ? fmt::format("; there are {}", fmt::join(known, ", "))
                                                 : fmt::format("; did you mean {}?", nearest)));
  }
  return chosen;
}

Pruning read_pruning(const Settings& settings) {
  Pruning pruning;
  const std::string rule = settings.text("prune");
  if (rule == "halving") pruning.rule = PruningRule::halving;
  if (rule == "median") pruning.rule = PruningRule::median;
  pruning.first_epoch = settings.count("prune-from");
  pruning.factor = settings.count("prune-factor");
  return pruning;
}

bool holds(double a, std::string_view comparison, double b) {
  if (comparison == "<=") return a <= b;
  if (comparison == ">=") return a >= b;
  if (comparison == "==") return a == b;
  if (comparison == "!=") return a != b;
  return comparison == "<" ? a < b : a > b;
}

/// Adds a line of a configuration. An option that came after trials were first stored is part of a trial's
/// name only where it has another value than its default.
void add_line(std::string_view line, TrialId& id) {
  if (!is_implied(line)) id.add(line);
}

/// Adds each line of a configuration.
void add_lines(std::string_view text, TrialId& id) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    add_line(text.substr(0, end), id);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string axis_text(const SweepAxis& axis) {
  const bool lists = list_valued(*find_option("sweep", axis.key));
  // A single list needs the semicolon too, or else nothing; a single plain value is one already.
  return fmt::format("{}", fmt::join(axis.values, lists ? ";" : ","));
}

}  // namespace

SweepPlan::SweepPlan(Settings settings, const std::vector<ConfigEntry>& axes)
    : settings_(std::move(settings)),
      space_(make_space(settings_, axes)),
      metrics_(read_metrics(settings_)),
      pruning_(read_pruning(settings_)) {
  if (settings_.is_set("where"))
    for (const std::string& text : settings_.names("where")) constraints_.push_back(constraint(text));
  const auto is_axis = [&](const Option& option) {
    return std::any_of(space_.axes().begin(), space_.axes().end(),
                       [&](const SweepAxis& axis) { return axis.key == option.name; });
  };
  add_lines(settings_.to_toml(false, [&](const Option& o) { return has_effect(o) && !is_axis(o); }), fixed_);
  for (const SweepAxis& axis : space_.axes()) {
    const Option& option = *find_option("sweep", axis.key);
    std::vector<TrialId>& ids = axis_ids_.emplace_back(axis.values.size());
    for (std::size_t v = 0; v < ids.size(); ++v)
      add_line(fmt::format("{} = {}", axis.key, toml_value(option, axis.values[v])), ids[v]);
  }
}

SweepPlan::Operand SweepPlan::operand(const std::string& text, const std::string& constraint) const {
  if (const auto value = spelled_number<double>(text)) return {0, {*value}, false};
  const auto numbers = [&](const std::vector<std::string>& values) {
    std::vector<double> out;
    for (const std::string& value : values) {
      const auto parsed = spelled_number<double>(value);
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

TrialId SweepPlan::identity_alone(std::uint64_t trial) const {
  TrialId id = fixed_;
  const std::vector<std::size_t> at = space_.at(trial);
  for (std::size_t a = 0; a < at.size(); ++a) id.add(axis_ids_[a][at[a]]);
  return id;
}

std::vector<PlannedTrial> SweepPlan::chunk(std::uint64_t index) const {
  std::vector<PlannedTrial> trials;
  std::unordered_set<TrialId> taken;
  for (const std::uint64_t trial : space_.chunk(index)) {
    if (!keeps(trial)) continue;
    const TrialId id = identity_alone(trial);
    // Random points may fall on the same combination twice.
    if (taken.insert(id).second) trials.push_back({trial, id});
  }
  if (pruning_.rule == PruningRule::none) return trials;
  TrialId all;
  for (const PlannedTrial& trial : trials) all.add(trial.id.text());
  TrialId cohort;
  cohort.add(fmt::format("cohort {} {} {} {}", all.text(), static_cast<int>(pruning_.rule),
                         pruning_.first_epoch, pruning_.factor));
  for (PlannedTrial& trial : trials) trial.id.add(cohort);
  return trials;
}

std::vector<PlannedTrial> SweepPlan::trials() const {
  std::vector<PlannedTrial> all;
  for (std::uint64_t c = 0; c < space_.chunks(); ++c) {
    const std::vector<PlannedTrial> some = chunk(c);
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end(),
            [](const PlannedTrial& a, const PlannedTrial& b) { return a.trial < b.trial; });
  if (is_grid()) return all;
  std::unordered_set<TrialId> taken;
  std::erase_if(all, [&](const PlannedTrial& trial) { return !taken.insert(trial.id).second; });
  return all;
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

TrialId trial_identity(const Settings& trial) {
  TrialId id;
  add_lines(trial.to_toml(false, has_effect), id);
  return id;
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

}  // namespace gmmvae
