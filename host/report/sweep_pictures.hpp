#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "host/report/page.hpp"
#include "host/report/sweep_table.hpp"

namespace gmmvae {

/// What a sweep's pictures are drawn from.
struct SweepView {
  const SweepTable* table = nullptr;
  std::size_t metric = 0;                  ///< index into the table's metrics
  std::vector<double> importance;          ///< [axes] explained_share of the metric
  std::vector<std::size_t> by_importance;  ///< axes, the weightiest first
  std::vector<std::size_t> order;          ///< ranked trials

  [[nodiscard]] const SweepMetric& about() const { return table->metrics[metric]; }
};
SweepView sweep_view(const SweepTable& table, std::size_t metric);

/// A bar an axis: its share of the variance.
std::string importance_picture(Page& page, const SweepView& view);
/// For each axis the median and the middle half of the metric by value.
std::string sweep_marginals(Page& page, const SweepView& view);
/// The metric over the weightiest pairs of axes, and, with scripts, any metric over any pair.
std::string sweep_heat_maps(Page& page, const SweepView& view);
/// Trials as lines across axes and metrics.
std::string parallel_coordinates(Page& page, const SweepView& view);

}  // namespace gmmvae
