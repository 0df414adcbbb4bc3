#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/mixture.hpp"

namespace gmmvae {

/// The probability mass of a Gaussian that counts as high quality: 1 - exp(-4.5), what three standard
/// deviations hold in two dimensions, so that VEEGAN's and PacGAN's sets are judged as published. In D
/// dimensions the radius is the chi-square quantile of this mass, and so the ceiling is the same for every D.
inline constexpr double kHighQualityMass = 0.98889100346175773;
/// A mode is captured when its share of high-quality samples is at least this much of its weight.
inline constexpr double kCapturedFraction = 0.2;

/// Which modes of a known mixture samples reach. A sample belongs to the component with the least Mahalanobis
/// distance and is of high quality within the radius of `kHighQualityMass`. All shares but `mass` are of the
/// high-quality samples by mode, and absent where no sample is of high quality.
struct ModeCoverage {
  std::size_t total = 0;            ///< K
  std::size_t hit = 0;              ///< modes with at least one high-quality sample (pure noise can hit all)
  std::size_t captured = 0;         ///< modes k with mass_k >= kCapturedFraction * weight_k
  double high_quality = 0.0;        ///< fraction of all samples
  double high_quality_error = 0.0;  ///< its binomial standard error
  double high_quality_ceiling = 0.0;       ///< for separated components: kHighQualityMass
  double bridge_mass = 0.0;                ///< 1 - high_quality: samples between the modes or beyond them
  double recall_mass = 0.0;                ///< sum_k min(weight_k, mass_k)
  std::optional<double> reverse_kl;        ///< KL(shares || weights), nats
  std::optional<double> reverse_kl_floor;  ///< what N perfect samples would show on average: (K - 1) / (2 N)
  std::optional<double> forward_kl;  ///< KL(weights || shares), nats; absent also where a mode has no share
  std::optional<double> total_variation;  ///< half the sum of |share - weight|
  std::optional<double> jensen_shannon;   ///< between shares and weights, nats
  std::vector<double> mass;               ///< [K] high-quality samples of the mode over all samples
  /// [K] ||L^-1 (sample mean - mean)||: standard deviations the mode has moved; absent below one sample.
  std::vector<std::optional<double>> mean_error;
  /// [K] ||L^-1 S L^-T - I||_F / sqrt(D) with S the covariance of the mode's high-quality samples, corrected
  /// for the cut at the quantile; absent below D + 1 samples.
  std::vector<std::optional<double>> covariance_error;
};

/// samples [N,D] in raw units. Throws DataError where N = 0 or D is not the mixture's.
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

}  // namespace gmmvae
