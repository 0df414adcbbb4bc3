// Comparisons of samples and clustering on the CUDA backend at 100,000 points and more: what comes out is
// held against brute force in double precision on some rows, against the CPU backend, and against closed
// forms. Prints one JSON object with the times; exits 1 where a result is wrong.

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/vae.hpp"

namespace {

using namespace gmmvae;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPoints = 100000;
constexpr double kBase = 30.0;

class Report {
 public:
  /// One line; `error` is the largest deviation in units of what is allowed.
  void add(const std::string& name, double seconds, double work, const std::string& unit, double error) {
    if (!text_.empty()) text_ += ",\n  ";
    text_ += fmt::format(R"({{"name": "{}", "seconds": {:.4f}, "{}": {:.4g}, "error_over_allowed": {:.3g}}})",
                         name, seconds, unit, work / seconds, error);
    if (!(error <= 1.0)) failed_ = true;
    std::fprintf(stderr, "%s done\n", name.c_str());
  }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] bool failed() const { return failed_; }

 private:
  std::string text_;
  bool failed_ = false;
};

template <class Work>
double seconds_of(const Work& work) {
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Matrix<float> points_of(const Mixture& mixture, std::size_t count, std::uint32_t stream) {
  return make_dataset(mixture, count, 1, stream).x;
}

/// Largest deviation of the sums of some rows from brute force, over what single precision allows.
double error_of_rows(const PointSums& got, const Matrix<float>& own, const Matrix<float>& other,
                     std::size_t neighbors) {
  double worst = 0.0;
  const auto compare = [&](double value, double expected) {
    worst = std::max(worst, std::abs(value - expected) / (256.0 * 0x1p-24 * std::abs(expected) + 1e-6));
  };
  for (std::size_t i = 0; i < own.rows(); i += own.rows() / 100) {
    std::vector<double> within(own.rows());
    double kernels = 0.0, distances = 0.0;
    const auto squared = [&](const Matrix<float>& set, std::size_t j) {
      double sum = 0.0;
      for (std::size_t d = 0; d < own.cols(); ++d) sum += std::pow(double{own(i, d)} - set(j, d), 2);
      return sum;
    };
    for (std::size_t j = 0; j < own.rows(); ++j) {
      within[j] = squared(own, j);
      for (const double scale : {1.0, 0.25, 0.0625, 0.015625})
        kernels += 0.25 * std::exp(-0.5 * within[j] / (kBase * scale));
    }
    for (std::size_t j = 0; j < other.rows(); ++j) distances += std::sqrt(squared(other, j));
    std::nth_element(within.begin(), within.begin() + static_cast<std::ptrdiff_t>(neighbors), within.end());
    compare(got.radius2[i], within[neighbors]);
    compare(got.kernels_own[i], kernels);
    compare(got.distances_other[i], distances);
  }
  return worst;
}

void compare_two_sets(Backend& backend, std::size_t dim, Report& report) {
  const Mixture mixture = draw_mixture({.dim = dim}, 1);
  const Matrix<float> x = points_of(mixture, kPoints, 1), y = points_of(mixture, kPoints, 2);
  ComparisonOptions options;
  options.neighbors = 5;
  options.kernel_base = kBase;
  options.distances = true;
  SampleComparison got;
  const double seconds = seconds_of([&] { got = backend.compare_samples(x, y, options); });
  const double error = std::max(error_of_rows(got.x, x, y, 5), error_of_rows(got.y, y, x, 5));
  report.add(fmt::format("all pairs of 100000 and 100000 points in {} dimensions", dim), seconds,
             4e-9 * static_cast<double>(kPoints) * static_cast<double>(kPoints), "giga_pairs_per_second",
             error);
  // Equal laws: the mean density is 1, a ball in five holds as many points of either set. It scatters by
  // 0.005.
  double density = 0.0;
  for (const std::uint32_t inside : got.y.inside) density += inside / 5.0 / static_cast<double>(kPoints);
  report.add(fmt::format("density of equal laws in {} dimensions", dim), seconds, 1.0, "per_second",
             std::abs(density - 1.0) / 0.025);
}

void slice(Backend& backend, Report& report) {
  const Mixture mixture = draw_mixture({}, 1);
  const Matrix<float> x = points_of(mixture, kPoints, 1);
  Matrix<float> y = x;
  for (std::size_t i = 0; i < y.rows(); ++i) y(i, 0) += 2.0f;  // moves each projection by 2 cos(angle)
  ComparisonOptions options;
  options.directions = 1024;
  SampleComparison got;
  const double seconds = seconds_of([&] { got = backend.compare_samples(x, y, options); });
  const double mean = std::accumulate(got.squared_w2.begin(), got.squared_w2.end(), 0.0) / 1024.0;
  // 4 cos^2 has mean 4/3 and standard deviation 1.2.
  report.add("1024 projections of 100000 and 100000 points", seconds, 1024.0, "projections_per_second",
             std::abs(mean - 4.0 / 3.0) / (5.0 * 1.2 / 32.0));
}

void score(Backend& backend, Report& report) {
  const Mixture mixture = draw_mixture({.components = 100, .dim = 10, .covariance = CovarianceKind::full}, 1);
  const Matrix<float> x = points_of(mixture, kPoints, 1);
  MixtureScores got;
  const double seconds = seconds_of([&] { got = backend.score_mixture(mixture, x); });
  double worst = 0.0;
  for (std::size_t i = 0; i < x.rows(); i += 997) {
    const double expected = mixture.log_density(std::vector<double>(x.row(i).begin(), x.row(i).end()));
    worst = std::max(worst, std::abs(got.log_density[i] - expected) / (1e-11 * (1.0 + std::abs(expected))));
  }
  report.add("100000 points in 100 full components in 10 dimensions", seconds, 1e-9 * 1e7,
             "giga_pairs_per_second", worst);
}

/// Densities of all posteriors' mean and sums of distances by group, against brute force on some rows.
void sum_over_groups(Backend& backend, Report& report) {
  const Mixture mixture = draw_mixture({}, 1);
  const Matrix<float> x = points_of(mixture, kPoints, 1), y = points_of(mixture, kPoints, 2);
  const Posterior posterior{x, Matrix<float>(kPoints, 3, 0.5f)};
  std::vector<double> densities;
  const double density_seconds = seconds_of([&] { densities = backend.log_aggregate(posterior, y); });
  const std::vector<std::size_t> offsets = {0, 10, 50000, 50000, kPoints};
  Matrix<double> sums;
  const double group_seconds = seconds_of([&] { sums = backend.distances_to_groups(y, x, offsets); });
  double density_error = 0.0, group_error = 0.0;
  for (std::size_t i = 0; i < kPoints; i += kPoints / 50) {
    double density = 0.0;
    std::vector<double> expected(4, 0.0);
    for (std::size_t j = 0, g = 0; j < kPoints; ++j) {
      while (j >= offsets[g + 1]) ++g;
      double squared = 0.0;
      for (std::size_t d = 0; d < 3; ++d) squared += std::pow(double{y(i, d)} - x(j, d), 2);
      density += std::exp(-squared) * std::pow(std::numbers::pi, -1.5) / static_cast<double>(kPoints);
      expected[g] += std::sqrt(squared);
    }
    density_error = std::max(density_error, std::abs(densities[i] - std::log(density)) / 1e-4);
    for (std::size_t g = 0; g < 4; ++g)
      group_error =
          std::max(group_error, std::abs(sums(i, g) - expected[g]) / (256.0 * 0x1p-24 * expected[g] + 1e-9));
  }
  const double pairs = 1e-9 * static_cast<double>(kPoints) * static_cast<double>(kPoints);
  report.add("density of 100000 posteriors at 100000 points", density_seconds, pairs, "giga_pairs_per_second",
             density_error);
  report.add("distances of 100000 points to 4 groups of 100000", group_seconds, pairs,
             "giga_pairs_per_second", group_error);
}

/// 100,000 points against the CPU's figures of the first 100: the same grid spacing up to its radius, the
/// same draws.
void integrate(Backend& backend, Report& report) {
  Vae vae;
  vae.architecture = {.data_dim = 3, .latent = 2, .encoder_hidden = {64, 64}, .decoder_hidden = {64, 64}};
  vae.objective.variance_kind = DecoderVarianceKind::fixed;
  vae.objective.decoder_variance = 0.1;
  vae.scaler = {ScaleKind::none, {0.0, 0.0, 0.0}, {1.0, 1.0, 1.0}};
  vae.parameters = initial_parameters(vae.architecture, vae.objective, Initialization::kaiming_normal, 4, 0);
  const Matrix<float> x = points_of(draw_mixture({.spread = 1.0}, 1), kPoints, 1);
  const MatrixView<float> some{x.data(), 100, 3};
  const auto cpu = make_cpu_backend();
  for (const LikelihoodMethod method :
       {LikelihoodMethod::quadrature, LikelihoodMethod::importance, LikelihoodMethod::elbo}) {
    LikelihoodOptions options;
    options.method = method;
    options.samples = 100;
    Likelihood got;
    const double seconds = seconds_of([&] { got = backend.log_likelihood(vae, 0, x, options); });
    const Likelihood expected = cpu->log_likelihood(vae, 0, some, options);
    double worst = 0.0;
    for (std::size_t i = 0; i < some.rows; ++i)
      worst = std::max(worst, std::abs(got.per_point[i] - expected.per_point[i]) / 2e-3);
    const char* name = method == LikelihoodMethod::quadrature   ? "quadrature"
                       : method == LikelihoodMethod::importance ? "100 importance weights"
                                                                : "the bound with 100 draws";
    report.add(fmt::format("{} of 100000 points", name), seconds, static_cast<double>(kPoints),
               "points_per_second", worst);
  }
}

void cluster(Backend& backend, Report& report) {
  const Mixture mixture = draw_mixture({}, 1);
  const Matrix<float> x = points_of(mixture, 1000000, 1);
  const KMeansTask task{x, {.k = 10, .restarts = 3}, 0};
  std::vector<KMeansResult> got;
  backend.kmeans({&task, 1});
  const double seconds = seconds_of([&] { got = backend.kmeans({&task, 1}); });
  const KMeansResult expected = make_cpu_backend()->kmeans({&task, 1}).front();
  // From the same starts both end in one optimum, up to points on a border.
  report.add("k-means of 1000000 points, k = 10, 3 starts", seconds, 1.0, "per_second",
             std::abs(got.front().inertia / expected.inertia - 1.0) / 1e-4);
  MixtureFit fit;
  const double fit_seconds =
      seconds_of([&] { fit = backend.fit_mixture(x, 10, CovarianceKind::full, got.front().labels, {}); });
  const MixtureFit cpu = make_cpu_backend()->fit_mixture(x, 10, CovarianceKind::full, got.front().labels, {});
  report.add("a mixture of 10 full components fitted to 1000000 points", fit_seconds,
             static_cast<double>(fit.iterations), "iterations_per_second",
             std::abs(fit.log_likelihood / cpu.log_likelihood - 1.0) / 1e-9);
}

}  // namespace

int main() {
  try {
    const auto backend = make_backend({.device = "cuda"});
    Report report;
    for (const std::size_t dim : {3, 16, 50}) compare_two_sets(*backend, dim, report);
    slice(*backend, report);
    score(*backend, report);
    sum_over_groups(*backend, report);
    integrate(*backend, report);
    cluster(*backend, report);
    fmt::print("{{\"device\": \"{}\", \"cases\": [\n  {}]}}\n", backend->description(), report.text());
    return report.failed() ? 1 : 0;
  } catch (const Error& error) {
    fmt::print(stderr, "gpu_metrics: {}\n", error.what());
    return static_cast<int>(error.code());
  }
}
