#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae {

// What the two-sample metrics need of all pairs (x_i, y_j) of x [N,D] and y [M,D]. Distances are formed from
// differences, so equal points are at distance exactly 0. Results do not depend on threads or instruction
// set.

/// |a - b|^2 in double.
inline double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) {
    const double difference = static_cast<double>(a[d]) - b[d];
    sum += difference * difference;
  }
  return sum;
}

/// Adds to sums[l] the distances of point l of a block of sixteen (see LaneBlocks) to `count` rows
/// [count,dim].
void sum_distances(const float* block, const float* rows, std::size_t count, std::size_t dim, double* sums);

/// [N] squared distance of each point to its k-th nearest other point of the same set; needs N > k >= 1.
std::vector<float> kth_neighbor_squared(MatrixView<float> x, std::size_t k, ThreadPool& pool);

/// [N] how many of the M balls around y_j with squared radius r_j hold x_i (surface included).
std::vector<std::uint32_t> count_balls(MatrixView<float> x, MatrixView<float> y,
                                       std::span<const float> squared_radii, ThreadPool& pool);

/// [N] squared distance of x_i to the nearest y_j.
std::vector<float> nearest_squared(MatrixView<float> x, MatrixView<float> y, ThreadPool& pool);

/// [N] sum over j of |x_i - y_j|.
std::vector<double> distance_sums(MatrixView<float> x, MatrixView<float> y, ThreadPool& pool);

/// [N] sum over j of the mean of exp(-|x_i - y_j|^2 / (2 l^2)) over l^2 = base, base/4, base/16, base/64.
std::vector<double> rbf_sums(MatrixView<float> x, MatrixView<float> y, double base, ThreadPool& pool);

}  // namespace gmmvae
