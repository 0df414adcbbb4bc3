// The mean of all posteriors as a density: N Gaussians at M points.
#include <cmath>
#include <numbers>

#include "kernels/metrics/log_sums.hpp"
#include "kernels/metrics/metrics.hpp"

namespace gmmvae::cuda {

std::vector<double> log_aggregate(const Posterior& posterior, MatrixView<float> z, cudaStream_t stream) {
  const std::size_t count = posterior.mean.rows();
  const std::size_t latent = posterior.mean.cols();
  if (z.rows == 0 || count == 0) return {};
  Matrix<float> inverse(count, latent);
  std::vector<float> offsets(count);
  for (std::size_t i = 0; i < count; ++i) {
    double offset = -0.5 * static_cast<double>(latent) * std::log(2.0 * std::numbers::pi);
    for (std::size_t j = 0; j < latent; ++j) {
      inverse(i, j) = 1.0f / posterior.variance(i, j);
      offset -= 0.5 * std::log(static_cast<double>(posterior.variance(i, j)));
    }
    offsets[i] = static_cast<float>(offset);
  }
  const DevicePoints points(z, stream);
  const DevicePoints means(posterior.mean, stream);
  const DevicePoints weights(inverse, stream);
  const DeviceArray<float> device_offsets = to_device(offsets, stream);
  LogSums sums(points, stream);
  sums.add(means.data(), means.count(), device_offsets.data(), weights.data());
  std::vector<double> out = sums.values();
  for (double& value : out) value -= std::log(static_cast<double>(count));
  return out;
}

}  // namespace gmmvae::cuda
