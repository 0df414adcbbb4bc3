#pragma once

#include <string_view>

#include "gmmvae/matrix.hpp"

namespace gmmvae {

/// Distances are computed in single precision, whose range their squares, summed over dimensions, must not
/// leave.
inline constexpr double kWidestRange = 1e17;
inline constexpr double kNarrowestRange = 1e-17;

/// Throws DataError, naming `what`, where the widest column of x [N,D] is wider than kWidestRange, or holds
/// what is no finite number.
void require_bounded_range(MatrixView<float> x, std::string_view what);

/// The same, and where no column is as wide as kNarrowestRange although some vary.
void require_measurable_range(MatrixView<float> x, std::string_view what);

}  // namespace gmmvae
