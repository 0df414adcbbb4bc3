#include "host/report/heat.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "host/report/png.hpp"
#include "host/report/svg.hpp"

namespace gmmvae {
namespace {

// Nine places of cividis, evenly spread; between them the colours are close to straight lines.
constexpr std::array<std::array<double, 3>, 9> kCividis = {{{0, 32, 77},
                                                            {28, 53, 110},
                                                            {66, 78, 107},
                                                            {93, 100, 109},
                                                            {124, 123, 120},
                                                            {152, 148, 115},
                                                            {185, 174, 103},
                                                            {218, 201, 82},
                                                            {255, 234, 70}}};
/// Above so many cells in a line their numbers do not fit, and a picture of pixels is smaller.
constexpr std::size_t kMostWritten = 12;

std::string hexadecimal(const std::array<std::uint8_t, 3>& colour) {
  return fmt::format("#{:02x}{:02x}{:02x}", colour[0], colour[1], colour[2]);
}

double share_of(const HeatMap& map, double value) {
  return map.high > map.low ? std::clamp((value - map.low) / (map.high - map.low), 0.0, 1.0) : 0.5;
}

/// Pixels from top to bottom of a map whose row 0 is at the bottom.
std::vector<std::uint8_t> pixels(const HeatMap& map) {
  const std::size_t rows = map.values.rows(), columns = map.values.cols();
  std::vector<std::uint8_t> rgba(rows * columns * 4, 0);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double value = map.values(rows - 1 - r, c);
      if (!std::isfinite(value)) continue;
      const auto colour = heat_colour(share_of(map, value));
      std::uint8_t* at = rgba.data() + (r * columns + c) * 4;
      std::copy(colour.begin(), colour.end(), at);
      at[3] = 255;
    }
  }
  return rgba;
}

void draw_cells(Svg& svg, const HeatMap& map, const Box& box) {
  const std::size_t rows = map.values.rows(), columns = map.values.cols();
  const double wide = (box.right - box.left) / static_cast<double>(columns);
  const double high = (box.bottom - box.top) / static_cast<double>(rows);
  if (columns > kMostWritten || rows > kMostWritten) {
    svg.image(box.left, box.top, box.right - box.left, box.bottom - box.top,
              png_data_uri(columns, rows, pixels(map)));
    return;
  }
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double value = map.values(r, c);
      if (!std::isfinite(value)) continue;
      const double x = box.left + wide * static_cast<double>(c);
      const double y = box.bottom - high * static_cast<double>(r + 1);
      const double share = share_of(map, value);
      svg.tile(x, y, wide, high, hexadecimal(heat_colour(share)),
               fmt::format("{} {}, {} {}: {:.4g}", map.column_axis, map.columns[c], map.row_axis, map.rows[r],
                           value));
      const std::string text = tick_text(std::stod(fmt::format("{:.3g}", value)));
      if (text_width(text) < wide)
        svg.text(x + wide / 2, y + high / 2 + 4, Anchor::middle, text, share < 0.55 ? "on-dark" : "on-light");
    }
  }
}

/// Names of an axis' values, as many as fit at `least` pixels each.
void draw_names(const std::vector<std::string>& names, double from, double step, double least,
                const std::function<void(double, const std::string&)>& draw) {
  const auto every = static_cast<std::size_t>(std::max(1.0, std::ceil(least / std::abs(step))));
  for (std::size_t i = 0; i < names.size(); i += every)
    draw(from + step * (static_cast<double>(i) + 0.5), shortened(names[i], 11));
}

