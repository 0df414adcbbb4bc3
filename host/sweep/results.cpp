#include "host/sweep/results.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "gmmvae/error.hpp"
#include "host/io/csv_writer.hpp"
#include "host/sweep/store.hpp"

namespace gmmvae {
namespace {

/// The numbers that every record has.
struct Number {
  std::string_view name;
  double (*of)(const TrialRecord&);
};

constexpr Number kNumbers[] = {
    {"epochs", [](const TrialRecord& r) { return static_cast<double>(r.epochs); }},
    {"loss", [](const TrialRecord& r) { return r.loss; }},
    {"reconstruction", [](const TrialRecord& r) { return r.reconstruction; }},
    {"kl", [](const TrialRecord& r) { return r.kl; }},
    {"decoder_variance", [](const TrialRecord& r) { return r.decoder_variance; }},
    {"elbo", [](const TrialRecord& r) { return r.elbo; }},
    {"modes_total", [](const TrialRecord& r) { return static_cast<double>(r.modes_total); }},
    {"modes_hit", [](const TrialRecord& r) { return static_cast<double>(r.modes_hit); }},
    {"modes_captured", [](const TrialRecord& r) { return static_cast<double>(r.modes_captured); }},
    {"high_quality", [](const TrialRecord& r) { return r.high_quality; }},
    {"active_units", [](const TrialRecord& r) { return static_cast<double>(r.active_units); }},
    {"effective_variance", [](const TrialRecord& r) { return r.effective_variance; }},
    {"largest_eigenvalue", [](const TrialRecord& r) { return r.largest_eigenvalue; }},
};

void write_header(CsvWriter& csv, const SweepPlan& plan, bool timings) {
  csv.cell("trial");
  for (const SweepAxis& axis : plan.space().axes()) csv.cell(axis.key);
  csv.cell("status");
  csv.cell("why");
  for (const std::string& name : figure_names(plan)) csv.cell(name);
  for (const char* name : {"kl_per_dimension", "predicted", "found"}) csv.cell(name);
  if (timings) {
    csv.cell("seconds");
    csv.cell("device");
  }
  csv.end_row();
}

void write_record(CsvWriter& csv, const SweepPlan& plan, std::uint64_t trial, const TrialRecord& r,
                  bool timings) {
  csv.cell(r.id.text());
  const std::vector<std::size_t> at = plan.space().at(trial);
  for (std::size_t a = 0; a < at.size(); ++a) csv.cell(plan.space().axes()[a].values[at[a]]);
  csv.cell(name_of(r.status));
  csv.cell(r.why);
  for (const double value : figures_of(r)) {
    // A whole number is written as one: 100000, not 1e+05.
    if (std::abs(value) < 1e15 && std::trunc(value) == value) {
      csv.cell(static_cast<std::int64_t>(value));
    } else {
      csv.cell(value);
    }
  }
  csv.cell(fmt::format("{}", fmt::join(r.kl_per_dimension, " ")));
  csv.cell(r.predicted);
  csv.cell(r.found);
  if (timings) {
    csv.cell(r.seconds);
    csv.cell(r.device);
  }
  csv.end_row();
}

}  // namespace

SweepResults read_results(const std::filesystem::path& folder) {
  SweepResults results;
  for (const std::filesystem::path& file : store_paths(folder)) {
    try {
      results.records.merge(SweepStore(file, SweepStore::Mode::read).read());
    } catch (const UsageError&) {
      results.busy.push_back(file.filename().string());
    }
  }
  return results;
}

SweepCounts visit_trials(const SweepPlan& plan, const SweepResults& results,
                         const std::function<void(const PlannedTrial&, const TrialRecord*)>& visit) {
  SweepCounts counts;
  for (const PlannedTrial& trial : plan.trials()) {
    ++counts.trials;
    const auto found = results.records.find(trial.id);
    const TrialRecord* record = found == results.records.end() ? nullptr : &found->second;
    if (record == nullptr)
      ++counts.missing;
    else if (record->status == TrialStatus::done)
      ++counts.done;
    else if (record->status == TrialStatus::pruned)
      ++counts.pruned;
    else
      ++counts.failed;
    visit(trial, record);
  }
  return counts;
}

std::vector<std::string> figure_names(const SweepPlan& plan) {
  std::vector<std::string> names;
  for (const Number& number : kNumbers) names.emplace_back(number.name);
  names.insert(names.end(), plan.metrics().begin(), plan.metrics().end());
  return names;
}

std::vector<double> figures_of(const TrialRecord& record) {
  std::vector<double> values;
  for (const Number& number : kNumbers) values.push_back(number.of(record));
  values.insert(values.end(), record.metrics.begin(), record.metrics.end());
  return values;
}

SweepCounts collect(const SweepPlan& plan, const SweepResults& results, const std::string& file,
                    bool timings) {
  CsvWriter csv(file);
  write_header(csv, plan, timings);
  const SweepCounts counts =
      visit_trials(plan, results, [&](const PlannedTrial& trial, const TrialRecord* record) {
        if (record != nullptr) write_record(csv, plan, trial.trial, *record, timings);
      });
  csv.commit();
  return counts;
}

}  // namespace gmmvae
