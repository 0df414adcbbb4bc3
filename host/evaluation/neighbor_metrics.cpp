#include <fmt/core.h>

#include <cmath>
#include <span>

#include "gmmvae/error.hpp"
#include "host/evaluation/two_sample.hpp"

namespace gmmvae {

namespace {

Estimate fraction(std::size_t hits, std::size_t count) {
  const double p = static_cast<double>(hits) / static_cast<double>(count);
  return {p, std::sqrt(p * (1.0 - p) / static_cast<double>(count))};
}

std::size_t count_positive(std::span<const std::uint32_t> counts) {
  std::size_t positive = 0;
  for (std::uint32_t c : counts) positive += c > 0 ? 1 : 0;
  return positive;
}

Estimate mean_over(std::span<const std::uint32_t> counts, double divisor) {
  double sum = 0.0, squares = 0.0;
  for (std::uint32_t c : counts) {
    const double value = c / divisor;
    sum += value;
    squares += value * value;
  }
  const auto n = static_cast<double>(counts.size());
  const double mean = sum / n;
  return {mean, std::sqrt(std::max(squares / n - mean * mean, 0.0) / n)};
}

}  // namespace

double expected_coverage(std::size_t real, std::size_t generated, std::size_t k) {
  double missed = 1.0;
  const auto n = static_cast<double>(real);
  for (std::size_t i = 1; i <= k; ++i) missed *= (n - i) / (static_cast<double>(generated) + n - i);
  return 1.0 - missed;
}

NeighborMetrics neighbor_metrics(const PointSums& real, const PointSums& generated, std::size_t k) {
  if (real.rows <= k || generated.rows <= k)
    throw DataError(
        fmt::format("neighbour metrics with k = {} need more than {} points on either side, but there "
                    "are {} real and {} generated ones",
                    k, k, real.rows, generated.rows));
  std::size_t covered = 0;
  for (std::size_t i = 0; i < real.rows; ++i) covered += real.nearest2[i] <= real.radius2[i] ? 1 : 0;
  NeighborMetrics out;
  out.precision = fraction(count_positive(generated.inside), generated.rows);
  out.recall = fraction(count_positive(real.inside), real.rows);
  out.density = mean_over(generated.inside, static_cast<double>(k));
  out.coverage = fraction(covered, real.rows);
  return out;
}

NeighborMetrics neighbor_metrics(Backend& backend, MatrixView<float> real, MatrixView<float> generated,
                                 std::size_t k) {
  ComparisonOptions options;
  options.neighbors = real.rows > k && generated.rows > k ? k : 0;
  const SampleComparison comparison = backend.compare_samples(real, generated, options);
  return neighbor_metrics(comparison.x, comparison.y, k);
}

}  // namespace gmmvae
