#include "host/report/sweep_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "host/io/spelled_number.hpp"
#include "host/report/axes.hpp"
#include "host/sweep/metrics.hpp"

namespace gmmvae {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// The metrics of one trial, in the order of sweep_metrics().
std::vector<double> measured(const TrialRecord& r, std::size_t count) {
  std::vector<double> values(count, kNone);
  if (r.status != TrialStatus::done) return values;
  if (r.modes_total > 0) {
    values[kModesMetric] = static_cast<double>(r.modes_captured) / static_cast<double>(r.modes_total);
    values[kQualityMetric] = r.high_quality;
  }
  values[kElboMetric] = r.elbo;
  values[kKlMetric] = r.kl;
  values[kActiveMetric] = static_cast<double>(r.active_units);
  values[kCollapsedMetric] = r.found == "collapsed" ? 1.0 : 0.0;
  values[kVarianceMetric] = r.decoder_variance;
  values[kLossMetric] = r.loss;
  for (std::size_t m = 0; m < r.metrics.size() && kCommonMetrics + m < count; ++m)
    values[kCommonMetrics + m] = r.metrics[m];
  return values;
}

std::string spaced(std::string name) {
  std::replace(name.begin(), name.end(), '_', ' ');
  return name;
}

}  // namespace

std::vector<SweepMetric> sweep_metrics(const SweepPlan& plan) {
  std::vector<SweepMetric> metrics = {
      {"modes", "share of modes kept", "modes kept", true, true},
      {"quality", "share of samples within a mode", "within a mode", true, true},
      {"elbo", "ELBO, nats per point", "ELBO", false, true},
      {"kl", "KL to the prior, nats", "KL", false, true},
      {"active", "active latent dimensions", "active", false, true},
      {"collapsed", "share of models collapsed", "collapsed", true, false},
      {"decoder-variance", "decoder variance, scaled units", "decoder variance", false, false},
      {"loss", "loss", "loss", false, false}};
  for (const std::string& name : plan.metrics())
    metrics.push_back({name, std::string(extra_metric_title(name)), spaced(name), extra_metric_is_share(name),
                       higher_is_better(name)});
  return metrics;
}

SweepTable sweep_table(const SweepPlan& plan, const SweepResults& results) {
  SweepTable table;
  const std::vector<SweepAxis>& axes = plan.space().axes();
  std::vector<std::size_t> shown;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    if (axes[a].values.size() < 2) continue;
    shown.push_back(a);
    table.axes.push_back(axes[a]);
  }
  table.at.resize(shown.size());
  table.metrics = sweep_metrics(plan);
  table.values.resize(table.metrics.size());
  table.counts = visit_trials(plan, results, [&](const PlannedTrial& trial, const TrialRecord* record) {
    if (record == nullptr) return;
    table.trial.push_back(trial.trial);
    table.records.push_back(record);
    const std::vector<std::size_t> at = plan.space().at(trial.trial);
    for (std::size_t a = 0; a < shown.size(); ++a)
      table.at[a].push_back(static_cast<std::uint32_t>(at[shown[a]]));
    const std::vector<double> values = measured(*record, table.metrics.size());
    for (std::size_t m = 0; m < values.size(); ++m) table.values[m].push_back(values[m]);
  });
  return table;
}

std::vector<Spread> spreads(const std::vector<double>& values, const std::vector<std::uint32_t>& group,
                            std::size_t groups) {
  std::vector<std::vector<double>> members(groups);
  for (std::size_t i = 0; i < values.size(); ++i)
    if (std::isfinite(values[i])) members[group[i]].push_back(values[i]);
  std::vector<Spread> out(groups);
  for (std::size_t g = 0; g < groups; ++g) {
    std::vector<double>& of = members[g];
    if (of.empty()) continue;
    std::sort(of.begin(), of.end());
    // Linear between order statistics, as NumPy's default quantile.
    const auto quantile = [&](double p) {
      const double place = p * static_cast<double>(of.size() - 1);
      const auto below = static_cast<std::size_t>(place);
      const std::size_t above = std::min(below + 1, of.size() - 1);
      return of[below] + (place - static_cast<double>(below)) * (of[above] - of[below]);
    };
    out[g] = {of.size(), std::accumulate(of.begin(), of.end(), 0.0) / static_cast<double>(of.size()),
              quantile(0.25), quantile(0.5), quantile(0.75)};
  }
  return out;
}

