#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gmmvae/error.hpp"
#include "gmmvae/evaluation.hpp"
#include "gmmvae/random.hpp"
#include "host/data/range.hpp"
#include "host/data/rows.hpp"
#include "host/evaluation/latent_metrics.hpp"
#include "host/evaluation/likelihood.hpp"
#include "host/evaluation/two_sample.hpp"
#include "host/vae/sampling.hpp"

namespace gmmvae {

namespace {

constexpr std::size_t kNeighbors = 5;
constexpr std::size_t kLipschitzPoints = 1000;
// Streams of a mixture's points beside 0, which the data set itself is drawn from.
constexpr std::uint32_t kTestStream = 1;
constexpr std::uint32_t kCeilingStream = 2;

Figure figure(double value) {
  return {value, std::nullopt, ""};
}
Figure figure(const Estimate& estimate) {
  return {estimate.value, estimate.standard_error, ""};
}
/// The mean of some values; a single one does not say how far it may be off.
Figure mean_figure(std::span<const double> values) {
  Figure out = figure(mean_of(values));
  if (values.size() < 2) out.error.reset();
  return out;
}
Figure absent(std::string why) {
  return {std::nullopt, std::nullopt, std::move(why)};
}

/// The figure that `compute` returns, or the reason it gives for having none.
template <class Compute>
Figure attempt(const Compute& compute) {
  try {
    Figure out = figure(compute());
    if (std::isfinite(*out.value)) return out;
    return absent("the figure is not a finite number");
  } catch (const DataError& error) {
    return absent(error.what());
  }
}

/// At most `most` rows, drawn without replacement, in their order.
Matrix<float> some_rows(MatrixView<float> x, std::size_t most, std::uint64_t seed) {
  std::vector<std::uint32_t> rows(x.rows);
  std::iota(rows.begin(), rows.end(), 0u);
  if (most < x.rows) {
    const KeyedPermutation order(static_cast<std::uint32_t>(x.rows), seed, Purpose::evaluation, 0, 0);
    for (std::size_t i = 0; i < x.rows; ++i) rows[i] = order(static_cast<std::uint32_t>(i));
    rows.resize(most);
    std::sort(rows.begin(), rows.end());
  }
  return gather_rows(x, rows);
}

/// What all the figures of one evaluation share.
struct Reference {
  const Dataset& data;
  Matrix<float> training;  // [N,D]
  Matrix<float> test;      // [T,D]
  std::string test_points;
  double kernel_base = 0.0;  // total variance of the truth, or of the data
  EvaluationOptions options;
  Backend& backend;

  Reference(Backend& chosen_backend, const Dataset& given, std::span<const std::uint32_t> held_out,
            const EvaluationOptions& chosen)
      : data(given), options(chosen), backend(chosen_backend) {
    if (data.x.rows() == 0) throw DataError("there is no data to evaluate against");
    require_measurable_range(data.x, "the data");
    split(held_out);
    if (data.mixture) {
      test = make_dataset(*data.mixture, options.test, options.seed, kTestStream).x;
      test_points = "fresh points from the known mixture";
    }
    const Matrix<double> covariance = data.mixture ? data.mixture->covariance() : moments(data.x).covariance;
    for (std::size_t d = 0; d < covariance.rows(); ++d) kernel_base += covariance(d, d);
  }

