// Likelihoods of a VAE: the decoder runs over a grid or over draws of the posterior, the sums follow on the
// device. Counted for N points: quadrature with G grid points is N G pairs of log_sums.cu; importance
// weighting and the bound with K draws are N K runs of the decoder, N K Z / 2 Philox blocks and, for each
// draw, 2 D + 3 Z operations and two exponentials in double.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "gmmvae/random.hpp"
#include "host/evaluation/gaussian_decoder.hpp"
#include "host/evaluation/latent_grid.hpp"
#include "host/evaluation/likelihood.hpp"
#include "kernels/block/random.cuh"
#include "kernels/block/reduce.cuh"
#include "kernels/metrics/log_sums.hpp"
#include "kernels/metrics/metrics.hpp"
#include "kernels/training/trainers.hpp"

namespace gmmvae::cuda {
namespace {

constexpr int threads = 256;
constexpr std::size_t most_grid_rows = std::size_t{1} << 16;  // what LatentGrid::collect gives at a time
constexpr std::size_t draws_at_a_time = std::size_t{1} << 20;

/// others [dim][rows] <- means [rows][dim] over the deviations, offsets <- -|z|^2 / 2.
__global__ void __launch_bounds__(threads)
    whiten_grid(const float* means, const float* codes, int rows, int dim, int latent,
                const float* deviations, float* others, float* offsets) {
  const int row = static_cast<int>(blockIdx.x) * threads + static_cast<int>(threadIdx.x);
  if (row < rows) {
    const float* mean = means + static_cast<std::ptrdiff_t>(row) * dim;
    for (int d = 0; d < dim; ++d)
      others[static_cast<std::ptrdiff_t>(d) * rows + row] = mean[d] / deviations[d];
    const float* code = codes + static_cast<std::ptrdiff_t>(row) * latent;
    float squared = 0.0f;
    for (int j = 0; j < latent; ++j) squared += code[j] * code[j];
    offsets[row] = -0.5f * squared;
  }
}

/// Posterior draws of some points, `draws` rows each.
struct Draws {
  std::uint64_t seed = 0;
  std::uint32_t step = 0;
  int first_point = 0;
  int points = 0;
  int draws = 0;
  int latent = 0;
  int dim = 0;
  const float* mean = nullptr;      ///< [N][latent] of all points
  const float* variance = nullptr;  ///< [N][latent]
  const float* whitened = nullptr;  ///< [N][dim]
  const float* deviations = nullptr;
  double log_constant = 0.0;
  float* codes = nullptr;        ///< [points draws][latent]
  double* log_ratio = nullptr;   ///< [points draws] log p(z) - log q(z|x), then the log weights
  const float* means = nullptr;  ///< [points draws][dim] what the decoder makes of the codes
  double* results = nullptr;     ///< [points]
  double* spreads = nullptr;     ///< [points]
};

/// z = mean + deviation * noise, one thread a draw; element numbers count over all points.
__global__ void __launch_bounds__(threads) draw_codes(Draws work) {
  const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(blockIdx.x) * threads + threadIdx.x;
  const std::ptrdiff_t rows = static_cast<std::ptrdiff_t>(work.points) * work.draws;
  if (row < rows) {
    const std::ptrdiff_t point = work.first_point + row / work.draws;
    const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(work.first_point) * work.draws + row;
    double ratio = 0.0;
    for (int j = 0; j < work.latent; ++j) {
      const double noise =
          block::stream_normal(work.seed, Purpose::evaluation, 0, work.step,
                               static_cast<std::uint64_t>(first) * static_cast<std::uint64_t>(work.latent) +
                                   static_cast<std::uint64_t>(j));
      const double variance = work.variance[point * work.latent + j];
      const double z = work.mean[point * work.latent + j] + sqrt(variance) * noise;
      work.codes[row * work.latent + j] = static_cast<float>(z);
      ratio += 0.5 * (noise * noise + log(variance) - z * z);
    }
    work.log_ratio[row] = ratio;
  }
}

/// log p(x|z) of one draw.
__device__ inline double log_conditional(const Draws& work, std::ptrdiff_t point, std::ptrdiff_t row) {
  const float* x = work.whitened + (work.first_point + point) * work.dim;
  const float* mean = work.means + row * work.dim;
  double squared = 0.0;
  for (int d = 0; d < work.dim; ++d) {
    const double difference = static_cast<double>(x[d]) - static_cast<double>(mean[d] / work.deviations[d]);
    squared += difference * difference;
  }
  return work.log_constant - 0.5 * squared;
}

/// One block a point: the mean of log p(x|z) over its draws.
__global__ void __launch_bounds__(threads) mean_conditional(Draws work) {
  GPU_SHARED(double, parts, [threads / 32]);
  const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(blockIdx.x) * work.draws;
  double sum = 0.0;
  for (int k = static_cast<int>(threadIdx.x); k < work.draws; k += threads)
    sum += log_conditional(work, blockIdx.x, first + k);
  const double total = block::block_sum(sum, parts);
  if (threadIdx.x == 0) work.results[blockIdx.x] = total / work.draws;
}

/// One block a point: the logarithm of its mean weight, and the standard error of that.
__global__ void __launch_bounds__(threads, 2) mean_weight(Draws work) {
  GPU_SHARED(double, parts, [threads / 32]);
  GPU_SHARED(double, more_parts, [threads / 32]);
  const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(blockIdx.x) * work.draws;
  double largest = -1e300;
  for (int k = static_cast<int>(threadIdx.x); k < work.draws; k += threads) {
    const double weight = work.log_ratio[first + k] + log_conditional(work, blockIdx.x, first + k);
    work.log_ratio[first + k] = weight;
    largest = fmax(largest, weight);
  }
  largest = block::block_largest(largest, parts);
  double sum = 0.0;
  double squares = 0.0;
  for (int k = static_cast<int>(threadIdx.x); k < work.draws; k += threads) {
    const double weight = exp(work.log_ratio[first + k] - largest);
    sum += weight;
    squares += weight * weight;
  }
  const double total = block::block_sum(sum, parts);
  const double total_squares = block::block_sum(squares, more_parts);
  if (threadIdx.x == 0) {
    const double count = work.draws;
    work.results[blockIdx.x] = largest + log(total / count);
    // Var(log mean w) is about Var(w) / (K mean(w)^2).
    work.spreads[blockIdx.x] = sqrt(fmax(total_squares / (total * total) - 1.0 / count, 0.0));
  }
}

std::vector<float> in_single(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

Likelihood quadrature(const GaussianDecoder& decoder, const Vae& vae, std::size_t model, MatrixView<float> x,
                      const LikelihoodOptions& options, cudaStream_t stream) {
  check_quadrature(decoder.latent());
  const std::size_t latent = decoder.latent();
  const std::size_t dim = decoder.dim();
  const DevicePoints points(decoder.whiten(x), stream);
  const DeviceArray<float> deviations = to_device(in_single(decoder.deviation()), stream);
  DeviceDecoder device_decoder(vae, model, most_grid_rows, stream);
  DeviceArray<float> codes(most_grid_rows * latent, stream);
  DeviceArray<float> means(most_grid_rows * dim, stream);
  DeviceArray<float> others(most_grid_rows * dim, stream);
  DeviceArray<float> offsets(most_grid_rows, stream);
  const auto integrate = [&](const LatentGrid& grid, const std::vector<double>&, std::size_t& grid_points) {
    LogSums sums(points, stream);
    grid_points = 0;
    for (std::size_t next = 0; next < grid.tiles();) {
      std::vector<float> z;
      next = grid.collect(next, z);
      const std::size_t rows = z.size() / latent;
      if (rows == 0) break;
      grid_points += rows;
      copy_to_device(codes.data(), std::span<const float>(z), stream);
      device_decoder.run(codes.data(), rows, means.data());
      launch(whiten_grid, (rows + threads - 1) / threads, threads, 0, stream, means.data(), codes.data(),
             static_cast<int>(rows), static_cast<int>(dim), static_cast<int>(latent), deviations.data(),
             others.data(), offsets.data());
      sums.add(others.data(), static_cast<int>(rows), offsets.data(), nullptr);
    }
    std::vector<double> out = sums.values();
    const double constant =
        decoder.log_constant() +
        static_cast<double>(latent) * (std::log(grid.step()) - 0.5 * std::log(2.0 * std::numbers::pi));
    for (double& value : out) value += constant;
    return out;
  };
  return refine(latent, latent_radius(decoder.posterior(x)), options, integrate);
}

Likelihood from_draws(const GaussianDecoder& decoder, const Vae& vae, std::size_t model, MatrixView<float> x,
                      const LikelihoodOptions& options, cudaStream_t stream) {
  const bool bound = options.method == LikelihoodMethod::elbo;
  const std::size_t latent = decoder.latent();
  const std::size_t portion = std::clamp<std::size_t>(draws_at_a_time / options.samples, 1, x.rows);
  const std::size_t rows = portion * options.samples;
  const Posterior posterior = decoder.posterior(x);
  const DeviceArray<float> mean = to_device(posterior.mean.values(), stream);
  const DeviceArray<float> variance = to_device(posterior.variance.values(), stream);
  const DeviceArray<float> whitened = to_device(decoder.whiten(x).values(), stream);
  const DeviceArray<float> deviations = to_device(in_single(decoder.deviation()), stream);
  DeviceDecoder device_decoder(vae, model, rows, stream);
  DeviceArray<float> codes(rows * latent, stream);
  DeviceArray<double> log_ratio(rows, stream);
  DeviceArray<float> means(rows * decoder.dim(), stream);
  DeviceArray<double> results(portion, stream);
  DeviceArray<double> spreads(portion, stream);
  Draws work;
  work.seed = options.seed;
  work.step = bound ? kElboStep : kImportanceStep;
  work.draws = static_cast<int>(options.samples);
  work.latent = static_cast<int>(latent);
  work.dim = static_cast<int>(decoder.dim());
  work.mean = mean.data();
  work.variance = variance.data();
  work.whitened = whitened.data();
  work.deviations = deviations.data();
  work.log_constant = decoder.log_constant();
  work.codes = codes.data();
  work.log_ratio = log_ratio.data();
  work.means = means.data();
  work.results = results.data();
  work.spreads = spreads.data();
  Likelihood out;
  out.latent_points = options.samples;
  std::vector<double> errors;
  for (std::size_t first = 0; first < x.rows; first += portion) {
    const std::size_t points = std::min(portion, x.rows - first);
    work.first_point = static_cast<int>(first);
    work.points = static_cast<int>(points);
    const std::size_t drawn = points * options.samples;
    launch(draw_codes, (drawn + threads - 1) / threads, threads, 0, stream, work);
    device_decoder.run(codes.data(), drawn, means.data());
    launch(bound ? mean_conditional : mean_weight, points, threads, 0, stream, work);
    append_to(out.per_point, results, points, stream);
    if (!bound) append_to(errors, spreads, points, stream);
  }
  if (bound) {
    for (std::size_t i = 0; i < x.rows; ++i) out.per_point[i] -= kl_to_prior(posterior, i);
  } else {
    out.error = mean_of(errors).value;
  }
  return out;
}

}  // namespace

Likelihood log_likelihood(const GaussianDecoder& decoder, const Vae& vae, std::size_t model,
                          MatrixView<float> x, const LikelihoodOptions& options, cudaStream_t stream) {
  if (options.method == LikelihoodMethod::quadrature) check_quadrature(decoder.latent());
  if (x.rows == 0) return {};
  if (options.samples == 0) throw UsageError("a likelihood from draws needs at least one draw a point");
  return options.method == LikelihoodMethod::quadrature ? quadrature(decoder, vae, model, x, options, stream)
                                                        : from_draws(decoder, vae, model, x, options, stream);
}

}  // namespace gmmvae::cuda
