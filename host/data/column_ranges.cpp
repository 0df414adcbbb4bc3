#include "host/data/column_ranges.hpp"

#include <algorithm>

namespace gmmvae {

ColumnRanges::ColumnRanges(MatrixView<float> x) : low(x.row(0).begin(), x.row(0).end()), high(low) {
  for (std::size_t i = 1; i < x.rows; ++i)
    for (std::size_t d = 0; d < x.cols; ++d) {
      low[d] = std::min(low[d], x(i, d));
      high[d] = std::max(high[d], x(i, d));
    }
}

}  // namespace gmmvae
