#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "host/report/axes.hpp"

namespace gmmvae {

/// The ranges of one or several sets of points, so that their pictures can be compared.
struct Ranges {
  std::vector<double> low;
  std::vector<double> high;

  /// Makes room for these points [N,D] too.
  void take(MatrixView<float> points);
};
/// The fraction of points [N,D] that lie beyond the ranges in one of the first `columns` columns.
double share_beyond(MatrixView<float> points, const Ranges& ranges, std::size_t columns);
Ranges ranges_of(std::initializer_list<MatrixView<float>> sets);

/// The colour of a label; labels below 0 stand for "none of them" and are drawn grey and faint.
inline constexpr std::size_t kModeColours = 10;

/// How far apart the rows are that are drawn of `rows`, so that they are at most `most`.
std::size_t thinning(std::size_t rows, std::size_t most);

/// Points [N,D] with labels [N] (or none) and what their pictures share.
struct Cloud {
  MatrixView<float> points;
  std::span<const std::int32_t> labels;
  std::size_t most = 2000;  ///< long data are thinned to so many points, evenly
};

/// Draws columns `a` and `b` into the axes; what lies beyond them is left out.
void draw_points(Svg& svg, const Axes& axes, const Cloud& cloud, std::size_t a, std::size_t b);

/// The first three columns as a box in space, seen from one fixed place; what lies beyond the ranges is left
/// out.
std::string space_chart(const Cloud& cloud, const Ranges& ranges, const std::vector<std::string>& names,
                        const std::string& description);

/// Two columns on axes of equal scale.
std::string plane_chart(const Cloud& cloud, const Ranges& ranges, const std::string& description);

/// A row of small pictures on the same axes, a pair of columns each, at most three in a line. draw_panel is
/// told the pair and draws what belongs on its axes.
using ColumnPair = std::pair<std::size_t, std::size_t>;
template <class DrawPanel>
std::string pair_panels(const std::vector<ColumnPair>& pairs, const Ranges& ranges,
                        const std::vector<std::string>& names, const std::string& description,
                        const DrawPanel& draw_panel);

/// The size of a picture of that many panels, and where each lies.
struct PanelGrid {
  explicit PanelGrid(std::size_t panels);
  [[nodiscard]] Box box(std::size_t panel) const;
  double width = 0.0, height = 0.0;
  std::size_t columns = 1;
};

template <class DrawPanel>
std::string pair_panels(const std::vector<ColumnPair>& pairs, const Ranges& ranges,
                        const std::vector<std::string>& names, const std::string& description,
                        const DrawPanel& draw_panel) {
  const PanelGrid grid(pairs.size());
  Svg svg(grid.width, grid.height, description);
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    const auto [a, b] = pairs[p];
    const Axes axes({ranges.low[a], ranges.high[a], shortened(names[a], 20)},
                    {ranges.low[b], ranges.high[b], shortened(names[b], 20)}, grid.box(p));
    axes.draw(svg);
    draw_panel(svg, axes, a, b);
  }
  return svg.str();
}

}  // namespace gmmvae
