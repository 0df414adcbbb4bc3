#pragma once

#include <cstddef>

#include "gmmvae/matrix.hpp"
#include "kernels/gpu.hpp"

namespace gmmvae::cuda {

/// Scores [N,count] of x [N,D] on its first principal axes; see tsne::principal_scores. Columns beyond the
/// data's rank are 0.
Matrix<double> principal_scores(MatrixView<float> x, std::size_t count, cudaStream_t stream);

}  // namespace gmmvae::cuda
