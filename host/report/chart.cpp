#include "host/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "host/report/svg.hpp"

namespace gmmvae {
namespace {

constexpr double kWidth = 460, kHeight = 260;
constexpr double kLeft = 62, kRight = 12, kTop = 14, kBottom = 40;
constexpr std::size_t kColours = 10;

/// One axis: from numbers to pixels.
class Scale {
 public:
  Scale(double low, double high, double from, double to, bool logarithmic)
      : low_(logarithmic ? std::log10(low) : low),
        high_(logarithmic ? std::log10(high) : high),
        from_(from),
        to_(to),
        logarithmic_(logarithmic) {
    if (!(high_ > low_)) high_ = low_ + 1.0;
  }
  [[nodiscard]] double operator()(double value) const {
    const double v = logarithmic_ ? std::log10(value) : value;
    return from_ + (v - low_) / (high_ - low_) * (to_ - from_);
  }
  [[nodiscard]] std::vector<double> marks(std::size_t count) const {
    if (!logarithmic_) return ticks(low_, high_, count);
    std::vector<double> out;
    const auto first = static_cast<int>(std::floor(low_)), last = static_cast<int>(std::ceil(high_));
    // A range of less than two decades needs marks inside them.
    const std::vector<double> steps =
        high_ - low_ < 2.0 ? std::vector<double>{1, 2, 5} : std::vector<double>{1};
    for (int decade = first; decade <= last; ++decade) {
      for (const double step : steps) {
        const double value = step * std::pow(10.0, decade);
        if (std::log10(value) >= low_ - 1e-9 && std::log10(value) <= high_ + 1e-9) out.push_back(value);
      }
    }
    // Within a fraction of a decade even those may be too few.
    return out.size() > 1 ? out : ticks(std::pow(10.0, low_), std::pow(10.0, high_), count);
  }

