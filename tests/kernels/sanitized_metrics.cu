// Small cases of the metrics' and the clustering's kernels, for the program in sanitized.cu.
#include <cmath>
#include <memory>
#include <vector>

#include "host/clustering/mixture_fit.hpp"
#include "kernels/clustering/clustering.hpp"
#include "kernels/clustering/lloyd.hpp"
#include "kernels/metrics/log_sums.hpp"
#include "kernels/metrics/mixture.hpp"
#include "kernels/metrics/pairs.hpp"
#include "kernels/metrics/points.hpp"

namespace gmmvae::cuda {
namespace {

Matrix<float> some_points(std::size_t rows, std::size_t dim) {
  Matrix<float> x(rows, dim);
  std::uint32_t state = 7;
  for (std::size_t i = 0; i < x.size(); ++i) {
    state = 1664525u * state + 1013904223u;
    x.data()[i] = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31f;
  }
  return x;
}

bool all_finite(const std::vector<double>& values) {
  for (const double value : values)
    if (!std::isfinite(value)) return false;
  return !values.empty();
}

/// Every sum of all pairs of 133 and 35 points in pieces.
bool pairs_work(std::size_t dim) {
  const DevicePoints x(some_points(133, dim), nullptr);
  const DevicePoints y(some_points(35, dim), nullptr);
  const DeviceArray<int> pieces = to_device(std::vector<int>{0, 33, 35}, nullptr);
  const DeviceArray<float> radii = to_device(std::vector<float>(35, 0.1f), nullptr);
  DeviceArray<float> lists(2 * 6 * 133, nullptr), nearest(2 * 133, nullptr);
  DeviceArray<unsigned> inside(2 * 133, nullptr);
  DeviceArray<double> kernels(2 * 133, nullptr), distances(2 * 133, nullptr);
  const PairTask task{x.data(),
                      133,
                      0,
                      133,
                      y.data(),
                      35,
                      x.dim(),
                      pieces.data(),
                      lists.data(),
                      6,
                      nearest.data(),
                      radii.data(),
                      inside.data(),
                      kernels.data(),
                      -0.5f,
                      distances.data()};
  launch_pairs(task, 2, nullptr);
  DeviceArray<float> radius2(133, nullptr), total_nearest(133, nullptr);
  DeviceArray<unsigned> total_inside(133, nullptr);
  DeviceArray<double> total_kernels(133, nullptr), total_distances(133, nullptr);
  launch_totals(task, 2,
                {radius2.data(), total_nearest.data(), total_inside.data(), total_kernels.data(),
                 total_distances.data()},
                nullptr);
  const std::vector<float> found = to_host(radius2, nullptr);
  return all_finite({found.begin(), found.end()}) && all_finite(to_host(total_kernels, nullptr)) &&
         all_finite(to_host(total_distances, nullptr));
}

bool densities_work(std::size_t dim) {
  const DevicePoints x(some_points(131, dim), nullptr);
  const DevicePoints y(some_points(37, dim), nullptr);
  const DevicePoints weights(Matrix<float>(37, dim, 0.5f), nullptr);
  const DeviceArray<float> offsets = to_device(std::vector<float>(37, -1.0f), nullptr);
  LogSums sums(x, nullptr);
  sums.add(y.data(), 37, offsets.data(), weights.data());
  sums.add(y.data(), 37, offsets.data(), nullptr);
  if (!all_finite(sums.values())) return false;
  const std::size_t stride = dim + dim * (dim + 1) / 2 + 1;
  const DeviceArray<double> table = to_device(std::vector<double>(3 * stride, 0.25), nullptr);
  DeviceArray<double> density(131, nullptr), distance(131, nullptr);
  DeviceArray<std::int32_t> nearest(131, nullptr);
  launch_scores(x.data(), 131, x.dim(), table.data(), 3, density.data(), nearest.data(), distance.data(),
                nullptr);
  return all_finite(to_host(density, nullptr)) && all_finite(to_host(distance, nullptr));
}

/// Two runs, one of which has more centres than distinct points, and a fit to the first one's labels.
bool clustering_works() {
  const Matrix<float> x = some_points(300, 3);
  const DevicePoints points(x, nullptr);
  const DevicePoints same(Matrix<float>(10, 3, 1.0f), nullptr);
  const std::vector<LloydStart> starts = {{points.data(), 300, some_points(11, 3), 20, 0.0},
                                          {same.data(), 10, some_points(4, 3), 20, 0.0}};
  Lloyd lloyd(starts, nullptr);
  const std::vector<LloydEnd> ends = lloyd.run();
  if (!std::isfinite(ends[0].inertia) || ends[1].inertia != 0.0) return false;
  MixtureFitOptions options;
  options.max_iterations = 3;
  for (const CovarianceKind kind : {CovarianceKind::full, CovarianceKind::diagonal}) {
    const MixtureFit fit = fit_mixture(x, 11, kind, lloyd.labels(0), options, nullptr);
    if (!std::isfinite(fit.log_likelihood)) return false;
  }
  return true;
}

}  // namespace

bool metrics_work() {
  return pairs_work(3) && pairs_work(17) && densities_work(2) && densities_work(5) && clustering_works();
}

}  // namespace gmmvae::cuda