void draw_colour_bar(Svg& svg, const HeatMap& map, double left, const Box& box) {
  constexpr std::size_t steps = 64;
  std::vector<std::uint8_t> rgba;
  for (std::size_t s = 0; s < steps; ++s) {
    const auto colour = heat_colour(1.0 - static_cast<double>(s) / (steps - 1));
    rgba.insert(rgba.end(), colour.begin(), colour.end());
    rgba.push_back(255);
  }
  svg.image(left, box.top, 12, box.bottom - box.top, png_data_uri(1, steps, rgba));
  if (!(map.high > map.low)) {
    svg.text(left + 17, (box.top + box.bottom) / 2, Anchor::start, tick_text(map.low), "tick");
    return;
  }
  const Axes axes({}, {map.low, map.high, ""}, {left, box.top, left + 12, box.bottom});
  for (const double mark : ticks(map.low, map.high, 4))
    svg.text(left + 17, axes.y(mark) + 4, Anchor::start, tick_text(mark), "tick");
}

}  // namespace

std::array<std::uint8_t, 3> heat_colour(double share) {
  const double at = std::clamp(share, 0.0, 1.0) * static_cast<double>(kCividis.size() - 1);
  const std::size_t below = std::min(static_cast<std::size_t>(at), kCividis.size() - 2);
  const double part = at - static_cast<double>(below);
  std::array<std::uint8_t, 3> out{};
  for (std::size_t i = 0; i < 3; ++i)
    out[i] = static_cast<std::uint8_t>(
        std::lround((1.0 - part) * kCividis[below][i] + part * kCividis[below + 1][i]));
  return out;
}

std::string density_image(const Matrix<double>& density, double top) {
  const std::size_t rows = density.rows(), columns = density.cols();
  std::vector<std::uint8_t> rgba(rows * columns * 4);
  for (std::size_t r = 0; r < rows; ++r) {
    for (std::size_t c = 0; c < columns; ++c) {
      const double share = top > 0.0 ? std::clamp(density(rows - 1 - r, c) / top, 0.0, 1.0) : 0.0;
      std::uint8_t* at = rgba.data() + (r * columns + c) * 4;
      at[0] = 0x1f, at[1] = 0x86, at[2] = 0xd1;
      // Thirty-two steps are all that an eye tells apart here, and compress to a third.
      at[3] = static_cast<std::uint8_t>(std::lround(std::sqrt(share) * 32.0) * 255 / 32);
    }
  }
  return png_data_uri(columns, rows, rgba);
}

std::string heat_chart(const HeatMap& map) {
  double left = 40;
  for (const std::string& name : map.rows) left = std::max(left, 14 + text_width(shortened(name, 11)));
  const double cell_columns = static_cast<double>(std::min(map.columns.size(), kMostWritten));
  const double wide = std::clamp(46.0 * cell_columns, 120.0, 330.0);
  const double high = std::clamp(28.0 * static_cast<double>(map.rows.size()), 84.0, 280.0);
  const Box box{left, 44, left + wide, 44 + high};
  Svg svg(std::max(box.right + 72, 20 + text_width(map.quantity)), box.bottom + 42, map.description);
  svg.text(2, 14, Anchor::start, map.quantity, "strong");
  svg.text(2, 34, Anchor::start, shortened(map.row_axis, 24), "label");
  draw_cells(svg, map, box);
  svg.rectangle(box.left, box.top, box.right - box.left, box.bottom - box.top, "frame");
  double widest = 20;
  for (const std::string& name : map.columns) widest = std::max(widest, text_width(shortened(name, 11)));
  draw_names(map.columns, box.left, wide / static_cast<double>(map.columns.size()), widest,
             [&](double at, const std::string& name) {
               svg.text(at, box.bottom + 16, Anchor::middle, name, "tick");
             });
  draw_names(
      map.rows, box.bottom, -high / static_cast<double>(map.rows.size()), 15,
      [&](double at, const std::string& name) { svg.text(box.left - 6, at + 4, Anchor::end, name, "tick"); });
  svg.text((box.left + box.right) / 2, box.bottom + 34, Anchor::middle, shortened(map.column_axis, 30),
           "label");
  draw_colour_bar(svg, map, box.right + 14, box);
  return svg.str();
}

}  // namespace gmmvae
