#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "host/report/axes.hpp"

namespace gmmvae {

/// How many colours there are for curves and models; the next begins again with the first.
inline constexpr std::size_t kSeriesColours = 8;

/// A curve with its name. The n-th curve of a chart is drawn in the n-th colour, but where it names a style.
struct Curve {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
  std::string style = {};  ///< class of the curve, such as "truth" or "series-3"; "data" is a filled
                           ///< area, and one that starts with "dots" a dot a point
};

struct ChartText {
  std::string description;  ///< what the chart shows, for those who cannot see it
  std::string x;
  std::string y;
};

struct ChartOptions {
  bool logarithmic = false;  ///< y; values that then are not positive are left out
  bool logarithmic_x = false;
  bool from_zero = false;  ///< y starts at 0
  double width = 340, height = 240;
};

/// Curves over one another on the same axes, with a legend where there are several or one has a style.
std::string line_chart(const std::vector<Curve>& curves, const ChartText& text,
                       const ChartOptions& options = {});

/// A bar a mode, a mark at the height that is expected of it. `colour` is the number of the bars' colour.
std::string bar_chart(std::span<const double> heights, std::span<const double> expected,
                      const ChartText& text, std::size_t colour = 0);

/// Name and line of each curve in rows from (left, top) on, at most up to `right`; the height that it takes.
double draw_legend(Svg& svg, const std::vector<Curve>& curves, double left, double top, double right);

/// The class of the n-th series: "series-N".
std::string series_class(std::size_t number);

/// A sentence in the place of a picture that cannot be drawn.
std::string no_picture(const std::string& why);

}  // namespace gmmvae
