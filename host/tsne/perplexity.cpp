#include <algorithm>
#include <cmath>
#include <vector>

#include "host/parallel/lanes.hpp"
#include "host/tsne/affinities.hpp"

namespace gmmvae::tsne {
namespace {

// The entropy is met to this many nats; a hundred times better than single-precision probabilities can tell.
constexpr double kTolerance = 1e-9;
constexpr int kMostSteps = 100;

struct Sums {
  double weight;   ///< sum of w = exp(-beta d2)
  double squared;  ///< sum of w d2
  double fourth;   ///< sum of w d2^2
};

/// d2 [count] is padded to full lanes with infinities, whose weight is 0.
GMMVAE_CLONES void weigh(const double* d2, std::size_t count, double beta, double* weights, Sums& sums) {
  DoubleLanes weight = {}, squared = {}, fourth = {};
  for (std::size_t i = 0; i < count; i += kDoubleLanes) {
    DoubleLanes d, w;
    load(d2 + i, d);
    w = -beta * d;
    exponential(w);
    store(w, weights + i);
    const LongLanes padding = d > 1e300;
    d = padding ? DoubleLanes{} : d;
    weight += w;
    squared += w * d;
    fourth += w * d * d;
  }
  sums = {};
  for (std::size_t l = 0; l < kDoubleLanes; ++l) {
    sums.weight += weight[l];
    sums.squared += squared[l];
    sums.fourth += fourth[l];
  }
}

}  // namespace

double calibrate_row(std::span<float> row, double perplexity) {
  const std::size_t padded = (row.size() + kDoubleLanes - 1) / kDoubleLanes * kDoubleLanes;
  std::vector<double> d2(padded, HUGE_VAL), weights(padded);
  // Taking the least distance off changes nothing but a common factor, and keeps the largest weight at 1: no
  // row can underflow as a whole, however far away the point lies. In units of the mean the search starts
  // near its goal.
  const float least = *std::min_element(row.begin(), row.end());
  double mean = 0.0;
  for (std::size_t i = 0; i < row.size(); ++i) mean += d2[i] = static_cast<double>(row[i]) - least;
  mean /= static_cast<double>(row.size());
  const double ties = static_cast<double>(std::count(row.begin(), row.end(), least));
  if (mean <= 0.0 || perplexity >= static_cast<double>(row.size())) {
    std::fill(row.begin(), row.end(), 1.0f / static_cast<float>(row.size()));
    return static_cast<double>(row.size());
  }
  if (perplexity <= ties) {
    for (float& p : row) p = p == least ? static_cast<float>(1.0 / ties) : 0.0f;
    return ties;
  }
  for (std::size_t i = 0; i < row.size(); ++i) d2[i] /= mean;

  // H(beta) = log(sum w) + beta <d2> falls from log k to log(ties). In t = log(beta) its derivative is
  // -beta^2 Var(d2): Newton's step, or the middle of the bracket where that leaves it.
  const double goal = std::log(perplexity);
  double low = -60.0, high = 60.0, t = 0.0, entropy = 0.0;
  Sums sums{};
  for (int step = 0; step < kMostSteps; ++step) {
    const double beta = std::exp(t);
    weigh(d2.data(), padded, beta, weights.data(), sums);
    const double average = sums.squared / sums.weight;
    entropy = std::log(sums.weight) + beta * average;
    if (std::abs(entropy - goal) < kTolerance) break;
    (entropy > goal ? low : high) = t;
    const double variance = sums.fourth / sums.weight - average * average;
    const double newton = t + (entropy - goal) / (beta * beta * variance);
    t = newton > low && newton < high ? newton : 0.5 * (low + high);
  }
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<float>(weights[i] / sums.weight);
  return std::exp(entropy);
}

}  // namespace gmmvae::tsne
