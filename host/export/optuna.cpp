#include "host/export/optuna.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "host/io/spelled_number.hpp"

namespace gmmvae {
namespace {

using nlohmann::ordered_json;

// optuna.storages.journal JournalOperation, optuna.trial.TrialState, optuna.study.StudyDirection.
constexpr int kCreateStudy = 0, kCreateTrial = 4;
constexpr int kComplete = 1, kPruned = 2, kFail = 3;
constexpr int kMaximize = 2;
constexpr const char* kWorker = "gmmvae";
constexpr const char* kTime = "1970-01-01T00:00:00.000000+00:00";

/// One line; what is no UTF-8, as the name of a folder may be, becomes U+FFFD.
std::string json_line(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

/// The values of an axis as T; empty where one of them is none.
template <class T>
std::vector<T> numbers(const std::vector<std::string>& texts) {
  std::vector<T> values;
  for (const std::string& text : texts) {
    const std::optional<T> value = spelled_number<T>(text);
    if (!value) return {};
    values.push_back(*value);
  }
  return values;
}

/// An axis as one of Optuna's distributions, and each of its values as Optuna's journal holds them: a number,
/// or the place among the choices.
struct Parameter {
  std::string key, distribution;
  std::vector<ordered_json> values;
};

template <class T>
Parameter range_parameter(const std::string& key, const char* kind, const ordered_json& step,
                          const std::vector<T>& values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  constexpr double decades = 100.0;  // two of them: most of a linear axis would be empty
  const bool logarithmic = *low > 0 && static_cast<double>(*high) >= decades * static_cast<double>(*low);
  const ordered_json distribution = {
      {"name", kind}, {"attributes", {{"step", step}, {"low", *low}, {"high", *high}, {"log", logarithmic}}}};
  return {key, json_line(distribution), {values.begin(), values.end()}};
}

Parameter parameter_of(const SweepAxis& axis) {
  if (const auto values = numbers<std::int64_t>(axis.values); !values.empty())
    return range_parameter(axis.key, "IntDistribution", 1, values);
  if (const auto values = numbers<double>(axis.values); !values.empty())
    return range_parameter(axis.key, "FloatDistribution", nullptr, values);
  const ordered_json distribution = {{"name", "CategoricalDistribution"},
                                     {"attributes", {{"choices", axis.values}}}};
  Parameter parameter{axis.key, json_line(distribution), {}};
  for (std::size_t i = 0; i < axis.values.size(); ++i) parameter.values.emplace_back(i);
  return parameter;
}

ordered_json attributes_of(const TrialRecord& record) {
  ordered_json attributes = {{"trial", record.id.text()}, {"epochs", record.epochs}};
  const auto add = [&](const char* name, double value) {
    if (!std::isnan(value)) attributes[name] = value;
  };
  add("loss", record.loss);
  add("reconstruction", record.reconstruction);
  add("kl", record.kl);
  add("decoder_variance", record.decoder_variance);
  attributes["kl_per_dimension"] = record.kl_per_dimension;
  attributes["active_units"] = record.active_units;
  if (record.modes_total > 0) {
    attributes["modes_total"] = record.modes_total;
    attributes["modes_hit"] = record.modes_hit;
    attributes["modes_captured"] = record.modes_captured;
    add("high_quality", record.high_quality);
  }
  attributes["predicted"] = record.predicted;
  attributes["found"] = record.found;
  if (!record.why.empty()) attributes["why"] = record.why;
  return attributes;
}

ordered_json trial_line(const std::vector<Parameter>& parameters, const std::vector<std::size_t>& at,
                        const TrialRecord& record) {
  const bool complete = record.status == TrialStatus::done && std::isfinite(record.elbo);
  ordered_json line = {{"op_code", kCreateTrial}, {"worker_id", kWorker}, {"study_id", 0}};
  line["state"] = complete ? kComplete : record.status == TrialStatus::pruned ? kPruned : kFail;
  line["value"] = complete ? ordered_json(record.elbo) : ordered_json(nullptr);
  line["values"] = nullptr;
  line["datetime_start"] = line["datetime_complete"] = kTime;
  line["distributions"] = line["params"] = ordered_json::object();
  for (std::size_t a = 0; a < parameters.size(); ++a) {
    line["distributions"][parameters[a].key] = parameters[a].distribution;
    line["params"][parameters[a].key] = parameters[a].values[at[a]];
  }
  line["user_attrs"] = attributes_of(record);
  line["system_attrs"] = line["intermediate_values"] = ordered_json::object();
  return line;
}

}  // namespace

OptunaJournal optuna_journal(const SweepPlan& plan, const SweepResults& results, const std::string& study) {
  OptunaJournal journal{study, "", 0};
  const ordered_json head = {
      {"op_code", kCreateStudy}, {"worker_id", kWorker}, {"study_name", study}, {"directions", {kMaximize}}};
  journal.text = json_line(head) + "\n";
  std::vector<Parameter> parameters;
  for (const SweepAxis& axis : plan.space().axes()) parameters.push_back(parameter_of(axis));
  visit_trials(plan, results, [&](const PlannedTrial& trial, const TrialRecord* record) {
    if (record == nullptr) return;
    journal.text += json_line(trial_line(parameters, plan.space().at(trial.trial), *record)) + "\n";
    ++journal.trials;
  });
  return journal;
}

}  // namespace gmmvae
