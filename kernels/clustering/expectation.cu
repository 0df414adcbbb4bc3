// The E step of a Gaussian mixture in double precision. Counted for N points, k components and D dimensions
// with full covariances: responsibilities are N k (D (D + 3) / 2 + 2) multiply-adds and 2 N k exponentials,
// and N k numbers written and read again; the moments are N k (D + 1) (D + 2) / 2 multiply-adds.
#include <algorithm>
#include <memory>

#include "host/clustering/mixture_fit.hpp"
#include "kernels/block/reduce.cuh"
#include "kernels/clustering/clustering.hpp"
#include "kernels/metrics/points.hpp"

namespace gmmvae::cuda {
namespace {

constexpr int threads = 256;
constexpr int rows_in_piece = 8192;

/// Points lie as [dim][rows], about the columns' means.
struct ExpectationTask {
  const double* points = nullptr;
  int rows = 0;
  int dim = 0;
  int full = 0;
  int components = 0;
  const double* table = nullptr;  ///< [components][stride]: mean, whitening, constant
  int stride = 0;
  double* responsibilities = nullptr;  ///< [components][rows]
  double* log_densities = nullptr;     ///< [rows]
  std::int32_t* labels = nullptr;      ///< [rows]
  double* sums = nullptr;              ///< [pieces][components][moments]
  int moments = 0;
};

__device__ inline double log_weighted_density(const ExpectationTask& task, const double* component, int row) {
  const double* a = component + task.dim;
  double squared = 0.0;
  for (int i = 0; i < task.dim; ++i) {
    double y = 0.0;
    for (int j = task.full != 0 ? 0 : i; j <= i; ++j)
      y += (task.points[static_cast<std::ptrdiff_t>(j) * task.rows + row] - component[j]) * *a++;
    squared += y * y;
  }
  return component[task.stride - 1] - 0.5 * squared;
}

__global__ void __launch_bounds__(threads) expect(ExpectationTask task) {
  const int row = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  if (row < task.rows) {
    double largest = -INFINITY;
    int label = 0;
    for (int c = 0; c < task.components; ++c) {
      const double term =
          log_weighted_density(task, task.table + static_cast<std::ptrdiff_t>(c) * task.stride, row);
      task.responsibilities[static_cast<std::ptrdiff_t>(c) * task.rows + row] = term;
      if (term > largest) {
        largest = term;
        label = c;
      }
    }
    double sum = 0.0;
    for (int c = 0; c < task.components; ++c) {
      double& term = task.responsibilities[static_cast<std::ptrdiff_t>(c) * task.rows + row];
      term = exp(term - largest);
      sum += term;
    }
    for (int c = 0; c < task.components; ++c)
      task.responsibilities[static_cast<std::ptrdiff_t>(c) * task.rows + row] /= sum;
    task.log_densities[row] = largest + log(sum);
    task.labels[row] = label;
  }
}

/// Row i and column j of moment m: 0 is the count, then come the sums of x_i, then those of x_i x_j.
__device__ inline void moment_indices(const ExpectationTask& task, int m, int& i, int& j) {
  i = j = -1;
  if (m == 0) return;
  if (m <= task.dim) {
    i = m - 1;
    return;
  }
  m -= task.dim + 1;
  if (task.full == 0) {
    i = j = m;
    return;
  }
  i = 0;
  while (m > i) m -= ++i;
  j = m;
}

/// Blocks are (piece, component).
__global__ void __launch_bounds__(threads) add_moments(ExpectationTask task) {
  GPU_SHARED(double, parts, [threads / 32]);
  const int begin = static_cast<int>(blockIdx.x) * rows_in_piece;
  const int end = begin + rows_in_piece < task.rows ? begin + rows_in_piece : task.rows;
  const double* responsibility = task.responsibilities + static_cast<std::ptrdiff_t>(blockIdx.y) * task.rows;
  double* sums =
      task.sums + (static_cast<std::ptrdiff_t>(blockIdx.x) * task.components + blockIdx.y) * task.moments;
  for (int m = 0; m < task.moments; ++m) {
    int i = 0;
    int j = 0;
    moment_indices(task, m, i, j);
    double sum = 0.0;
    for (int row = begin + static_cast<int>(threadIdx.x); row < end; row += threads) {
      double value = responsibility[row];
      if (i >= 0) value *= task.points[static_cast<std::ptrdiff_t>(i) * task.rows + row];
      if (j >= 0) value *= task.points[static_cast<std::ptrdiff_t>(j) * task.rows + row];
      sum += value;
    }
    const double total = block::block_sum(sum, parts);
    if (threadIdx.x == 0) sums[m] = total;
    __syncthreads();
  }
}

class DeviceExpectation final : public Expectation {
 public:
  DeviceExpectation(MatrixView<float> x, const VaryingColumns& columns, bool full, std::size_t k,
                    cudaStream_t stream)
      : stream_(stream), pieces_((x.rows + rows_in_piece - 1) / rows_in_piece) {
    std::vector<double> turned;
    turned.reserve(x.rows * columns.dim());
    for (std::size_t d = 0; d < columns.dim(); ++d)
      for (std::size_t i = 0; i < x.rows; ++i) turned.push_back(x(i, columns.columns[d]) - columns.mean[d]);
    points_ = to_device(turned, stream);
    task_.points = points_.data();
    task_.rows = DevicePoints::to_int(x.rows);
    task_.dim = DevicePoints::to_int(columns.dim());
    task_.full = full ? 1 : 0;
    task_.components = DevicePoints::to_int(k);
    task_.moments = DevicePoints::to_int(moment_count(columns.dim(), full));
    task_.stride = task_.moments;  // mean, whitening and constant are as many numbers
    table_ = DeviceArray<double>(k * static_cast<std::size_t>(task_.stride), stream);
    responsibilities_ = DeviceArray<double>(k * x.rows, stream);
    log_densities_ = DeviceArray<double>(x.rows, stream);
    labels_ = DeviceArray<std::int32_t>(x.rows, stream);
    sums_ = DeviceArray<double>(pieces_ * k * static_cast<std::size_t>(task_.moments), stream);
    task_.table = table_.data();
    task_.responsibilities = responsibilities_.data();
    task_.log_densities = log_densities_.data();
    task_.labels = labels_.data();
    task_.sums = sums_.data();
  }

