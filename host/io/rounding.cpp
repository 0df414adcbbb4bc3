#include "host/io/rounding.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "gmmvae/error.hpp"
#include "host/data/column_ranges.hpp"

namespace gmmvae {
namespace {

constexpr double kMostMoved = 0.01;  // of a column's range
/// A column that varies less, beside its numbers, is a constant with the rounding of double precision.
constexpr double kConstant = 1e-12;

/// The distance between neighbouring numbers of single precision at this one.
double step_at(float value) {
  const float size = std::fabs(value);
  return static_cast<double>(std::nextafter(size, INFINITY)) - static_cast<double>(size);
}

}  // namespace

std::vector<std::size_t> columns_in_doubt(MatrixView<float> x) {
  std::vector<std::size_t> doubtful;
  if (x.rows < 2) return doubtful;
  const ColumnRanges ranges(x);
  for (std::size_t d = 0; d < x.cols; ++d) {
    const double step = step_at(std::max(std::fabs(ranges.low[d]), std::fabs(ranges.high[d])));
    // Half a step is the most that a number moves, and the exact range may be a step less than the rounded
    // one.
    const double range = ranges.width(d) - step;
    if (0.5 * step > kMostMoved * range) doubtful.push_back(d);
  }
  return doubtful;
}

void ExactColumn::require_kept(std::string_view place) const {
  const double range = greatest_ - least_;
  const double middle = least_ + 0.5 * range;
  if (!(most_moved_ > kMostMoved * range) || range <= kConstant * std::fabs(middle)) return;
  throw DataError(fmt::format(
      "{} varies by {:.3g} around {:.7g}, where single precision only knows steps of {:.3g}: subtract "
      "an offset from it or scale it first",
      place, range, middle, step_at(static_cast<float>(middle))));
}

}  // namespace gmmvae
