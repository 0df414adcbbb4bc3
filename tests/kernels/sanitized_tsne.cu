// Small neighbour searches, affinities and steps of an embedding in a program with a plain main, for
// ThreadSanitizer and MemorySanitizer; see sanitized.cu. Exit code 0: the numbers are what they must be and
// nothing was noticed.
#include <cmath>
#include <cstdio>
#include <vector>

#include "kernels/neighbors/neighbors.hpp"
#include "kernels/tsne/gradient.hpp"

namespace gmmvae::cuda {
namespace {

/// Numbers between -1 and 1 from a linear congruential generator.
std::vector<float> some_numbers(std::size_t count) {
  std::vector<float> numbers(count);
  std::uint32_t state = 1;
  for (float& number : numbers) {
    state = 1664525u * state + 1013904223u;
    number = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31f;
  }
  return numbers;
}

bool steps(const DeviceAffinities& p, const Matrix<float>& start, GradientMethod method,
           cudaStream_t stream) {
  DeviceGradient gradient(p, start, method, stream);
  DeviceArray<float> update(start.size(), stream);
  update.fill_with_zeros();
  DeviceArray<float> gains = to_device(std::vector<float>(start.size(), 1.0f), stream);
  DeviceArray<double> sums(step_parts(start.rows()) * start.cols(), stream);
  const DeviceArray<StepCoefficients> size =
      to_device(std::vector<StepCoefficients>{{2.0f, 20.0f, 0.8f}}, stream);
  double kl = gradient.kl_divergence();
  for (int step = 0; step < 3; ++step) {
    gradient.enqueue();
    launch_step(gradient.attraction().data(), gradient.repulsion().data(), start.rows(), gradient.dim(),
                size.data(), gradient.state(), gradient.positions().data(), update.data(), gains.data(),
                sums.data(), stream);
    if (gradient.resolve()) --step;  // once more, on the right grid
  }
  const double after = gradient.kl_divergence();
  return std::isfinite(kl) && std::isfinite(after) && after != kl;
}

bool embeds(std::size_t rows, std::size_t dim, std::size_t k, NeighborSearch search) {
  const Stream stream;
  const Matrix<float> x(rows, dim, some_numbers(rows * dim));
  DeviceNeighbors lists = find_neighbors(x, k, search, 10, stream.get());
  const double perplexity = calibrate(lists.squared, rows, k, 2.5, stream.get());
  if (std::abs(perplexity - 2.5) > 1e-6) return false;
  const DeviceAffinities p = symmetrize(lists, stream.get());
  double sum = 0.0;
  for (const float value : to_host(p.values, stream.get())) sum += value;
  if (std::abs(sum - 1.0) > 1e-5) return false;
  const Matrix<float> start(rows, 2, some_numbers(2 * rows));
  return steps(p, start, GradientMethod::exact, stream.get()) &&
         steps(p, Matrix<float>(rows, 3, some_numbers(3 * rows)), GradientMethod::exact, stream.get()) &&
         steps(p, start, GradientMethod::fft, stream.get());
}

}  // namespace
}  // namespace gmmvae::cuda

int main() {
  using gmmvae::NeighborSearch;
  if (gmmvae::cuda::embeds(33, 3, 8, NeighborSearch::exact) &&
      gmmvae::cuda::embeds(41, 17, 9, NeighborSearch::approximate))
    return 0;
  std::puts("an embedding is not what it must be");
  return 1;
}
