#include "host/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace gmmvae {
namespace {

constexpr double kLeft = 62, kRight = 14, kTop = 26, kBottom = 44;
constexpr double kLegendLine = 18;
/// A curve with more points than this has several on every pixel.
constexpr std::size_t kMostPoints = 1200;

bool drawable(double y, bool logarithmic) {
  return std::isfinite(y) && (!logarithmic || y > 0.0);
}

std::string style_of(const Curve& curve, std::size_t number) {
  return curve.style.empty() ? series_class(number) : curve.style;
}

void draw_curve(Svg& svg, const Axes& axes, const Curve& curve, const std::string& style, bool logarithmic) {
  const bool area = style == "data";
  if (curve.x.empty()) return;
  if (style.starts_with("dots")) {
    svg.begin_curve();
    for (std::size_t i = 0; i < curve.x.size(); ++i)
      if (drawable(curve.y[i], logarithmic)) svg.dot(axes.x(curve.x[i]), axes.y(curve.y[i]));
    svg.end_dots(style);
    return;
  }
  svg.begin_curve();
  if (area) svg.curve_to(axes.x(curve.x.front()), axes.box().bottom);
  const std::size_t stride = (curve.x.size() + kMostPoints - 1) / kMostPoints;
  for (std::size_t i = 0; i < curve.x.size(); i += stride) {
    // The last point is always there: a curve ends where its figures do.
    const std::size_t at = i + stride >= curve.x.size() ? curve.x.size() - 1 : i;
    svg.curve_to(axes.x(curve.x[at]),
                 drawable(curve.y[at], logarithmic) ? axes.y(curve.y[at]) : std::nan(""));
  }
  if (area) {
    svg.curve_to(axes.x(curve.x.back()), axes.box().bottom);
    svg.end_area(style);
  } else {
    svg.end_curve(style);
  }
}

/// Where each entry of a legend begins, and how many lines they take.
struct LegendPlaces {
  std::vector<std::pair<double, double>> at;
  double height = 0.0;
};

LegendPlaces legend_places(const std::vector<Curve>& curves, double left, double right) {
  LegendPlaces places;
  double x = left, y = 0.0;
  for (const Curve& curve : curves) {
    const double width = 24 + text_width(shortened(curve.name, 28)) + 14;
    if (x > left && x + width > right) {
      x = left;
      y += kLegendLine;
    }
    places.at.emplace_back(x, y);
    x += width;
  }
  places.height = curves.empty() ? 0.0 : y + kLegendLine;
  return places;
}

bool needs_legend(const std::vector<Curve>& curves) {
  return curves.size() > 1 || (curves.size() == 1 && !curves.front().style.empty());
}

}  // namespace

std::string series_class(std::size_t number) {
  return fmt::format("series-{}", number % kSeriesColours);
}

std::string no_picture(const std::string& why) {
  return fmt::format("<p class=\"note\">{}</p>\n", escape_markup(why));
}

double draw_legend(Svg& svg, const std::vector<Curve>& curves, double left, double top, double right) {
  const LegendPlaces places = legend_places(curves, left, right);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const double x = places.at[i].first, y = top + places.at[i].second + kLegendLine / 2;
    const std::string style = style_of(curves[i], i);
    if (style == "data") {
      svg.rectangle(x, y - 5, 18, 10, style);
    } else if (style.starts_with("dots")) {
      svg.begin_curve();
      svg.dot(x + 9, y);
      svg.end_dots(style);
    } else {
      svg.line(x, y, x + 18, y, style);
    }
    svg.text(x + 24, y + 4, Anchor::start, shortened(curves[i].name, 28), "label");
  }
  return places.height;
}

std::string line_chart(const std::vector<Curve>& curves, const ChartText& text, const ChartOptions& options) {
  Extent across, up;
  for (const Curve& curve : curves) {
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      if (!drawable(curve.y[i], options.logarithmic)) continue;
      across.take(curve.x[i]);
      up.take(curve.y[i]);
    }
  }
  if (up.empty()) return no_picture(fmt::format("{}: there is nothing to draw.", text.description));
  if (options.from_zero) up.take(0.0);
  const double legend =
      needs_legend(curves) ? legend_places(curves, kLeft, options.width - kRight).height : 0.0;
  Svg svg(options.width, options.height + legend, text.description);
  AxisSpec x = across.axis(text.x, 0.0), y = up.axis(text.y, options.logarithmic ? 0.0 : 0.04);
  x.marks = options.width < 400 ? 5 : 8;
  x.logarithmic = options.logarithmic_x;
  y.logarithmic = options.logarithmic;
  if (y.logarithmic) {
    const double margin = std::pow(up.high() / up.low(), 0.05);
    y.low /= margin;
    y.high *= margin;
  }
  if (options.from_zero && up.low() == 0.0) y.low = 0.0;
  const Axes axes(x, y, {kLeft, kTop + legend, options.width - kRight, options.height + legend - kBottom});
  axes.draw(svg);
  for (std::size_t c = 0; c < curves.size(); ++c)
    draw_curve(svg, axes, curves[c], style_of(curves[c], c), options.logarithmic);
  if (needs_legend(curves)) draw_legend(svg, curves, kLeft, 0, options.width - kRight);
  return svg.str();
}

std::string bar_chart(std::span<const double> heights, std::span<const double> expected,
                      const ChartText& text, std::size_t colour) {
  Extent up;
  up.take(0.0);
  for (const double value : heights) up.take(value);
  for (const double value : expected) up.take(value);
  const auto count = static_cast<double>(heights.size());
  const double width = std::clamp(90.0 + 34.0 * count, 280.0, 500.0), height = 250;
  Svg svg(width, height, text.description);
  AxisSpec x{0.5, count + 0.5, text.x, false, std::min<std::size_t>(heights.size() + 1, 11)};
  const Axes axes(x, {0.0, up.high() > 0.0 ? up.high() * 1.06 : 1.0, text.y},
                  {kLeft, kTop, width - kRight, height - kBottom});
  axes.draw(svg);
  for (std::size_t k = 0; k < heights.size(); ++k) {
    const double middle = static_cast<double>(k + 1);
    const double left = axes.x(middle - 0.34), right = axes.x(middle + 0.34);
    svg.rectangle(left, axes.y(heights[k]), right - left, axes.y(0.0) - axes.y(heights[k]),
                  fmt::format("bar fill-{}", colour % kSeriesColours),
                  fmt::format("mode {}: {:.4f}, expected {:.4f}", k + 1, heights[k], expected[k]));
    svg.line(left - 2, axes.y(expected[k]), right + 2, axes.y(expected[k]), "expected");
  }
  return svg.str();
}

}  // namespace gmmvae
