#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "gmmvae/error.hpp"
#include "gmmvae/evaluation.hpp"
#include "gmmvae/random.hpp"
#include "host/data/rows.hpp"
#include "host/evaluation/latent_metrics.hpp"
#include "host/evaluation/likelihood.hpp"
#include "host/evaluation/two_sample.hpp"
#include "host/parallel/thread_pool.hpp"
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
  ThreadPool pool;

  Reference(const Dataset& given, std::span<const std::uint32_t> held_out, const EvaluationOptions& chosen)
      : data(given), options(chosen), pool(chosen.threads == 0 ? available_threads() : chosen.threads) {
    if (data.x.rows() == 0) throw DataError("there is no data to evaluate against");
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
    for (std::uint32_t row : held_out) out[row] = 1;
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

SampleMetrics sample_metrics(const Matrix<float>& generated, Reference& r) {
  SampleMetrics out;
  const auto& truth = r.data.mixture;
  if (truth) {
    out.modes = mode_coverage(generated, *truth);
  } else {
    out.modes_absent = "the mixture that the data come from is not known";
  }
  out.sample_variance_ratio =
      r.kernel_base > 0.0 ? figure(variance_ratio(generated, r.data.x)) : absent("the data do not vary");
  try {
    const NeighborMetrics n = neighbor_metrics(r.test, generated, kNeighbors, r.pool);
    out.precision = figure(n.precision);
    out.recall = figure(n.recall);
    out.density = figure(n.density);
    out.coverage = figure(n.coverage);
    out.coverage_of_equal_laws = expected_coverage(r.test.rows(), generated.rows(), kNeighbors);
  } catch (const DataError& error) {
    out.precision = out.recall = out.density = out.coverage = absent(error.what());
  }
  out.mmd2 = attempt([&] {
    return truth ? mmd2(generated, *truth, r.kernel_base, r.pool)
                 : mmd2(generated, r.test, r.kernel_base, r.pool);
  });
  out.sliced_wasserstein = attempt(
      [&] { return sliced_wasserstein(generated, r.test, r.options.directions, r.options.seed, r.pool); });
  const std::size_t exact = std::min({r.options.exact_points, generated.rows(), r.test.rows()});
  out.wasserstein = attempt([&] { return wasserstein(head(generated, exact), head(r.test, exact)); });
  const EnergyDistance energy = energy_distance(generated, r.test, r.pool);
  out.energy_distance = figure(energy.distance);
  out.energy_distance_of_equal_laws = energy.expected;
  return out;
}

std::vector<double> log_densities(const Mixture& mixture, MatrixView<float> x, ThreadPool& pool) {
  std::vector<double> out(x.rows);
  pool.for_range(x.rows, 256, [&](std::size_t begin, std::size_t end) {
    std::vector<double> point(x.cols);
    for (std::size_t i = begin; i < end; ++i) {
      std::copy(x.row(i).begin(), x.row(i).end(), point.begin());
      out[i] = mixture.log_density(point);
    }
  });
  return out;
}

Figure one_gaussian(Reference& r, MatrixView<float> points) {
  return attempt([&] {
    const Moments fitted = moments(r.training);
    Matrix<double> mean(1, fitted.mean.size(), fitted.mean);
    const Mixture gaussian({1.0}, std::move(mean), {fitted.covariance});
    return mean_of(log_densities(gaussian, points, r.pool));
  });
}

void compare_with_truth(Reference& r, MatrixView<float> points, const std::vector<double>& model,
                        LikelihoodMetrics& out) {
  const std::string unknown = "the mixture that the data come from is not known";
  out.true_log_likelihood = out.kl_data_model = out.entropy_lower = out.entropy_upper = absent(unknown);
  if (!r.data.mixture) return;
  std::vector<double> truth = log_densities(*r.data.mixture, points, r.pool);
  out.true_log_likelihood = figure(mean_of(truth));
  for (std::size_t i = 0; i < truth.size(); ++i) truth[i] -= model[i];
  out.kl_data_model = figure(mean_of(truth));
  out.entropy_lower = figure(r.data.mixture->entropy_lower_bound());
  out.entropy_upper = figure(r.data.mixture->entropy_upper_bound());
}

LikelihoodMetrics likelihood_metrics(const GaussianDecoder& decoder, Reference& r) {
  const EvaluationOptions& o = r.options;
  LikelihoodMetrics out;
  out.elbo = figure(mean_of(elbo(decoder, r.test, o.elbo_draws, o.seed, r.pool)));
  out.elbo_train = figure(mean_of(elbo(decoder, r.training, o.elbo_draws, o.seed, r.pool)));
  LikelihoodOptions how;
  how.samples = o.importance_samples;
  how.seed = o.seed;
  const bool grid = decoder.latent() <= kQuadratureLatent;
  out.points = grid ? r.test.rows() : std::min(o.importance_points, r.test.rows());
  const MatrixView<float> points = head(r.test, out.points);
  const Likelihood likelihood = grid ? quadrature_likelihood(decoder, points, how, r.pool)
                                     : importance_likelihood(decoder, points, how, r.pool);
  out.method = grid ? "quadrature" : "iwae";
  out.method_error = likelihood.error;
  out.latent_points = likelihood.latent_points;
  out.log_likelihood = figure(mean_of(likelihood.per_point));
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
  Reference reference(data, held_out, options);
  Evaluation out = start(reference, options.count);
  out.samples =
      sample_metrics(sample_model(backend, vae, model, options.count, true, options.seed), reference);
  const Matrix<float> means = sample_model(backend, vae, model, options.count, false, options.seed);
  out.noise_free = sample_metrics(means, reference);
  const GaussianDecoder decoder(backend, vae, model);
  out.likelihood = likelihood_metrics(decoder, reference);
  out.latent = latent_metrics(decoder.posterior(reference.test), options.seed, reference.pool);
  out.lipschitz = decoder_lipschitz(backend, vae, model, kLipschitzPoints, options.seed);
  out.verdict = judge(
      {out.latent->kl_per_dimension, out.latent->posterior_mean_variance, variance_ratio(means, data.x)});
  return out;
}

Evaluation evaluate(const Dataset& data, MatrixView<float> generated, const EvaluationOptions& options) {
  check_dimensions("the generated points have", generated.cols, data);
  if (generated.rows == 0) throw DataError("there are no generated points to evaluate");
  Reference reference(data, {}, options);
  Evaluation out = start(reference, generated.rows);
  out.samples =
      sample_metrics(Matrix<float>(generated.rows, generated.cols,
                                   std::vector<float>(generated.data, generated.data + generated.size())),
                     reference);
  return out;
}

}  // namespace gmmvae
