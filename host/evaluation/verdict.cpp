#include <fmt/core.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/evaluation.hpp"
#include "host/evaluation/likelihood.hpp"

namespace gmmvae {

namespace {

// Nats a latent dimension: with less, an active dimension tells next to nothing about a point.
constexpr double kLittleKl = 0.1;

double total_variance(MatrixView<float> x) {
  double total = 0.0;
  for (std::size_t c = 0; c < x.cols; ++c) {
    double sum = 0.0;
    for (std::size_t r = 0; r < x.rows; ++r) sum += x(r, c);
    const double mean = sum / static_cast<double>(x.rows);
    double squares = 0.0;
    for (std::size_t r = 0; r < x.rows; ++r) squares += (x(r, c) - mean) * (x(r, c) - mean);
    total += squares / static_cast<double>(x.rows);
  }
  return total;
}

}  // namespace

std::size_t active_units(std::span<const double> posterior_mean_variance) {
  return std::count_if(posterior_mean_variance.begin(), posterior_mean_variance.end(),
                       [](double v) { return v > kActiveUnitVariance; });
}

Verdict judge(const CollapseEvidence& evidence) {
  const std::size_t latent = evidence.kl_per_dimension.size();
  if (latent == 0 || evidence.posterior_mean_variance.size() != latent)
    throw UsageError("a verdict needs the KL and the posterior mean's variance of every latent dimension");
  const std::size_t active = active_units(evidence.posterior_mean_variance);
  const double kl = std::accumulate(evidence.kl_per_dimension.begin(), evidence.kl_per_dimension.end(), 0.0);
  const double percent = 100.0 * evidence.sample_variance_ratio;
  const std::string figures = fmt::format(
      "KL {:.4g} nats in all, {} of {} latent dimensions active, and the decoder's output varies by "
      "{:.3g} % of the data's variance",
      kl, active, latent, percent);
  if (active == 0)
    return {"collapsed",
            "The posterior ignores the data and the decoder draws the same point again and again: " +
                figures + "."};
  if (active < latent) return {"partly-collapsed", "Some latent dimensions carry nothing: " + figures + "."};
  const bool little = kl < kLittleKl * static_cast<double>(latent);
  return {"healthy", fmt::format("Every latent dimension carries information about the data{}: {}.",
                                 little ? ", if only a little" : "", figures)};
}

double variance_ratio_error(MatrixView<float> samples, MatrixView<float> data) {
  const double reference = total_variance(data);
  if (samples.rows < 2 || !(reference > 0.0)) return 0.0;
  std::vector<double> mean(samples.cols, 0.0);
  const auto n = static_cast<double>(samples.rows);
  for (std::size_t i = 0; i < samples.rows; ++i)
    for (std::size_t d = 0; d < samples.cols; ++d) mean[d] += samples(i, d) / n;
  // The total variance is the mean over samples of their squared distance to the mean.
  std::vector<double> squared(samples.rows, 0.0);
  for (std::size_t i = 0; i < samples.rows; ++i)
    for (std::size_t d = 0; d < samples.cols; ++d)
      squared[i] += (samples(i, d) - mean[d]) * (samples(i, d) - mean[d]);
  return mean_of(squared).standard_error / reference;
}

double variance_ratio(MatrixView<float> samples, MatrixView<float> data) {
  if (samples.rows == 0 || data.rows == 0)
    throw DataError("a variance ratio needs at least one row on either side");
  const double reference = total_variance(data);
  return reference > 0.0 ? total_variance(samples) / reference : 0.0;
}

}  // namespace gmmvae