 private:
  void split(std::span<const std::uint32_t> held_out) {
    if (held_out.empty()) {
      training = data.x;
      test = some_rows(data.x, options.test, options.seed);
      test_points = "the data given";
      return;
    }
    std::vector<char> out(data.x.rows(), 0);
    for (std::uint32_t row : held_out) {
      if (row >= out.size())
        throw UsageError(fmt::format("row {} is held out, but the data have {} rows", row, out.size()));
      out[row] = 1;
    }
    std::vector<std::uint32_t> kept;
    for (std::uint32_t row = 0; row < out.size(); ++row)
      if (out[row] == 0) kept.push_back(row);
    training = gather_rows(data.x, kept);
    test = some_rows(gather_rows(data.x, held_out), options.test, options.seed);
    test_points = "points held out of training";
  }
};

MatrixView<float> head(const Matrix<float>& x, std::size_t rows) {
  return {x.data(), rows, x.cols()};
}

/// Everything about the generated points beside the test points that needs all pairs.
SampleComparison compare(MatrixView<float> generated, const Reference& r) {
  ComparisonOptions options;
  options.neighbors = std::min(generated.rows, r.test.rows()) > kNeighbors ? kNeighbors : 0;
  options.kernel_base = r.kernel_base;
  options.kernels_of_x_alone = r.data.mixture.has_value();
  options.distances = true;
  options.directions = r.options.directions;
  options.seed = r.options.seed;
  return r.backend.compare_samples(generated, r.test, options);
}

void add_neighbor_metrics(const SampleComparison& comparison, SampleMetrics& out) {
  try {
    const NeighborMetrics n = neighbor_metrics(comparison.y, comparison.x, kNeighbors);
    out.precision = figure(n.precision);
    out.recall = figure(n.recall);
    out.density = figure(n.density);
    out.coverage = figure(n.coverage);
    out.coverage_of_equal_laws = expected_coverage(comparison.y.rows, comparison.x.rows, kNeighbors);
  } catch (const DataError& error) {
    out.precision = out.recall = out.density = out.coverage = absent(error.what());
  }
}

SampleMetrics sample_metrics(const Matrix<float>& generated, const Reference& r) {
  require_bounded_range(generated, "the generated points");
  SampleMetrics out;
  const auto& truth = r.data.mixture;
  if (truth) {
    out.modes = mode_coverage(r.backend, generated, *truth);
  } else {
    out.modes_absent = "the mixture that the data come from is not known";
  }
  out.sample_variance_ratio =
      r.kernel_base > 0.0
          ? figure(Estimate{variance_ratio(generated, r.data.x), variance_ratio_error(generated, r.data.x)})
          : absent("the data do not vary");
  const SampleComparison comparison = compare(generated, r);
  add_neighbor_metrics(comparison, out);
  out.mmd2 = attempt([&] {
    return truth ? mmd2(r.backend, comparison.x, generated, *truth, r.kernel_base)
                 : mmd2(comparison, r.kernel_base);
  });
  out.sliced_wasserstein = attempt([&] { return sliced_wasserstein(comparison); });
  const std::size_t exact = std::min({r.options.exact_points, generated.rows(), r.test.rows()});
  out.wasserstein = attempt([&] { return wasserstein(head(generated, exact), head(r.test, exact)); });
  const EnergyDistance energy = energy_distance(comparison);
  out.energy_distance = figure(energy.distance);
  out.energy_distance_of_equal_laws = energy.expected;
  return out;
}

Figure one_gaussian(Reference& r, MatrixView<float> points) {
  return attempt([&] {
    const Moments fitted = moments(r.training);
    Matrix<double> mean(1, fitted.mean.size(), fitted.mean);
    const Mixture gaussian({1.0}, std::move(mean), {fitted.covariance});
    return mean_of(r.backend.score_mixture(gaussian, points).log_density);
  });
}

void compare_with_truth(Reference& r, MatrixView<float> points, const std::vector<double>& model,
                        LikelihoodMetrics& out) {
  const std::string unknown = "the mixture that the data come from is not known";
  out.true_log_likelihood = out.kl_data_model = out.entropy_lower = out.entropy_upper = absent(unknown);
  if (!r.data.mixture) return;
  std::vector<double> truth = r.backend.score_mixture(*r.data.mixture, points).log_density;
  out.true_log_likelihood = mean_figure(truth);
  for (std::size_t i = 0; i < truth.size(); ++i) truth[i] -= model[i];
  out.kl_data_model = mean_figure(truth);
  out.entropy_lower = figure(r.data.mixture->entropy_lower_bound());
  out.entropy_upper = figure(r.data.mixture->entropy_upper_bound());
}

Figure bound(Reference& r, const Vae& vae, std::size_t model, MatrixView<float> points) {
  LikelihoodOptions how;
  how.method = LikelihoodMethod::elbo;
  how.samples = r.options.elbo_draws;
  how.seed = r.options.seed;
  return mean_figure(r.backend.log_likelihood(vae, model, points, how).per_point);
}

LikelihoodMetrics likelihood_metrics(Reference& r, const Vae& vae, std::size_t model) {
  LikelihoodMetrics out;
  out.elbo = bound(r, vae, model, r.test);
  out.elbo_train = bound(r, vae, model, r.training);
  const bool grid = vae.architecture.latent <= kQuadratureLatent;
  LikelihoodOptions how;
  how.method = grid ? LikelihoodMethod::quadrature : LikelihoodMethod::importance;
  how.samples = r.options.importance_samples;
  how.seed = r.options.seed;
  out.points = grid ? r.test.rows() : std::min(r.options.importance_points, r.test.rows());
  const MatrixView<float> points = head(r.test, out.points);
  const Likelihood likelihood = r.backend.log_likelihood(vae, model, points, how);
  out.method = grid ? "quadrature" : "iwae";
  out.method_error = likelihood.error;
  out.latent_points = likelihood.latent_points;
  out.log_likelihood = mean_figure(likelihood.per_point);
  out.one_gaussian = one_gaussian(r, points);
  compare_with_truth(r, points, likelihood.per_point, out);
  return out;
}

Evaluation start(Reference& r, std::size_t count) {
  Evaluation out;
  out.count = count;
  out.test = r.test.rows();
  out.test_points = r.test_points;
  if (r.data.mixture && r.options.ceiling)
    out.truth = sample_metrics(make_dataset(*r.data.mixture, count, r.options.seed, kCeilingStream).x, r);
  return out;
}

void check_dimensions(const char* what, std::size_t columns, const Dataset& data) {
  if (columns != data.x.cols())
    throw DataError(fmt::format("{} {} columns, but the data have {}", what, columns, data.x.cols()));
}

}  // namespace

Evaluation evaluate(Backend& backend, const Vae& vae, std::size_t model, const Dataset& data,
                    std::span<const std::uint32_t> held_out, const EvaluationOptions& options) {
  check_dimensions("the model was trained on data with", vae.architecture.data_dim, data);
  if (options.count == 0 || options.test == 0)
    throw UsageError("an evaluation needs at least one point on either side");
  Reference reference(backend, data, held_out, options);
  Evaluation out = start(reference, options.count);
  out.samples =
      sample_metrics(sample_model(backend, vae, model, options.count, true, options.seed), reference);
  const Matrix<float> means = sample_model(backend, vae, model, options.count, false, options.seed);
  out.noise_free = sample_metrics(means, reference);
  out.likelihood = likelihood_metrics(reference, vae, model);
  out.latent = latent_metrics(backend, encode_points(backend, vae, model, reference.test), options.seed);
  out.lipschitz = decoder_lipschitz(backend, vae, model, kLipschitzPoints, options.seed);
  // A single point cannot show whether the posterior depends on the data: then all the data have to.
  std::optional<LatentMetrics> more;
  if (reference.test.rows() < 2)
    more = latent_metrics(backend, encode_points(backend, vae, model, data.x), options.seed);
  const LatentMetrics& shown = more ? *more : *out.latent;
  if (std::max(reference.test.rows(), data.x.rows()) > 1)
    out.verdict =
        judge({shown.kl_per_dimension, shown.posterior_mean_variance, variance_ratio(means, data.x)});
  return out;
}

Evaluation evaluate(Backend& backend, const Dataset& data, MatrixView<float> generated,
                    const EvaluationOptions& options) {
  check_dimensions("the generated points have", generated.cols, data);
  if (generated.rows == 0) throw DataError("there are no generated points to evaluate");
  Reference reference(backend, data, {}, options);
  Evaluation out = start(reference, generated.rows);
  out.samples =
      sample_metrics(Matrix<float>(generated.rows, generated.cols,
                                   std::vector<float>(generated.data, generated.data + generated.size())),
                     reference);
  return out;
}

}  // namespace gmmvae
