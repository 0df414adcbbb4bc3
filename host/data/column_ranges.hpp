#pragma once

#include <vector>

#include "gmmvae/matrix.hpp"

namespace gmmvae {

/// The least and the greatest value of each column of x [N,D], N at least 1. Values that are no numbers are
/// passed over, unless they come first.
struct ColumnRanges {
  std::vector<float> low;
  std::vector<float> high;

  explicit ColumnRanges(MatrixView<float> x);
  [[nodiscard]] double width(std::size_t column) const {
    return static_cast<double>(high[column]) - static_cast<double>(low[column]);
  }
};

}  // namespace gmmvae
