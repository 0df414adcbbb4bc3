#include "host/data/range.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "gmmvae/error.hpp"
#include "host/data/column_ranges.hpp"

namespace gmmvae {
namespace {

/// The largest difference between two values of one column; not finite where a value is not.
double widest_column(MatrixView<float> x) {
  if (x.rows == 0) return 0.0;
  double unsound = 0.0;  // becomes NaN with the first value that is infinite or no number
  for (std::size_t i = 0; i < x.size(); ++i) unsound += x.data[i] * 0.0;
  if (unsound != 0.0) return unsound;
  const ColumnRanges ranges(x);
  double widest = 0.0;
  for (std::size_t d = 0; d < x.cols; ++d) widest = std::max(widest, ranges.width(d));
  return widest;
}

double bounded_range(MatrixView<float> x, std::string_view what) {
  const double widest = widest_column(x);
  if (widest <= kWidestRange) return widest;
  if (!(widest >= 0.0)) throw DataError(fmt::format("{} are not all finite numbers", what));
  throw DataError(fmt::format(
      "{} vary by up to {:.3g}, where distances leave single precision: scale them down below {:g}", what,
      widest, kWidestRange));
}

}  // namespace

void require_bounded_range(MatrixView<float> x, std::string_view what) {
  (void)bounded_range(x, what);
}

void require_measurable_range(MatrixView<float> x, std::string_view what) {
  const double widest = bounded_range(x, what);
  if (widest > 0.0 && widest < kNarrowestRange)
    throw DataError(fmt::format(
        "{} vary by {:.3g} at most, where distances leave single precision: scale them up above {:g}", what,
        widest, kNarrowestRange));
}

}  // namespace gmmvae
