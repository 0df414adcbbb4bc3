#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "host/sweep/results.hpp"

namespace gmmvae {

/// Something measured of every trial.
struct SweepMetric {
  std::string key;     ///< as --metric takes it
  std::string name;    ///< as the page calls it, with its unit
  std::string brief;   ///< for headings
  bool share = false;  ///< of a whole: shown from 0 to 1
  bool higher_is_better = true;
};
/// What every sweep measures, by their places among a table's metrics.
enum : std::size_t {
  kModesMetric,  ///< what a report is about where nobody says otherwise
  kQualityMetric,
  kElboMetric,
  kKlMetric,
  kActiveMetric,
  kCollapsedMetric,
  kVarianceMetric,
  kLossMetric,
  kCommonMetrics
};
/// Those, then what this plan asks for with --metrics.
std::vector<SweepMetric> sweep_metrics(const SweepPlan& plan);

/// The stored trials of a sweep by columns, in the plan's order; trials that no shard has stored are counted
/// alone.
struct SweepTable {
  std::vector<SweepMetric> metrics;
  std::vector<SweepAxis> axes;                 ///< those that take more than one value
  std::vector<std::uint64_t> trial;            ///< [n] number within the plan
  std::vector<std::vector<std::uint32_t>> at;  ///< [axes][n] which value of the axis
  std::vector<std::vector<double>> values;     ///< [metrics][n]; NaN for a trial that diverged
  std::vector<const TrialRecord*> records;     ///< [n], owned by the results
  SweepCounts counts;

  [[nodiscard]] std::size_t size() const { return trial.size(); }
};
SweepTable sweep_table(const SweepPlan& plan, const SweepResults& results);

/// How a value is spread over the trials that share one value of an axis.
struct Spread {
  std::size_t count = 0;
  double mean = 0.0, quartile = 0.0, median = 0.0, upper_quartile = 0.0;
};
/// For each of `groups` groups; values that are NaN do not count.
std::vector<Spread> spreads(const std::vector<double>& values, const std::vector<std::uint32_t>& group,
                            std::size_t groups);

/// The share of the variance of `values` that the means of the groups explain, less what groups of so many
/// would explain by chance (epsilon squared, Kelley 1935): 0 to 1. In a full grid the first-order Sobol index
/// of the axis. 0 where nothing varies.
double explained_share(const std::vector<double>& values, const std::vector<std::uint32_t>& group,
                       std::size_t groups);

/// Means over the cells of two groupings [rows,columns]; NaN where a cell has no value.
Matrix<double> cell_means(const std::vector<double>& values, const std::vector<std::uint32_t>& row,
                          std::size_t rows, const std::vector<std::uint32_t>& column, std::size_t columns);

/// A value of an axis as a reader needs it: numbers with four digits.
std::string short_value(const std::string& value);

/// An axis for a picture: many values are taken together, neighbour by neighbour, in at most `most` groups.
struct GroupedAxis {
  std::string name;
  std::vector<std::string> names;    ///< of the groups: the value, or the first of several with an ellipsis
  std::vector<std::uint32_t> group;  ///< [n] of each trial
};
GroupedAxis grouped(const SweepTable& table, std::size_t axis, std::size_t most);

/// Trials with a value of this metric from best to worst; ties keep the plan's order.
std::vector<std::size_t> ranked(const SweepTable& table, std::size_t metric);

}  // namespace gmmvae
