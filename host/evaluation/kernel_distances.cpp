#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

#include "gmmvae/error.hpp"
#include "host/evaluation/two_sample.hpp"

namespace gmmvae {

namespace {

constexpr double kScales[] = {1.0, 1.0 / 4.0, 1.0 / 16.0, 1.0 / 64.0};

void need_points(const char* what, std::size_t x, std::size_t y, std::size_t least) {
  if (x < least || y < least)
    throw DataError(fmt::format("{} needs at least {} points on either side, but there are {} and {}", what,
                                least, x, y));
}

double mean(std::span<const double> values) {
  double sum = 0.0;
  for (double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double variance(std::span<const double> values) {
  const double middle = mean(values);
  double sum = 0.0;
  for (double v : values) sum += (v - middle) * (v - middle);
  return values.size() > 1 ? sum / (static_cast<double>(values.size()) - 1.0) : 0.0;
}

// The mixture whose components are widened by `extra` I and by one more covariance, if given.
Mixture widened(const Mixture& truth, double extra, const Matrix<double>* more) {
  std::vector<Matrix<double>> covariances = truth.covariances();
  for (Matrix<double>& c : covariances) {
    if (more != nullptr)
      for (std::size_t i = 0; i < c.size(); ++i) c.data()[i] += more->data()[i];
    for (std::size_t i = 0; i < truth.dim(); ++i) c(i, i) += extra;
  }
  return Mixture(truth.weights(), truth.means(), std::move(covariances));
}

// exp(-|x-y|^2 / (2 l^2)) is (2 pi l^2)^(D/2) N(x; y, l^2 I), and a Gaussian convolved with a Gaussian is
// one: the kernel's mean over the mixture is the density of the widened mixture.
double log_kernel_constant(double squared_length, std::size_t dim) {
  return 0.5 * static_cast<double>(dim) * std::log(2.0 * std::numbers::pi * squared_length);
}

double truth_with_itself(const Mixture& truth, double base) {
  double sum = 0.0;
  for (double scale : kScales) {
    const double constant = log_kernel_constant(base * scale, truth.dim());
    for (std::size_t k = 0; k < truth.components(); ++k) {
      const Mixture wide = widened(truth, base * scale, &truth.covariances()[k]);
      sum += 0.25 * truth.weights()[k] * std::exp(constant + wide.log_density(truth.means().row(k)));
    }
  }
  return sum;
}

// [N] mean kernel between each sample and the mixture.
std::vector<double> samples_with_truth(Backend& backend, MatrixView<float> x, const Mixture& truth,
                                       double base) {
  std::vector<double> out(x.rows, 0.0);
  for (double scale : kScales) {
    const MixtureScores wide = backend.score_mixture(widened(truth, base * scale, nullptr), x);
    const double constant = log_kernel_constant(base * scale, truth.dim());
    for (std::size_t i = 0; i < x.rows; ++i) out[i] += 0.25 * std::exp(constant + wide.log_density[i]);
  }
  return out;
}

// [N] mean kernel (self excluded) of each point with its own set.
std::vector<double> kernel_means_within(const PointSums& points) {
  std::vector<double> sums = points.kernels_own;
  for (double& s : sums) s = (s - 1.0) / (static_cast<double>(points.rows) - 1.0);
  return sums;
}

// A U-statistic of two arguments with row means h_i has variance near 4 Var(h_i) / N. Under equal laws that
// term vanishes and the next, 2 E[h^2] / N^2, is left: kernels are below 1, so 2 E[k^2] / N^2 <= 2 E[k] / N^2
// bounds it.
double u_statistic_variance(double row_variance, double kernel_mean, std::size_t n) {
  const auto count = static_cast<double>(n);
  return 4.0 * row_variance / count + 2.0 * kernel_mean / (count * count);
}

}  // namespace

Estimate mmd2(const SampleComparison& comparison, double base) {
  const PointSums &x = comparison.x, &y = comparison.y;
  need_points("the maximum mean discrepancy", x.rows, y.rows, 2);
  if (!(base > 0.0))
    throw DataError("the maximum mean discrepancy needs data that vary, but every point is the same");
  const std::vector<double> xx = kernel_means_within(x), yy = kernel_means_within(y);
  std::vector<double> xy = x.kernels_other, yx = y.kernels_other;
  const double xx_mean = mean(xx), yy_mean = mean(yy);
  for (double& v : xy) v /= static_cast<double>(y.rows);
  for (double& v : yx) v /= static_cast<double>(x.rows);
  const double value = xx_mean + yy_mean - 2.0 * mean(xy);
  for (std::size_t i = 0; i < x.rows; ++i) xy[i] = xx[i] - xy[i];
  for (std::size_t j = 0; j < y.rows; ++j) yx[j] = yy[j] - yx[j];
  return {value, std::sqrt(u_statistic_variance(variance(xy), xx_mean, x.rows) +
                           u_statistic_variance(variance(yx), yy_mean, y.rows))};
}

Estimate mmd2(Backend& backend, MatrixView<float> x, MatrixView<float> y, double base) {
  ComparisonOptions options;
  options.kernel_base = std::max(base, 0.0);
  return mmd2(backend.compare_samples(x, y, options), base);
}

Estimate mmd2(Backend& backend, const PointSums& sums, MatrixView<float> x, const Mixture& truth,
              double base) {
  need_points("the maximum mean discrepancy", x.rows, x.rows, 2);
  const std::vector<double> xx = kernel_means_within(sums);
  std::vector<double> xt = samples_with_truth(backend, x, truth, base);
  const double xx_mean = mean(xx);
  const double value = xx_mean + truth_with_itself(truth, base) - 2.0 * mean(xt);
  for (std::size_t i = 0; i < x.rows; ++i) xt[i] = xx[i] - xt[i];
  return {value, std::sqrt(u_statistic_variance(variance(xt), xx_mean, x.rows))};
}

Estimate mmd2(Backend& backend, MatrixView<float> x, const Mixture& truth, double base) {
  need_points("the maximum mean discrepancy", x.rows, x.rows, 2);
  ComparisonOptions options;
  options.kernel_base = base;
  options.kernels_of_x_alone = true;
  return mmd2(backend, backend.compare_samples(x, x, options).x, x, truth, base);
}

EnergyDistance energy_distance(const SampleComparison& comparison) {
  const PointSums &x = comparison.x, &y = comparison.y;
  need_points("the energy distance", x.rows, y.rows, 1);
  const auto n = static_cast<double>(x.rows), m = static_cast<double>(y.rows);
  std::vector<double> xx = x.distances_own, yy = y.distances_own;
  const std::vector<double>&xy = x.distances_other, &yx = y.distances_other;
  const double within_x = mean(xx) / n, within_y = mean(yy) / m;
  EnergyDistance out;
  out.distance.value = std::max(2.0 * mean(xy) / m - within_x - within_y, 0.0);
  const double unbiased = y.rows > 1 ? within_y * m / (m - 1.0) : 0.0;
  out.expected = (1.0 / n + 1.0 / m) * unbiased;
  for (std::size_t i = 0; i < x.rows; ++i) xx[i] = xy[i] / m - xx[i] / n;
  for (std::size_t j = 0; j < y.rows; ++j) yy[j] = yx[j] / n - yy[j] / m;
  // Under equal laws the first-order terms vanish and the statistic scatters about as much as its own mean.
  out.distance.standard_error =
      std::sqrt(4.0 * variance(xx) / n + 4.0 * variance(yy) / m + out.expected * out.expected);
  return out;
}

EnergyDistance energy_distance(Backend& backend, MatrixView<float> x, MatrixView<float> y) {
  ComparisonOptions options;
  options.distances = true;
  return energy_distance(backend.compare_samples(x, y, options));
}

}  // namespace gmmvae
