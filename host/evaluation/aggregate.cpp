#include <algorithm>
#include <cmath>
#include <numbers>

#include "host/evaluation/comparison.hpp"
#include "host/parallel/lanes.hpp"

namespace gmmvae {

namespace {

// log sum_j N(z_i; mean_j, diag variance_j) for the sixteen z of a block. `rows` is [N][2 Z + 1]: means,
// inverse variances, log normaliser.
GMMVAE_CLONES void log_mixture(const float* block, const float* rows, std::size_t count, std::size_t latent,
                               double* out) {
  const std::size_t stride = 2 * latent + 1;
  const auto term = [&](std::size_t j, Lanes & to) __attribute__((always_inline)) {
    const float* row = rows + j * stride;
    Lanes distance = {};
    for (std::size_t d = 0; d < latent; ++d) {
      Lanes x;
      load(block + d * kLanes, x);
      x -= row[d];
      distance += x * x * row[latent + d];
    }
    to = row[2 * latent] - 0.5f * distance;
  };
  Lanes most = Lanes{} - 1e30f;
  for (std::size_t j = 0; j < count; ++j) {
    Lanes t;
    term(j, t);
    most = t > most ? t : most;
  }
  double sums[kLanes] = {};
  for (std::size_t start = 0; start < count; start += 256) {
    Lanes sum = {};
    for (std::size_t j = start; j < std::min(count, start + 256); ++j) {
      Lanes t;
      term(j, t);
      t -= most;
      exponential(t);
      sum += t;
    }
    for (std::size_t l = 0; l < kLanes; ++l) sums[l] += sum[l];
  }
  for (std::size_t l = 0; l < kLanes; ++l) out[l] = most[l] + std::log(sums[l]);
}

}  // namespace

std::vector<double> log_aggregate(const Posterior& posterior, MatrixView<float> z, ThreadPool& pool) {
  const std::size_t n = posterior.mean.rows(), latent = z.cols;
  Matrix<float> rows(n, 2 * latent + 1);
  for (std::size_t i = 0; i < n; ++i) {
    double normaliser = -0.5 * static_cast<double>(latent) * std::log(2.0 * std::numbers::pi);
    for (std::size_t j = 0; j < latent; ++j) {
      rows(i, j) = posterior.mean(i, j);
      rows(i, latent + j) = 1.0f / posterior.variance(i, j);
      normaliser -= 0.5 * std::log(static_cast<double>(posterior.variance(i, j)));
    }
    rows(i, 2 * latent) = static_cast<float>(normaliser);
  }
  std::vector<double> out(z.rows);
  const LaneBlocks blocks(z);
  pool.for_range(blocks.blocks(), 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end; ++b) {
      double values[kLanes];
      log_mixture(blocks.block(b), rows.data(), n, latent, values);
      for (std::size_t l = 0; l < blocks.filled(b); ++l)
        out[b * kLanes + l] = values[l] - std::log(static_cast<double>(n));
    }
  });
  return out;
}

}  // namespace gmmvae
