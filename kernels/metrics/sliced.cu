// Sliced Wasserstein distances: projections, a sort of each, and the integral of the squared difference of
// two quantile functions. Counted for N and M points, D dimensions and P directions: (N + M) P D
// multiply-adds in double, the sorts, and (N + M) P steps of the integral.
#include <algorithm>

#include "host/evaluation/sliced_wasserstein.hpp"
#include "kernels/block/reduce.cuh"
#include "kernels/library/segmented_sort.hpp"
#include "kernels/metrics/metrics.hpp"
#include "kernels/metrics/points.hpp"

namespace gmmvae::cuda {
namespace {

constexpr int threads = 256;
constexpr std::size_t projections_at_a_time = std::size_t{1} << 26;

/// out[p][i] <- x_i . direction_p; points are [dim][count].
__global__ void __launch_bounds__(threads)
    project(const float* points, int count, int dim, const double* directions, float* out) {
  const int i = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  if (i < count) {
    const double* direction = directions + static_cast<std::ptrdiff_t>(blockIdx.y) * dim;
    double sum = 0.0;
    for (int d = 0; d < dim; ++d)
      sum += static_cast<double>(points[static_cast<std::ptrdiff_t>(d) * count + i]) * direction[d];
    out[static_cast<std::ptrdiff_t>(blockIdx.y) * count + i] = static_cast<float>(sum);
  }
}

/// Squared W2 of two sorted samples a [n] and b [m] for each direction, one block each: the quantile
/// functions step at multiples of 1/n and 1/m, and a step of `a` meets those of `b` that overlap it.
__global__ void __launch_bounds__(threads)
    quantile_distance(const float* a, int n, const float* b, int m, double* out) {
  GPU_SHARED(double, parts, [threads / 32]);
  a += static_cast<std::ptrdiff_t>(blockIdx.x) * n;
  b += static_cast<std::ptrdiff_t>(blockIdx.x) * m;
  double sum = 0.0;
  for (int i = static_cast<int>(threadIdx.x); i < n; i += threads) {
    const long long begin = static_cast<long long>(i) * m;  // in units of 1 / (n m)
    const long long end = begin + m;
    long long at = begin;
    for (long long j = begin / n; at < end; ++j) {
      const long long next = (j + 1) * n < end ? (j + 1) * n : end;
      const double difference = static_cast<double>(a[i]) - static_cast<double>(b[j]);
      sum += static_cast<double>(next - at) * difference * difference;
      at = next;
    }
  }
  const double total = block::block_sum(sum, parts);
  if (threadIdx.x == 0) out[blockIdx.x] = total / (static_cast<double>(n) * static_cast<double>(m));
}

/// The sorted projections of one set on some directions.
class Projections {
 public:
  Projections(MatrixView<float> x, std::size_t directions, cudaStream_t stream)
      : points_(x, stream),
        stream_(stream),
        raw_(x.rows * directions, stream),
        sorted_(x.rows * directions, stream) {}

  const float* of(const double* directions, std::size_t count) {
    const dim3 grid(static_cast<unsigned>((points_.count() + threads - 1) / threads),
                    static_cast<unsigned>(count));
    launch(project, grid, threads, 0, stream_, points_.data(), points_.count(), points_.dim(), directions,
           raw_.data());
    library::sort_segments(raw_.data(), sorted_.data(), static_cast<int>(count), points_.count(), stream_);
    return sorted_.data();
  }
  [[nodiscard]] int count() const { return points_.count(); }

 private:
  DevicePoints points_;
  cudaStream_t stream_;
  DeviceArray<float> raw_, sorted_;
};

}  // namespace

std::vector<double> sliced_squares(MatrixView<float> x, MatrixView<float> y, std::size_t directions,
                                   std::uint64_t seed, cudaStream_t stream) {
  if (x.rows < y.rows) std::swap(x, y);  // threads share the steps of the larger set
  const Matrix<double> all = random_directions(directions, x.cols, seed);
  const DeviceArray<double> device_directions = to_device(all.values(), stream);
  const std::size_t portion =
      std::clamp<std::size_t>(projections_at_a_time / x.rows, 1, std::min<std::size_t>(directions, 65535));
  Projections larger(x, portion, stream);
  Projections smaller(y, portion, stream);
  DeviceArray<double> squares(portion, stream);
  std::vector<double> out;
  for (std::size_t first = 0; first < directions; first += portion) {
    const std::size_t count = std::min(portion, directions - first);
    const double* some = device_directions.data() + first * x.cols;
    launch(quantile_distance, count, threads, 0, stream, larger.of(some, count), larger.count(),
           smaller.of(some, count), smaller.count(), squares.data());
    append_to(out, squares, count, stream);
  }
  return out;
}

}  // namespace gmmvae::cuda
