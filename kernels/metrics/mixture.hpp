#pragma once

#include <span>
#include <vector>

#include "gmmvae/mixture.hpp"
#include "kernels/gpu.hpp"

namespace gmmvae::cuda {

/// Components as the kernels read them, each [dim + dim (dim + 1) / 2 + 1] numbers: the mean, the rows of the
/// lower triangle A = L^-1 with covariance = L L', and a constant c: log(weight * density) = c - |A (x -
/// mean)|^2 / 2.
std::vector<double> component_table(const Mixture& mixture);

/// Enqueues, for `count` points [dim][count] in the order of a stream, log density, nearest component and
/// squared Mahalanobis distance to it.
void launch_scores(const float* points, int count, int dim, const double* table, int components,
                   double* log_density, std::int32_t* nearest, double* squared_distance, cudaStream_t stream);

}  // namespace gmmvae::cuda