 private:
  double low_, high_, from_, to_;
  bool logarithmic_;
};

struct Span {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void take(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
  [[nodiscard]] bool empty() const { return !(low <= high); }
};

void draw_axes(Svg& svg, const Scale& x, const Scale& y, const ChartText& text, std::size_t x_marks) {
  const double bottom = kHeight - kBottom;
  for (const double mark : y.marks(5)) {
    svg.line(kLeft, y(mark), kWidth - kRight, y(mark), "grid");
    svg.text(kLeft - 6, y(mark) + 4, Anchor::end, fmt::format("{:g}", mark), "tick");
  }
  for (const double mark : x.marks(x_marks))
    svg.text(x(mark), bottom + 16, Anchor::middle, fmt::format("{:g}", mark), "tick");
  svg.line(kLeft, bottom, kWidth - kRight, bottom, "axis");
  svg.text((kLeft + kWidth - kRight) / 2, kHeight - 6, Anchor::middle, text.x, "label");
  svg.text(4, kTop - 3, Anchor::start, text.y, "label");
}

bool drawable(double y, bool logarithmic) {
  return std::isfinite(y) && (!logarithmic || y > 0.0);
}

void draw_legend(Svg& svg, const std::vector<Curve>& curves) {
  double at = kWidth - kRight;
  for (std::size_t i = curves.size(); i-- > 0;) {
    svg.text(at, kTop - 3, Anchor::end, curves[i].name, "label");
    at -= 7.0 * static_cast<double>(curves[i].name.size()) + 6;
    svg.line(at - 14, kTop - 7, at, kTop - 7, fmt::format("series-{}", i));
    at -= 24;
  }
}

std::string no_picture(const std::string& why) {
  return fmt::format("<p class=\"note\">{}</p>\n", escape_markup(why));
}

/// Where a point of up to three dimensions lies in the picture: an orthographic view, x and y level, z up.
struct Projection {
  std::array<double, 2> operator()(const std::array<double, 3>& unit) const {
    constexpr double azimuth = 0.62, elevation = 0.42;  // radians; no axis hides another
    const double x = unit[0] - 0.5, y = unit[1] - 0.5, z = unit[2] - 0.5;
    const double across = x * std::cos(azimuth) - y * std::sin(azimuth);
    const double depth = x * std::sin(azimuth) + y * std::cos(azimuth);
    return {across, z * std::cos(elevation) + depth * std::sin(elevation)};
  }
};

constexpr double kSide = 320;

std::array<double, 2> to_pixels(const std::array<double, 2>& place) {
  constexpr double scale = kSide / 1.72;  // the box's corners just fit
  return {kSide / 2 + scale * place[0], kSide / 2 - scale * place[1]};
}

void draw_box(Svg& svg) {
  const Projection project;
  for (unsigned corner = 0; corner < 8; ++corner) {
    for (unsigned axis = 0; axis < 3; ++axis) {
      if ((corner >> axis & 1u) != 0) continue;
      const auto unit = [](unsigned c) {
        return std::array<double, 3>{double(c & 1u), double(c >> 1 & 1u), double(c >> 2 & 1u)};
      };
      const auto a = to_pixels(project(unit(corner))), b = to_pixels(project(unit(corner | 1u << axis)));
      svg.line(a[0], a[1], b[0], b[1], "grid");
    }
  }
  const auto label = [&](std::array<double, 3> unit, const char* name) {
    const auto at = to_pixels(project(unit));
    svg.text(at[0], at[1], Anchor::middle, name, "tick");
  };
  label({0.5, -0.07, -0.07}, "x1");
  label({1.07, 0.5, -0.07}, "x2");
  label({-0.06, 1.05, 0.5}, "x3");
}

void draw_frame(Svg& svg, std::size_t columns) {
  svg.rectangle(20, 12, kSide - 32, kSide - 32, "frame");
  svg.text(kSide / 2, kSide - 5, Anchor::middle, columns == 1 ? "x" : "first", "tick");
  svg.text(16, kSide / 2, Anchor::end, columns == 1 ? "row" : "", "tick");
}

}  // namespace

std::vector<double> ticks(double low, double high, std::size_t count) {
  std::vector<double> out;
  if (!(high > low) || !std::isfinite(high - low)) return {low};
  const double raw = (high - low) / static_cast<double>(std::max<std::size_t>(count, 1));
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  double step = power;
  for (const double factor : {1.0, 2.0, 5.0, 10.0}) {
    step = factor * power;
    if (step >= raw * 0.999) break;
  }
  const auto first = static_cast<std::int64_t>(std::ceil(low / step - 1e-9));
  const auto last = static_cast<std::int64_t>(std::floor(high / step + 1e-9));
  for (std::int64_t k = first; k <= last; ++k) out.push_back(static_cast<double>(k) * step);
  return out;
}

std::string line_chart(const std::vector<Curve>& curves, const ChartText& text, bool logarithmic) {
  Span across, up;
  for (const Curve& curve : curves) {
    for (std::size_t i = 0; i < curve.x.size(); ++i) {
      if (!drawable(curve.y[i], logarithmic)) continue;
      across.take(curve.x[i]);
      up.take(curve.y[i]);
    }
  }
  if (up.empty()) return no_picture(fmt::format("{}: there is nothing to draw.", text.description));
  const double margin = logarithmic ? 0.0 : 0.04 * (up.high - up.low);
  Svg svg(kWidth, kHeight, text.description);
  const Scale x(across.low, across.high, kLeft, kWidth - kRight, false);
  const Scale y(up.low - margin, up.high + margin, kHeight - kBottom, kTop, logarithmic);
  draw_axes(svg, x, y, text, 8);
  for (std::size_t c = 0; c < curves.size(); ++c) {
    svg.begin_curve();
    for (std::size_t i = 0; i < curves[c].x.size(); ++i) {
      const double value = curves[c].y[i];
      svg.curve_to(x(curves[c].x[i]), drawable(value, logarithmic) ? y(value) : std::nan(""));
    }
    svg.end_curve(fmt::format("series-{}", c));
  }
  if (curves.size() > 1) draw_legend(svg, curves);
  return svg.str();
}

std::string bar_chart(std::span<const double> heights, std::span<const double> expected,
                      const ChartText& text) {
  double top = 0.0;
  for (const double value : heights) top = std::max(top, value);
  for (const double value : expected) top = std::max(top, value);
  Svg svg(kWidth, kHeight, text.description);
  const Scale x(0.5, static_cast<double>(heights.size()) + 0.5, kLeft, kWidth - kRight, false);
  const Scale y(0.0, top * 1.05, kHeight - kBottom, kTop, false);
  draw_axes(svg, x, y, text, 10);
  for (std::size_t k = 0; k < heights.size(); ++k) {
    const double left = x(static_cast<double>(k) + 0.65), right = x(static_cast<double>(k) + 1.35);
    svg.rectangle(left, y(heights[k]), right - left, y(0.0) - y(heights[k]), "bar",
                  fmt::format("mode {}: {:.4f}, expected {:.4f}", k + 1, heights[k], expected[k]));
    svg.line(left - 2, y(expected[k]), right + 2, y(expected[k]), "expected");
  }
  return svg.str();
}

Ranges ranges_of(std::initializer_list<MatrixView<float>> sets) {
  Ranges ranges;
  for (const MatrixView<float>& points : sets) {
    ranges.low.resize(points.cols, std::numeric_limits<double>::infinity());
    ranges.high.resize(points.cols, -std::numeric_limits<double>::infinity());
    for (std::size_t r = 0; r < points.rows; ++r) {
      for (std::size_t c = 0; c < points.cols; ++c) {
        ranges.low[c] = std::min<double>(ranges.low[c], points(r, c));
        ranges.high[c] = std::max<double>(ranges.high[c], points(r, c));
      }
    }
  }
  return ranges;
}

std::string scatter_chart(MatrixView<float> points, std::span<const std::int32_t> labels,
                          const Ranges& ranges, const std::string& description, std::size_t most) {
  Svg svg(kSide, kSide, description);
  const bool in_space = points.cols >= 3;
  if (in_space) {
    draw_box(svg);
  } else {
    draw_frame(svg, points.cols);
  }
  const auto unit = [&](std::size_t r, std::size_t c) {
    const double extent = ranges.high[c] - ranges.low[c];
    return extent > 0.0 ? (points(r, c) - ranges.low[c]) / extent : 0.5;
  };
  const auto place = [&](std::size_t r) -> std::array<double, 2> {
    if (in_space) return to_pixels(Projection{}({unit(r, 0), unit(r, 1), unit(r, 2)}));
    const double up =
        points.cols == 2 ? unit(r, 1) : static_cast<double>(r) / static_cast<double>(points.rows);
    return {24 + unit(r, 0) * (kSide - 40), 12 + (1.0 - up) * (kSide - 36)};
  };
  const std::size_t stride = std::max<std::size_t>(1, (points.rows + most - 1) / most);
  for (std::size_t colour = 0; colour < (labels.empty() ? 1 : kColours); ++colour) {
    svg.begin_curve();
    for (std::size_t r = 0; r < points.rows; r += stride) {
      if (!labels.empty() && static_cast<std::size_t>(labels[r]) % kColours != colour) continue;
      const auto at = place(r);
      svg.dot(at[0], at[1]);
    }
    svg.end_dots(labels.empty() ? "dots" : fmt::format("dots mode-{}", colour));
  }
  return svg.str();
}

}  // namespace gmmvae
