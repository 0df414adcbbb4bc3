#include "host/sweep/kept_models.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <system_error>

#include "gmmvae/error.hpp"
#include "host/io/model_file.hpp"
#include "host/io/nearest_name.hpp"
#include "host/sweep/metrics.hpp"
#include "host/sweep/results.hpp"

namespace gmmvae {

namespace fs = std::filesystem;

KeptModels::KeptModels(const fs::path& folder, const SweepPlan& plan, KeepRule rule,
                       const std::unordered_map<TrialId, TrialRecord>& stored)
    : folder_(folder / "models"), rule_(std::move(rule)) {
  if (!keeps_any()) return;
  const std::vector<std::string> names = figure_names(plan);
  const auto found = std::find(names.begin(), names.end(), rule_.figure);
  if (found == names.end()) {
    const std::string nearest = nearest_name(rule_.figure, names);
    throw UsageError(fmt::format("--rank-by: no trial has a figure '{}'{}", rule_.figure,
                                 nearest.empty() ? fmt::format("; there are {}", fmt::join(names, ", "))
                                                 : fmt::format("; did you mean {}?", nearest)));
  }
  figure_ = static_cast<std::size_t>(found - names.begin());
  sign_ = higher_is_better(rule_.figure) ? 1.0 : -1.0;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error)
    throw DataError(fmt::format("the folder {} cannot be created: {}", folder_.string(), error.message()));
  for (const auto& [id, record] : stored)
    if (fs::exists(file(id), error)) rank(record);
}

fs::path KeptModels::file(const TrialId& id) const {
  return folder_ / (id.text() + ".safetensors");
}

/// Puts a record in its place; equal ones stand in the order of their names, whatever came first.
void KeptModels::rank(const TrialRecord& record) {
  const double value = sign_ * figures_of(record)[figure_];
  if (record.status != TrialStatus::done || std::isnan(value)) return;
  const auto before = [](const Ranked& a, const Ranked& b) {
    return a.value != b.value ? a.value > b.value : a.id < b.id;
  };
  const Ranked ranked{value, record.id};
  best_.insert(std::upper_bound(best_.begin(), best_.end(), ranked, before), ranked);
  if (best_.size() <= rule_.most) return;
  dropped_.push_back(best_.back().id);
  best_.pop_back();
}

void KeptModels::write(const std::vector<TrialRecord>& records,
                       const std::function<Vae(const TrialId&)>& model) {
  if (!keeps_any()) return;
  for (const TrialRecord& record : records) {
    if (rule_.most != KeepRule::kAll) rank(record);
  }
  for (const TrialRecord& record : records) {
    const bool best =
        std::any_of(best_.begin(), best_.end(), [&](const Ranked& ranked) { return ranked.id == record.id; });
    if (best || (rule_.most == KeepRule::kAll && record.status == TrialStatus::done))
      save_model(file(record.id).string(), model(record.id));
  }
}

void KeptModels::trim() {
  std::error_code ignored;
  for (const TrialId& id : dropped_) fs::remove(file(id), ignored);
  dropped_.clear();
}

}  // namespace gmmvae
