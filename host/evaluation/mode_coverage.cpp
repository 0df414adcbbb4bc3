#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "gmmvae/error.hpp"
#include "gmmvae/evaluation.hpp"
#include "host/evaluation/chi_square.hpp"

namespace gmmvae {

namespace {

// First and second moments of a mode's high-quality samples, whitened by the component: L^-1 (x - mean).
struct ModeMoments {
  std::size_t count = 0;
  std::vector<double> sum;      // [D]
  std::vector<double> product;  // [D,D], lower triangle
};

void whiten(const Mixture& mixture, std::size_t k, std::span<const double> x, std::vector<double>& out) {
  const Matrix<double>& l = mixture.cholesky(k);
  for (std::size_t i = 0; i < x.size(); ++i) {
    double value = x[i] - mixture.means()(k, i);
    for (std::size_t j = 0; j < i; ++j) value -= l(i, j) * out[j];
    out[i] = value / l(i, i);
  }
}

void add(ModeMoments& moments, std::span<const double> white) {
  const std::size_t dim = white.size();
  ++moments.count;
  for (std::size_t i = 0; i < dim; ++i) {
    moments.sum[i] += white[i];
    for (std::size_t j = 0; j <= i; ++j) moments.product[i * dim + j] += white[i] * white[j];
  }
}

double mean_error(const ModeMoments& m) {
  double sum = 0.0;
  for (double s : m.sum) sum += (s / m.count) * (s / m.count);
  return std::sqrt(sum);
}

// `shrink` is what the cut at the quantile leaves of a standard normal's variance.
double covariance_error(const ModeMoments& m, double shrink) {
  const std::size_t dim = m.sum.size();
  double sum = 0.0;
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double cov = (m.product[i * dim + j] - m.sum[i] * m.sum[j] / m.count) / (m.count - 1.0);
      const double error = cov / shrink - (i == j ? 1.0 : 0.0);
      sum += (i == j ? 1.0 : 2.0) * error * error;
    }
  }
  return std::sqrt(sum / dim);
}

// Standard error of f(q) for shares q of n counts, where its gradient's element k is slope(k): the delta
// method, with the variance `second_order` that is left where the gradient is constant.
template <class Slope>
double share_error(const std::vector<double>& q, double n, double second_order, const Slope& slope) {
  double mean = 0.0, squares = 0.0;
  for (std::size_t k = 0; k < q.size(); ++k) {
    if (q[k] == 0.0) continue;
    mean += q[k] * slope(k);
    squares += q[k] * slope(k) * slope(k);
  }
  return std::sqrt(std::max(squares - mean * mean, 0.0) / n + second_order);
}

// At equal shares 2 N KL is chi-square with K - 1 degrees of freedom, and so is 8 N times the Jensen-Shannon
// divergence.
void add_share_errors(const std::vector<double>& q, const std::vector<double>& w, double n,
                      ModeCoverage& out) {
  const double chi_square = 2.0 * (static_cast<double>(w.size()) - 1.0);
  out.reverse_kl_error =
      share_error(q, n, chi_square / (4.0 * n * n), [&](std::size_t k) { return std::log(q[k] / w[k]); });
  if (out.forward_kl)
    out.forward_kl_error =
        share_error(q, n, chi_square / (4.0 * n * n), [&](std::size_t k) { return -w[k] / q[k]; });
  out.total_variation_error = share_error(q, n, 0.0, [&](std::size_t k) { return q[k] > w[k] ? 0.5 : -0.5; });
  out.jensen_shannon_error = share_error(q, n, chi_square / (64.0 * n * n), [&](std::size_t k) {
    return 0.5 * std::log(q[k] / (0.5 * (q[k] + w[k])));
  });
}

// Divergences between the shares q of the modes and their weights w; both sum to 1, w is positive.
void compare_shares(const std::vector<double>& q, const std::vector<double>& w, ModeCoverage& out) {
  double reverse = 0.0, forward = 0.0, variation = 0.0, jensen = 0.0;
  bool all = true;
  for (std::size_t k = 0; k < w.size(); ++k) {
    const double middle = 0.5 * (q[k] + w[k]);
    if (q[k] > 0.0) {
      reverse += q[k] * std::log(q[k] / w[k]);
      forward += w[k] * std::log(w[k] / q[k]);
      jensen += 0.5 * q[k] * std::log(q[k] / middle);
    } else {
      all = false;
    }
    jensen += 0.5 * w[k] * std::log(w[k] / middle);
    variation += 0.5 * std::abs(q[k] - w[k]);
  }
  out.reverse_kl = std::max(reverse, 0.0);  // rounding alone can make a perfect match negative
  if (all) out.forward_kl = std::max(forward, 0.0);
  out.total_variation = variation;
  out.jensen_shannon = std::max(jensen, 0.0);
}

