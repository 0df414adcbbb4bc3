#include <algorithm>

#include "host/tsne/start.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/tsne/principal.hpp"
#include "kernels/tsne/sums.cuh"

// Products with the points, their mean taken off, in double. Everything else of the power method is small and
// the host's.
namespace gmmvae::cuda {
namespace {

constexpr int threads = sum_threads;
constexpr int warps = threads / 32;
/// Rows of points that a block adds up; it follows from N alone.
constexpr std::size_t fewest_rows = 256;
constexpr std::size_t most_chunks = 512;

/// The points and how they are cut.
struct Points {
  const float* x;      ///< [N,D]
  const double* mean;  ///< [D], or null for 0
  std::size_t rows;
  std::size_t dim;
  std::size_t chunk;  ///< rows
};

__device__ inline double centred(const Points& points, std::size_t row, std::size_t d) {
  const auto value = static_cast<double>(points.x[row * points.dim + d]);
  return points.mean != nullptr ? value - points.mean[d] : value;
}

/// out [N,columns] = x v for v [D,columns]: a warp a row.
__global__ void __launch_bounds__(threads) project(Points points, const double* v, int columns, double* out) {
  const std::size_t row = static_cast<std::size_t>(blockIdx.x) * warps + warp_id();
  if (row >= points.rows) return;
  for (int c = 0; c < columns; ++c) {
    double sum = 0.0;
    for (std::size_t d = lane_id(); d < points.dim; d += 32)
      sum += centred(points, row, d) * v[d * columns + c];
#pragma unroll
    for (int step = 16; step > 0; step /= 2) sum += __shfl_xor_sync(full_warp, sum, step);
    if (lane_id() == 0) out[row * columns + c] = sum;
  }
}

/// parts [chunks,D,columns]: sums over a chunk's rows of x s for s [N,columns], or of x alone where s is
/// null.
__global__ void __launch_bounds__(threads)
    project_back(Points points, const double* s, int columns, double* parts) {
  const std::size_t begin = blockIdx.x * points.chunk;
  const std::size_t end = begin + points.chunk < points.rows ? begin + points.chunk : points.rows;
  const std::size_t outputs = points.dim * columns;
  for (std::size_t i = threadIdx.x; i < outputs; i += threads) {
    const std::size_t c = i / points.dim;  // neighbours in a warp read neighbouring numbers of a row
    const std::size_t d = i % points.dim;
    double sum = 0.0;
    for (std::size_t row = begin; row < end; ++row)
      sum += centred(points, row, d) * (s != nullptr ? s[row * columns + c] : 1.0);
    parts[blockIdx.x * outputs + d * columns + c] = sum;
  }
}

__global__ void __launch_bounds__(threads)
    add_chunks(const double* parts, std::size_t chunks, std::size_t outputs, double scale, double* out) {
  const std::size_t i = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
  if (i >= outputs) return;
  double sum = 0.0;
  for (std::size_t chunk = 0; chunk < chunks; ++chunk) sum += parts[chunk * outputs + i];
  out[i] = sum * scale;
}

class CentredPoints {
 public:
  CentredPoints(MatrixView<float> x, cudaStream_t stream)
      : stream_(stream), x_(to_device(std::span(x.data, x.size()), stream)) {
    points_ = {x_.data(), nullptr, x.rows, x.cols,
               std::max(fewest_rows, (x.rows + most_chunks - 1) / most_chunks)};
    mean_ = sum_over_rows(nullptr, 1, 1.0 / static_cast<double>(x.rows));
    points_.mean = mean_.data();
  }

  /// x v [N,c]
  DeviceArray<double> times(const Matrix<double>& v) const {
    const DeviceArray<double> factor = to_device(v.values(), stream_);
    DeviceArray<double> out(points_.rows * v.cols(), stream_);
    launch(project, (points_.rows + warps - 1) / warps, threads, 0, stream_, points_, factor.data(),
           static_cast<int>(v.cols()), out.data());
    return out;
  }

  Matrix<double> gram(const Matrix<double>& v) const {
    const DeviceArray<double> scores = times(v);
    return {v.rows(), v.cols(), to_host(sum_over_rows(scores.data(), v.cols(), 1.0), stream_)};
  }

 private:
  DeviceArray<double> sum_over_rows(const double* s, std::size_t columns, double scale) const {
    const std::size_t chunks = (points_.rows + points_.chunk - 1) / points_.chunk;
    const std::size_t outputs = points_.dim * columns;
    DeviceArray<double> parts(chunks * outputs, stream_);
    launch(project_back, chunks, threads, 0, stream_, points_, s, static_cast<int>(columns), parts.data());
    DeviceArray<double> out(outputs, stream_);
    launch(add_chunks, (outputs + threads - 1) / threads, threads, 0, stream_, parts.data(), chunks, outputs,
           scale, out.data());
    return out;
  }

  cudaStream_t stream_;
  DeviceArray<float> x_;
  DeviceArray<double> mean_;
  Points points_{};
};

}  // namespace

Matrix<double> principal_scores(MatrixView<float> x, std::size_t count, cudaStream_t stream) {
  const CentredPoints points(x, stream);
  const std::size_t found = std::min(count, x.cols);
  const Matrix<double> axes =
      tsne::principal_axes(x.cols, found, [&](const Matrix<double>& v) { return points.gram(v); });
  Matrix<double> wanted(x.cols, count);
  for (std::size_t d = 0; d < x.cols; ++d)
    for (std::size_t c = 0; c < found; ++c) wanted(d, c) = axes(d, c);
  return {x.rows, count, to_host(points.times(wanted), stream)};
}

}  // namespace gmmvae::cuda