  double run(std::span<const MixtureComponent> components, std::vector<double>* sums,
             std::vector<std::int32_t>& labels) override {
    std::vector<double> table;
    for (const MixtureComponent& component : components) {
      table.insert(table.end(), component.mean.begin(), component.mean.end());
      table.insert(table.end(), component.whitening.begin(), component.whitening.end());
      table.push_back(component.constant);
    }
    copy_to_device(table_.data(), std::span<const double>(table), stream_);
    launch(expect, (task_.rows + threads - 1) / threads, threads, 0, stream_, task_);
    if (sums != nullptr) {
      const dim3 grid(static_cast<unsigned>(pieces_), static_cast<unsigned>(task_.components));
      launch(add_moments, grid, threads, 0, stream_, task_);
      const std::vector<double> pieces = to_host(sums_, stream_);
      sums->assign(components.size() * static_cast<std::size_t>(task_.moments), 0.0);
      for (std::size_t i = 0; i < pieces.size(); ++i) (*sums)[i % sums->size()] += pieces[i];
    } else {
      copy_to_host(std::span<std::int32_t>(labels), static_cast<const std::int32_t*>(labels_.data()),
                   stream_);
    }
    double log_likelihood = 0.0;
    for (const double value : to_host(log_densities_, stream_)) log_likelihood += value;
    return log_likelihood;
  }

 private:
  cudaStream_t stream_;
  std::size_t pieces_;
  ExpectationTask task_;
  DeviceArray<double> points_, table_, responsibilities_, log_densities_, sums_;
  DeviceArray<std::int32_t> labels_;
};

}  // namespace

MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                       std::span<const std::int32_t> start, const MixtureFitOptions& options,
                       cudaStream_t stream) {
  return gmmvae::fit_mixture(x, k, kind, start, options, [&](const VaryingColumns& columns, bool full) {
    return std::make_unique<DeviceExpectation>(x, columns, full, k, stream);
  });
}

}  // namespace gmmvae::cuda
