#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/matrix.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

/// The probability mass of a Gaussian that counts as high quality: 1 - exp(-4.5), what three standard
/// deviations hold in two dimensions, so that VEEGAN's and PacGAN's sets are judged as published. In D
/// dimensions the radius is the chi-square quantile of this mass, and so the ceiling is the same for every D.
inline constexpr double kHighQualityMass = 0.98889100346175773;
/// A mode is captured when its share of high-quality samples is at least this much of its weight.
inline constexpr double kCapturedFraction = 0.2;

/// Which modes of a known mixture samples reach. A sample belongs to the component with the least Mahalanobis
/// distance and is of high quality within the radius of `kHighQualityMass`. All shares but `mass` are of the
/// high-quality samples by mode, and absent where no sample is of high quality. Errors are standard errors of
/// multinomial counts, by the delta method, and what is left of them where that vanishes at equal shares.
struct ModeCoverage {
  std::size_t total = 0;            ///< K
  std::size_t hit = 0;              ///< modes with at least one high-quality sample (pure noise can hit all)
  std::size_t captured = 0;         ///< modes k with mass_k >= kCapturedFraction * weight_k
  double high_quality = 0.0;        ///< fraction of all samples
  double high_quality_error = 0.0;  ///< its binomial standard error
  double high_quality_ceiling = 0.0;  ///< for separated components: kHighQualityMass
  double bridge_mass = 0.0;           ///< 1 - high_quality: samples between the modes or beyond them
  double recall_mass = 0.0;           ///< sum_k min(weight_k, mass_k)
  double recall_mass_error = 0.0;
  std::optional<double> reverse_kl;        ///< KL(shares || weights), nats
  std::optional<double> reverse_kl_floor;  ///< what N perfect samples would show on average: (K - 1) / (2 N)
  std::optional<double> forward_kl;  ///< KL(weights || shares), nats; absent also where a mode has no share
  std::optional<double> total_variation;  ///< half the sum of |share - weight|
  std::optional<double> jensen_shannon;   ///< between shares and weights, nats
  std::optional<double> reverse_kl_error, forward_kl_error, total_variation_error, jensen_shannon_error;
  std::vector<double> mass;  ///< [K] high-quality samples of the mode over all samples
  /// [K] ||L^-1 (sample mean - mean)||: standard deviations the mode has moved; absent below one sample.
  std::vector<std::optional<double>> mean_error;
  /// [K] ||L^-1 S L^-T - I||_F / sqrt(D) with S the covariance of the mode's high-quality samples, corrected
  /// for the cut at the quantile; absent below D + 1 samples.
  std::vector<std::optional<double>> covariance_error;
};

/// samples [N,D] in raw units. Throws DataError where N = 0 or D is not the mixture's.
ModeCoverage mode_coverage(Backend& backend, MatrixView<float> samples, const Mixture& truth);
/// The same on one thread of the CPU.
ModeCoverage mode_coverage(MatrixView<float> samples, const Mixture& truth);

/// What a model shows of posterior collapse.
struct CollapseEvidence {
  std::vector<double> kl_per_dimension;         ///< [Z] mean KL to the prior, nats
  std::vector<double> posterior_mean_variance;  ///< [Z] Var_x of the posterior mean (Burda et al. 2016)
  /// Total variance of the decoder's mean under the prior over the total variance of the data.
  double sample_variance_ratio = 0.0;
};
/// A latent dimension is active where the variance of its posterior mean exceeds this (Burda et al. 2016).
inline constexpr double kActiveUnitVariance = 0.01;
std::size_t active_units(std::span<const double> posterior_mean_variance);

struct Verdict {
  std::string verdict;  ///< collapsed (no active unit), partly-collapsed (some) or healthy (all)
  std::string why;      ///< one sentence with the figures
};
/// Throws UsageError where there is no latent dimension or the two vectors differ in length.
Verdict judge(const CollapseEvidence& evidence);

/// What the posteriors q(z|x) of N points say about the latent space; nats throughout.
struct LatentMetrics {
  std::vector<double> kl_per_dimension;         ///< [Z] mean KL to the prior
  std::vector<double> kl_errors;                ///< [Z] standard errors of these means
  std::vector<double> posterior_mean_variance;  ///< [Z]
  std::size_t active = 0;
  /// [Z] dimension j is (epsilon, delta)-collapsed (Lucas et al. 2019) for delta = 0.01 and every epsilon
  /// above this: 99 % of the points have a KL of at most that.
  std::vector<double> collapse_epsilon;
  /// E log q(z|x) - E log q(z), with q(z) the mean of the N posteriors; may be slightly negative near 0.
  Estimate mutual_information;
  double mutual_information_ceiling = 0.0;  ///< the lesser of the total KL and log N
  Estimate aggregate_kl;                    ///< KL(q(z) || prior) = total KL - mutual information
  std::optional<Estimate> aggregate_mmd2;   ///< between q(z) and the prior; absent for a single point
};