void summarise(const std::vector<ModeMoments>& modes, const Mixture& truth, std::size_t count, double radius2,
               ModeCoverage& out) {
  const std::size_t dim = truth.dim();
  // E[x_i^2 | |x|^2 <= r] of a standard normal is P(chi2_{D+2} <= r) / P(chi2_D <= r).
  const double shrink = chi_square_cdf(radius2, dim + 2.0) / chi_square_cdf(radius2, dim);
  std::size_t good = 0;
  for (const ModeMoments& mode : modes) good += mode.count;
  const double n = static_cast<double>(count);
  for (std::size_t k = 0; k < modes.size(); ++k) {
    const ModeMoments& mode = modes[k];
    const double mass = mode.count / n;
    const double weight = truth.weights()[k];
    out.mass.push_back(mass);
    out.recall_mass += std::min(weight, mass);
    if (mode.count > 0) ++out.hit;
    if (mode.count > 0 && mode.count >= kCapturedFraction * weight * n * (1.0 - 1e-12)) ++out.captured;
    out.mean_error.push_back(mode.count > 0 ? std::optional(mean_error(mode)) : std::nullopt);
    out.covariance_error.push_back(mode.count > dim ? std::optional(covariance_error(mode, shrink))
                                                    : std::nullopt);
  }
  out.high_quality = good / n;
  out.high_quality_error = std::sqrt(out.high_quality * (1.0 - out.high_quality) / n);
  out.bridge_mass = 1.0 - out.high_quality;
  double short_of_weight = 0.0;  // mass of the modes whose masses count in full
  for (std::size_t k = 0; k < modes.size(); ++k)
    short_of_weight += out.mass[k] < truth.weights()[k] ? out.mass[k] : 0.0;
  out.recall_mass_error = std::sqrt(short_of_weight * (1.0 - short_of_weight) / n);
  if (good == 0) return;
  std::vector<double> shares;
  shares.reserve(modes.size());
  for (const ModeMoments& mode : modes) shares.push_back(mode.count / static_cast<double>(good));
  compare_shares(shares, truth.weights(), out);
  add_share_errors(shares, truth.weights(), static_cast<double>(good), out);
  out.reverse_kl_floor = (truth.components() - 1.0) / (2.0 * n);
}

}  // namespace

ModeCoverage mode_coverage(Backend& backend, MatrixView<float> samples, const Mixture& truth) {
  const std::size_t dim = truth.dim();
  if (samples.rows == 0) throw DataError("mode coverage needs at least one sample, but there is none");
  if (samples.cols != dim)
    throw DataError(
        fmt::format("the samples have {} columns, but the mixture has {} dimensions", samples.cols, dim));
  const double radius2 = chi_square_quantile(kHighQualityMass, static_cast<double>(dim));
  const MixtureScores scores = backend.score_mixture(truth, samples);
  std::vector<ModeMoments> modes(truth.components(),
                                 {0, std::vector<double>(dim), std::vector<double>(dim * dim)});
  std::vector<double> x(dim), white(dim);
  for (std::size_t i = 0; i < samples.rows; ++i) {
    if (!(scores.squared_distance[i] <= radius2)) continue;
    const auto nearest = static_cast<std::size_t>(scores.nearest[i]);
    const auto row = samples.row(i);
    std::copy(row.begin(), row.end(), x.begin());
    whiten(truth, nearest, x, white);
    add(modes[nearest], white);
  }
  ModeCoverage out;
  out.total = truth.components();
  out.high_quality_ceiling = kHighQualityMass;
  summarise(modes, truth, samples.rows, radius2, out);
  return out;
}

ModeCoverage mode_coverage(MatrixView<float> samples, const Mixture& truth) {
  return mode_coverage(*make_cpu_backend(1), samples, truth);
}

}  // namespace gmmvae
