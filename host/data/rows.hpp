#pragma once

#include <cstdint>
#include <span>

#include "gmmvae/matrix.hpp"

namespace gmmvae {

/// The given rows of x [N,D], in the given order, as a matrix of their own; every index is below N.
Matrix<float> gather_rows(MatrixView<float> x, std::span<const std::uint32_t> rows);

}  // namespace gmmvae
