#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/matrix.hpp"

namespace gmmvae {

/// A curve with its name; the n-th curve of a chart is drawn in the style "series-n".
struct Curve {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
};

struct ChartText {
  std::string description;  ///< what the chart shows, for those who cannot see it
  std::string x;
  std::string y;
};

/// Curves over one another on the same axes, with a legend where there are several. The y axis is logarithmic
/// where `logarithmic`; values that then are not positive are left out.
std::string line_chart(const std::vector<Curve>& curves, const ChartText& text, bool logarithmic);

/// A bar a mode, a mark at the height that is expected of it.
std::string bar_chart(std::span<const double> heights, std::span<const double> expected,
                      const ChartText& text);

/// The ranges of one or several sets of points, so that their pictures can be compared.
struct Ranges {
  std::vector<double> low;
  std::vector<double> high;
};
Ranges ranges_of(std::initializer_list<MatrixView<float>> sets);

/// Points [N,D] coloured by `labels` ([N] or empty), seen from one fixed place: three columns as a box in
/// space, two as they are, one against the number of the row. With more columns the first three are shown.
/// Long data are thinned to `most` points, evenly.
std::string scatter_chart(MatrixView<float> points, std::span<const std::int32_t> labels,
                          const Ranges& ranges, const std::string& description, std::size_t most = 2000);

/// Places of about `count` round numbers within [low, high].
std::vector<double> ticks(double low, double high, std::size_t count);

}  // namespace gmmvae
