#include "host/evaluation/comparison.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "gmmvae/error.hpp"
#include "host/evaluation/pairwise.hpp"
#include "host/evaluation/sliced_wasserstein.hpp"

namespace gmmvae {

void check_comparison(MatrixView<float> x, MatrixView<float> y, const ComparisonOptions& options) {
  if (x.empty() || y.empty()) throw DataError("two sets of points are compared, but one of them is empty");
  if (x.cols != y.cols)
    throw DataError(fmt::format("the two sets of points have {} and {} columns", x.cols, y.cols));
  const std::size_t most = std::min({x.rows - 1, y.rows - 1, kMostNeighbors});
  if (options.neighbors > most)
    throw UsageError(fmt::format("balls to the neighbour {} were asked for, but the most possible is {}",
                                 options.neighbors, most));
}

SampleComparison compare_samples(MatrixView<float> x, MatrixView<float> y, const ComparisonOptions& options,
                                 ThreadPool& pool) {
  check_comparison(x, y, options);
  SampleComparison out;
  out.x.rows = x.rows;
  out.y.rows = y.rows;
  if (options.neighbors > 0) {
    out.x.radius2 = kth_neighbor_squared(x, options.neighbors, pool);
    out.y.radius2 = kth_neighbor_squared(y, options.neighbors, pool);
    out.x.inside = count_balls(x, y, out.y.radius2, pool);
    out.y.inside = count_balls(y, x, out.x.radius2, pool);
    out.x.nearest2 = nearest_squared(x, y, pool);
    out.y.nearest2 = nearest_squared(y, x, pool);
  }
  if (options.kernel_base > 0.0) {
    out.x.kernels_own = rbf_sums(x, x, options.kernel_base, pool);
    if (!options.kernels_of_x_alone) {
      out.y.kernels_own = rbf_sums(y, y, options.kernel_base, pool);
      out.x.kernels_other = rbf_sums(x, y, options.kernel_base, pool);
      out.y.kernels_other = rbf_sums(y, x, options.kernel_base, pool);
    }
  }
  if (options.distances) {
    out.x.distances_own = distance_sums(x, x, pool);
    out.y.distances_own = distance_sums(y, y, pool);
    out.x.distances_other = distance_sums(x, y, pool);
    out.y.distances_other = distance_sums(y, x, pool);
  }
  if (options.directions > 0) out.squared_w2 = sliced_squares(x, y, options.directions, options.seed, pool);
  return out;
}

}  // namespace gmmvae