double explained_share(const std::vector<double>& values, const std::vector<std::uint32_t>& group,
                       std::size_t groups) {
  std::vector<double> sums(groups, 0.0);
  std::vector<std::size_t> counts(groups, 0);
  double sum = 0.0;
  std::size_t count = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    sums[group[i]] += values[i];
    ++counts[group[i]];
    sum += values[i];
    ++count;
  }
  if (count == 0) return 0.0;
  const double mean = sum / static_cast<double>(count);
  double whole = 0.0, between = 0.0, used = 0.0;
  for (const double value : values)
    if (std::isfinite(value)) whole += (value - mean) * (value - mean);
  for (std::size_t g = 0; g < groups; ++g) {
    if (counts[g] == 0) continue;
    const double off = sums[g] / static_cast<double>(counts[g]) - mean;
    between += static_cast<double>(counts[g]) * off * off;
    used += 1.0;
  }
  const double within_freedom = static_cast<double>(count) - used;
  // What is left of equal numbers is rounding, and no variance.
  if (!(whole > 1e-20 * static_cast<double>(count) * (1.0 + mean * mean)) || within_freedom < 1.0) return 0.0;
  const double chance = (used - 1.0) * (whole - between) / within_freedom;
  return std::clamp((between - chance) / whole, 0.0, 1.0);
}

Matrix<double> cell_means(const std::vector<double>& values, const std::vector<std::uint32_t>& row,
                          std::size_t rows, const std::vector<std::uint32_t>& column, std::size_t columns) {
  Matrix<double> sums(rows, columns);
  Matrix<std::uint32_t> counts(rows, columns);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    sums(row[i], column[i]) += values[i];
    ++counts(row[i], column[i]);
  }
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c)
      sums(r, c) = counts(r, c) == 0 ? kNone : sums(r, c) / counts(r, c);
  return sums;
}

std::string short_value(const std::string& value) {
  const auto number = spelled_number<double>(value);
  if (!number || !std::isfinite(*number)) return value;
  return number_text(*number, value.find_first_of(".eE") == std::string::npos ? 12 : 4);
}

GroupedAxis grouped(const SweepTable& table, std::size_t axis, std::size_t most) {
  const std::vector<std::string>& values = table.axes[axis].values;
  const std::size_t each = (values.size() + most - 1) / most;
  GroupedAxis out;
  out.name = table.axes[axis].key;
  for (std::size_t first = 0; first < values.size(); first += each) {
    const std::size_t last = std::min(first + each, values.size()) - 1;
    out.names.push_back(short_value(values[first]) + (first == last ? "" : " …"));
  }
  out.group.reserve(table.size());
  for (const std::uint32_t value : table.at[axis])
    out.group.push_back(value / static_cast<std::uint32_t>(each));
  return out;
}

std::vector<std::size_t> ranked(const SweepTable& table, std::size_t metric) {
  // Between trials that keep equally many modes the share of good samples decides, then the ELBO.
  std::vector<std::size_t> keys = {metric};
  for (const std::size_t other : {kModesMetric, kQualityMetric, kElboMetric})
    if (other != metric) keys.push_back(other);
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < table.size(); ++i)
    if (std::isfinite(table.values[metric][i])) order.push_back(i);
  const auto merit = [&](std::size_t key, std::size_t i) {
    const double value = table.values[key][i];
    if (!std::isfinite(value)) return -std::numeric_limits<double>::infinity();
    return table.metrics[key].higher_is_better ? value : -value;
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    for (const std::size_t key : keys) {
      const double left = merit(key, a), right = merit(key, b);
      if (left != right) return left > right;
    }
    return false;
  });
  return order;
}

}  // namespace gmmvae
