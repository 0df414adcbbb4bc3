#include "host/report/scatter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace gmmvae {
namespace {

constexpr double kSide = 320;
constexpr double kAzimuth = 0.62, kElevation = 0.42;  // radians; no axis hides another

using Place = std::array<double, 2>;
/// What is not a number is not drawn.
constexpr Place kNowhere = {std::numeric_limits<double>::quiet_NaN(), 0.0};

/// Where a point of the unit cube lies in the picture: an orthographic view, x and y level, z up.
Place in_space(const std::array<double, 3>& unit) {
  static const double cos_a = std::cos(kAzimuth), sin_a = std::sin(kAzimuth), cos_e = std::cos(kElevation),
                      sin_e = std::sin(kElevation);
  constexpr double scale = kSide / 1.72;  // the cube's corners just fit
  const double x = unit[0] - 0.5, y = unit[1] - 0.5, z = unit[2] - 0.5;
  const double across = x * cos_a - y * sin_a, depth = x * sin_a + y * cos_a;
  return {kSide / 2 + scale * across, kSide / 2 - scale * (z * cos_e + depth * sin_e)};
}

void draw_box(Svg& svg, const std::vector<std::string>& names) {
  for (unsigned corner = 0; corner < 8; ++corner) {
    for (unsigned axis = 0; axis < 3; ++axis) {
      if ((corner >> axis & 1u) != 0) continue;
      const auto unit = [](unsigned c) {
        return std::array<double, 3>{double(c & 1u), double(c >> 1 & 1u), double(c >> 2 & 1u)};
      };
      const Place a = in_space(unit(corner)), b = in_space(unit(corner | 1u << axis));
      svg.line(a[0], a[1], b[0], b[1], "grid");
    }
  }
  const auto label = [&](std::array<double, 3> unit, const std::string& name) {
    const Place at = in_space(unit);
    svg.text(at[0], at[1], Anchor::middle, shortened(name, 14), "tick");
  };
  label({0.5, -0.07, -0.07}, names[0]);
  label({1.07, 0.5, -0.07}, names[1]);
  label({-0.06, 1.05, 0.5}, names[2]);
}

/// One run of dots for each colour: what is drawn last lies on top, so the faint ones come first.
void draw_dots(Svg& svg, const Cloud& cloud, const std::function<Place(std::size_t)>& place) {
  const std::size_t stride = thinning(cloud.points.rows, cloud.most);
  const int first = cloud.labels.empty() ? 0 : -1, end = cloud.labels.empty() ? 1 : int{kModeColours};
  for (int colour = first; colour < end; ++colour) {
    svg.begin_curve();
    for (std::size_t r = 0; r < cloud.points.rows; r += stride) {
      if (!cloud.labels.empty()) {
        const std::int32_t label = cloud.labels[r];
        if ((label < 0 ? -1 : label % int{kModeColours}) != colour) continue;
      }
      const Place at = place(r);
      svg.dot(at[0], at[1]);
    }
    svg.end_dots(colour < 0 ? "dots far" : fmt::format("dots mode-{}", colour));
  }
}

}  // namespace

std::size_t thinning(std::size_t rows, std::size_t most) {
  return std::max<std::size_t>(1, (rows + most - 1) / std::max<std::size_t>(most, 1));
}

void Ranges::take(MatrixView<float> points) {
  low.resize(points.cols, std::numeric_limits<double>::infinity());
  high.resize(points.cols, -std::numeric_limits<double>::infinity());
  for (std::size_t r = 0; r < points.rows; ++r) {
    for (std::size_t c = 0; c < points.cols; ++c) {
      low[c] = std::min<double>(low[c], points(r, c));
      high[c] = std::max<double>(high[c], points(r, c));
    }
  }
}

double share_beyond(MatrixView<float> points, const Ranges& ranges, std::size_t columns) {
  std::size_t beyond = 0;
  for (std::size_t r = 0; r < points.rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      if (points(r, c) >= ranges.low[c] && points(r, c) <= ranges.high[c]) continue;
      ++beyond;
      break;
    }
  }
  return static_cast<double>(beyond) / static_cast<double>(std::max<std::size_t>(points.rows, 1));
}

Ranges ranges_of(std::initializer_list<MatrixView<float>> sets) {
  Ranges ranges;
  for (const MatrixView<float>& points : sets) ranges.take(points);
  return ranges;
}

void draw_points(Svg& svg, const Axes& axes, const Cloud& cloud, std::size_t a, std::size_t b) {
  const Box& box = axes.box();
  draw_dots(svg, cloud, [&](std::size_t r) {
    const Place at = {axes.x(cloud.points(r, a)), axes.y(cloud.points(r, b))};
    const bool inside = at[0] >= box.left && at[0] <= box.right && at[1] >= box.top && at[1] <= box.bottom;
    return inside ? at : kNowhere;
  });
}

std::string space_chart(const Cloud& cloud, const Ranges& ranges, const std::vector<std::string>& names,
                        const std::string& description) {
  Svg svg(kSide, kSide, description);
  draw_box(svg, names);
  const auto unit = [&](std::size_t r, std::size_t c) {
    const double extent = ranges.high[c] - ranges.low[c];
    return extent > 0.0 ? (cloud.points(r, c) - ranges.low[c]) / extent : 0.5;
  };
  draw_dots(svg, cloud, [&](std::size_t r) {
    const std::array<double, 3> at = {unit(r, 0), unit(r, 1), unit(r, 2)};
    const bool inside = std::all_of(at.begin(), at.end(), [](double u) { return u >= 0.0 && u <= 1.0; });
    return inside ? in_space(at) : kNowhere;
  });
  return svg.str();
}

std::string plane_chart(const Cloud& cloud, const Ranges& ranges, const std::string& description) {
  // The longer side decides; the other is as long around its own middle.
  const double reach =
      0.52 * std::max({ranges.high[0] - ranges.low[0], ranges.high[1] - ranges.low[1], 1e-30});
  const auto around = [&](std::size_t c) {
    const double middle = (ranges.low[c] + ranges.high[c]) / 2;
    return AxisSpec{middle - reach, middle + reach, "", false, 0};
  };
  Svg svg(kSide, kSide, description);
  svg.rectangle(1, 1, kSide - 2, kSide - 2, "frame");
  const Axes axes(around(0), around(1), {6, 6, kSide - 6, kSide - 6});
  draw_points(svg, axes, cloud, 0, 1);
  return svg.str();
}

PanelGrid::PanelGrid(std::size_t panels) : columns(std::clamp<std::size_t>(panels, 1, 3)) {
  const std::size_t rows = (panels + columns - 1) / columns;
  width = 340.0 * static_cast<double>(columns) + 6;
  height = 300.0 * static_cast<double>(rows);
}

Box PanelGrid::box(std::size_t panel) const {
  const std::size_t row = panel / columns, column = panel % columns;
  const double left = 340.0 * static_cast<double>(column), top = 300.0 * static_cast<double>(row);
  return {left + 50, top + 26, left + 332, top + 258};
}

}  // namespace gmmvae
