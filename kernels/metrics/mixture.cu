// Points in a Gaussian mixture, in double precision, because the truth is what all else is measured by.
// Counted for a point and a component in D dimensions: D (D + 3) / 2 multiply-adds and one exponential, all
// in double; the table of components comes from L1, the same address for a whole warp.
#include <cmath>
#include <numbers>

#include "kernels/metrics/metrics.hpp"
#include "kernels/metrics/mixture.hpp"
#include "kernels/metrics/points.hpp"

namespace gmmvae::cuda {
namespace {

constexpr int threads = 128;

/// A point's coordinates, in registers where there are few.
template <int small>
struct Coordinates {
  double x[small];
  __device__ Coordinates(const float* points, int count, int /*dim*/, int row) {
#pragma unroll
    for (int d = 0; d < small; ++d) x[d] = points[static_cast<std::ptrdiff_t>(d) * count + row];
  }
  __device__ double operator[](int d) const {
    return x[d];
  }
};
template <>
struct Coordinates<0> {
  const float* first;
  int count;
  __device__ Coordinates(const float* points, int count_, int /*dim*/, int row)
      : first(points + row), count(count_) {}
  __device__ double operator[](int d) const { return first[static_cast<std::ptrdiff_t>(d) * count]; }
};

/// |A (x - mean)|^2
template <int small>
__device__ inline double squared_mahalanobis(const Coordinates<small>& x, const double* component, int dim) {
  const int size = small > 0 ? small : dim;
  const double* a = component + size;
  double squared = 0.0;
#pragma unroll
  for (int i = 0; i < (small > 0 ? small : dim); ++i) {
    double y = 0.0;
#pragma unroll
    for (int j = 0; j <= i; ++j) y += *a++ * (x[j] - component[j]);
    squared += y * y;
  }
  return squared;
}

template <int small>
__global__ void __launch_bounds__(threads)
    score(const float* points, int count, int dim, const double* table, int components, double* log_density,
          std::int32_t* nearest, double* squared_distance) {
  const int row = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  if (row < count) {
    const Coordinates<small> x(points, count, dim, row);
    const int stride = dim + dim * (dim + 1) / 2 + 1;
    double largest = -1e300;
    double sum = 0.0;
    double least = INFINITY;
    int closest = 0;
    for (int k = 0; k < components; ++k) {
      const double* component = table + static_cast<std::ptrdiff_t>(k) * stride;
      const double squared = squared_mahalanobis(x, component, dim);
      if (squared < least) {
        least = squared;
        closest = k;
      }
      const double term = component[stride - 1] - 0.5 * squared;
      if (term > largest) {
        sum = sum * exp(largest - term) + 1.0;
        largest = term;
      } else {
        sum += exp(term - largest);
      }
    }
    log_density[row] = largest + log(sum);
    nearest[row] = closest;
    squared_distance[row] = least;
  }
}

}  // namespace

std::vector<double> component_table(const Mixture& mixture) {
  const std::size_t dim = mixture.dim();
  std::vector<double> table;
  for (std::size_t k = 0; k < mixture.components(); ++k) {
    const auto mean = mixture.means().row(k);
    table.insert(table.end(), mean.begin(), mean.end());
    const Matrix<double>& lower = mixture.cholesky(k);
    Matrix<double> inverse(dim, dim);
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double value = i == j ? 1.0 : 0.0;
        for (std::size_t m = j; m < i; ++m) value -= lower(i, m) * inverse(m, j);
        inverse(i, j) = value / lower(i, i);
        table.push_back(inverse(i, j));
      }
    }
    table.push_back(
        std::log(mixture.weights()[k]) -
        0.5 * (static_cast<double>(dim) * std::log(2.0 * std::numbers::pi) + mixture.log_determinant(k)));
  }
  return table;
}

void launch_scores(const float* points, int count, int dim, const double* table, int components,
                   double* log_density, std::int32_t* nearest, double* squared_distance,
                   cudaStream_t stream) {
  const auto start = [&](auto kernel) {
    launch(kernel, (count + threads - 1) / threads, threads, 0, stream, points, count, dim, table, components,
           log_density, nearest, squared_distance);
  };
  switch (dim) {
    case 1:
      return start(score<1>);
    case 2:
      return start(score<2>);
    case 3:
      return start(score<3>);
    case 4:
      return start(score<4>);
    default:
      return start(score<0>);
  }
}

MixtureScores score_mixture(const Mixture& mixture, MatrixView<float> x, cudaStream_t stream) {
  if (x.rows == 0) return {};
  const DevicePoints points(x, stream);
  const DeviceArray<double> table = to_device(component_table(mixture), stream);
  DeviceArray<double> log_density(x.rows, stream);
  DeviceArray<std::int32_t> nearest(x.rows, stream);
  DeviceArray<double> squared_distance(x.rows, stream);
  launch_scores(points.data(), points.count(), points.dim(), table.data(),
                static_cast<int>(mixture.components()), log_density.data(), nearest.data(),
                squared_distance.data(), stream);
  return {to_host(log_density, stream), to_host(nearest, stream), to_host(squared_distance, stream)};
}

}  // namespace gmmvae::cuda
