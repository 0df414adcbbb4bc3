#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "gmmvae/matrix.hpp"

namespace gmmvae {

// Points are kept in single precision. A column whose numbers lie far from 0 beside how much they vary, such
// as a time in seconds since 1970, can lose what it says by that.

/// The columns of x [N,D] of which rounding may have moved numbers by more than a hundredth of the column's
/// range: those to look at again with the numbers as they stand in the file. Constant columns are among them.
std::vector<std::size_t> columns_in_doubt(MatrixView<float> x);

/// One such column, read again.
class ExactColumn {
 public:
  void add(double exact) {
    least_ = exact < least_ ? exact : least_;
    greatest_ = exact > greatest_ ? exact : greatest_;
    const double moved = exact - static_cast<double>(static_cast<float>(exact));
    most_moved_ = moved > most_moved_ ? moved : -moved > most_moved_ ? -moved : most_moved_;
  }
  /// Throws DataError where rounding moved a number by more than a hundredth of the range; `place` says which
  /// column it is, as in "data.npy: column 3".
  void require_kept(std::string_view place) const;

 private:
  double least_ = std::numeric_limits<double>::infinity();
  double greatest_ = -std::numeric_limits<double>::infinity();
  double most_moved_ = 0.0;
};

}  // namespace gmmvae