/// How steep the decoder is under the prior, raw units per unit of z.
struct LipschitzEstimate {
  double largest = 0.0;
  Estimate mean;
};

/// Total variance (trace of the covariance) of samples [N,D] over that of the data; 0 where the data has
/// none.
double variance_ratio(MatrixView<float> samples, MatrixView<float> data);
/// Its standard error from the choice of samples.
double variance_ratio_error(MatrixView<float> samples, MatrixView<float> data);

/// One reported figure: its value and, where it is an estimate, its standard error; or why there is none.
struct Figure {
  std::optional<double> value;
  std::optional<double> error;
  std::string absent;  ///< a sentence, where there is no value
};

/// What generated points are worth beside real ones.
struct SampleMetrics {
  std::optional<ModeCoverage> modes;  ///< where the mixture is known
  std::string modes_absent;
  Figure sample_variance_ratio;
  Figure precision, recall, density, coverage;  ///< k = 5
  Figure mmd2;
  Figure sliced_wasserstein;
  Figure wasserstein;  ///< exact, between the first `exact_points` points of either side
  Figure energy_distance;
  /// What equal laws give on average with as many points, where that is known; density gives 1 and mmd2 gives
  /// 0.
  std::optional<double> coverage_of_equal_laws, energy_distance_of_equal_laws;
};

/// How likely fresh points are, nats per point in raw units.
struct LikelihoodMetrics {
  Figure elbo;                ///< on the test points
  Figure elbo_train;          ///< on the training points
  Figure log_likelihood;      ///< on the test points; its error holds sampling of points, not `method_error`
  std::string method;         ///< quadrature or iwae
  double method_error = 0.0;  ///< numerical error of the mean, or spread from importance sampling
  std::size_t latent_points = 0;
  std::size_t points = 0;               ///< test points that log_likelihood was computed on
  Figure true_log_likelihood;           ///< of the mixture, on the same points
  Figure kl_data_model;                 ///< true_log_likelihood - log_likelihood, paired
  Figure one_gaussian;                  ///< log-likelihood of one Gaussian fitted to the training points
  Figure entropy_lower, entropy_upper;  ///< bounds of the mixture's entropy: minus the likelihood's ceiling
};

/// Everything that `evaluate` reports. metrics.json is `metrics_json` of it.
struct Evaluation {
  std::size_t count = 0;    ///< generated points
  std::size_t test = 0;     ///< real points they are compared with
  std::string test_points;  ///< where those come from, a phrase
  SampleMetrics samples;    ///< with decoder noise
  std::optional<SampleMetrics> noise_free;
  std::optional<SampleMetrics> truth;  ///< fresh points of the mixture in place of the generated: the ceiling
  std::optional<LikelihoodMetrics> likelihood;
  std::optional<LatentMetrics> latent;
  std::optional<LipschitzEstimate> lipschitz;
  std::optional<Verdict> verdict;  ///< absent without a model and where there is but one point
};

struct EvaluationOptions {
  std::size_t count = 10000;  ///< points to generate
  std::size_t test =
      10000;  ///< fresh points to draw from a known mixture; else at most this many of those given
  std::uint64_t seed = 1;
  std::size_t elbo_draws = 16;            ///< posterior samples a point
  std::size_t importance_samples = 5000;  ///< a point, above 3 latent dimensions
  std::size_t importance_points = 1000;   ///< test points that importance weighting is run on
  std::size_t directions = 128;           ///< of the sliced Wasserstein distance
  std::size_t exact_points = 500;         ///< of the exact Wasserstein distance
  bool ceiling = true;                    ///< also score fresh points of the mixture
};

/// Judges one model. `data` holds the training points and, where known, the mixture; `held_out` are rows of
/// it that the training did not see (may be empty). Likelihoods use fresh points where the mixture is known,
/// the held-out rows where not, and else the data, as `test_points` says.
Evaluation evaluate(Backend& backend, const Vae& vae, std::size_t model, const Dataset& data,
                    std::span<const std::uint32_t> held_out, const EvaluationOptions& options);

/// Judges generated points [M,D] in raw units beside real ones, without a model.
Evaluation evaluate(Backend& backend, const Dataset& data, MatrixView<float> generated,
                    const EvaluationOptions& options);

/// The text of metrics.json: the contract's keys, then `errors`, `ceiling`, `absent` (key: why it is null)
/// and what else is known.
std::string metrics_json(const Evaluation& evaluation);

}  // namespace gmmvae
