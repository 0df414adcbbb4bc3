#include "host/sweep/results.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <unordered_set>

#include "gmmvae/error.hpp"
#include "host/io/csv_writer.hpp"

namespace gmmvae {
namespace {

void write_header(CsvWriter& csv, const SweepPlan& plan, bool timings) {
  csv.cell("trial");
  for (const SweepAxis& axis : plan.space().axes()) csv.cell(axis.key);
  for (const char* name : {"status", "why", "epochs", "loss", "reconstruction", "kl", "decoder_variance",
                           "elbo", "modes_total", "modes_hit", "modes_captured", "high_quality",
                           "kl_per_dimension", "active_units", "predicted", "found"})
    csv.cell(name);
  if (timings) {
    csv.cell("seconds");
    csv.cell("device");
  }
  csv.end_row();
}

void write_record(CsvWriter& csv, const SweepPlan& plan, std::uint64_t trial, const TrialRecord& r,
                  bool timings) {
  csv.cell(r.id);
  const std::vector<std::size_t> at = plan.space().at(trial);
  for (std::size_t a = 0; a < at.size(); ++a) csv.cell(plan.space().axes()[a].values[at[a]]);
  csv.cell(name_of(r.status));
  csv.cell(r.why);
  csv.cell(r.epochs);
  for (const double value : {r.loss, r.reconstruction, r.kl, r.decoder_variance, r.elbo}) csv.cell(value);
  for (const std::uint64_t value : {r.modes_total, r.modes_hit, r.modes_captured}) csv.cell(value);
  csv.cell(r.high_quality);
  csv.cell(fmt::format("{}", fmt::join(r.kl_per_dimension, " ")));
  csv.cell(r.active_units);
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

SweepCounts collect(const SweepPlan& plan, const SweepResults& results, const std::string& file,
                    bool timings) {
  SweepCounts counts;
  std::unordered_set<std::string> seen;
  std::unique_ptr<CsvWriter> csv;
  if (!file.empty()) {
    csv = std::make_unique<CsvWriter>(file);
    write_header(*csv, plan, timings);
  }
  for (std::uint64_t trial = 0; trial < plan.space().size(); ++trial) {
    if (!plan.keeps(trial)) continue;
    const std::string id = trial_identity(plan.settings_of(trial));
    if (!seen.insert(id).second) continue;
    ++counts.trials;
    const auto found = results.records.find(id);
    if (found == results.records.end()) {
      ++counts.missing;
      continue;
    }
    ++(found->second.status == TrialStatus::done ? counts.done : counts.failed);
    if (csv != nullptr) write_record(*csv, plan, trial, found->second, timings);
  }
  if (csv != nullptr) csv->commit();
  return counts;
}

}  // namespace gmmvae
