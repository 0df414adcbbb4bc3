#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "gmmvae/matrix.hpp"

namespace gmmvae {

/// What a training minimises. KL is sum_j 0.5 (mean^2 + var - 1 - log var), SSE the squared error of one
/// sample.
enum class ObjectiveKind {
  course,  ///< SSE averaged over batch and D, plus beta KL averaged over batch and Z
  lab,     ///< Gaussian negative log-likelihood with variance 0.1, summed over D, plus beta KL; averaged over
           ///< the batch
  half_sse,  ///< 0.5 SSE + beta KL, averaged over the batch
  elbo,      ///< exact Gaussian negative log-likelihood in nats of raw units plus beta KL, averaged over the
             ///< batch
};

enum class DecoderVarianceKind { fixed, learned, learned_per_dim };

/// The objective with its constants. Variances are in scaled units.
struct Objective {
  ObjectiveKind kind = ObjectiveKind::elbo;
  double beta = 1.0;
  DecoderVarianceKind variance_kind = DecoderVarianceKind::learned;
  /// fixed: the variance; learned: where it starts. Ignored by every kind but elbo: the other losses imply
  /// one.
  double decoder_variance = 0.1;
  /// A learned variance is floor + exp(decoder_log_variance): without a floor the likelihood is unbounded
  /// (Mattei & Frellsen 2018).
  double variance_floor = 1e-6;

  bool operator==(const Objective&) const = default;
};

/// Whether the decoder variance is a parameter: for the elbo alone, and there unless it is fixed.
bool learns_decoder_variance(const Objective& objective);

/// The decoder variance that makes the loss a multiple of [SSE / (2 v) + KL] at beta = 1: D / (2 Z) for
/// course, 0.1 for lab, 1 for half_sse; for elbo decoder_variance (of a learned one, where it starts).
double implied_decoder_variance(const Objective& objective, std::size_t data_dim, std::size_t latent);

/// beta times the implied variance: collapse is stable where it exceeds the largest eigenvalue of the data
/// covariance.
double effective_decoder_variance(const Objective& objective, std::size_t data_dim, std::size_t latent);

/// The loss of one batch is  mean_b [ sum_d w_d (x_bd - y_bd)^2 + constant + kl_weight * KL_b ].
struct LossWeights {
  std::vector<double> squared_error;  ///< w_d, [D]
  double constant = 0.0;
  double kl_weight = 1.0;
};
/// `variance` is the decoder variance now, [1] or [D]; elbo alone reads it. log_jacobian is
/// Scaler::log_jacobian(); elbo alone adds it. Throws UsageError for a variance of another length or one that
/// is not positive.
LossWeights loss_weights(const Objective& objective, std::size_t data_dim, std::size_t latent,
                         const std::vector<double>& variance, double log_jacobian);

/// What can be said before any training, from the covariance of the scaled data alone
/// (the linear VAE's stationary points; Lucas et al. 2019, Dai & Wipf 2019).
struct Prediction {
  double effective_variance = 0.0;  ///< of the objective; beta * learned_variance for a learned one
  bool variance_learned = false;
  double learned_variance =
      0.0;  ///< predicted optimum, scaled units; the columns' mean where each has its own
  std::vector<double> eigenvalues;       ///< of the covariance of the scaled data, descending
  std::size_t active = 0;                ///< latent dimensions predicted to stay active
  std::vector<double> kl_per_dimension;  ///< nats, [Z], 0 for a collapsed one
  double loss_floor = 0.0;               ///< the loss a linear model can reach
  double elbo = 0.0;                     ///< its ELBO, nats per sample in raw units
  double collapsed_loss = 0.0;           ///< the plateau when every dimension has collapsed
  std::string
      verdict;  ///< collapsed: none active; healthy: all min(Z, rank of covariance); else partly-collapsed
  std::string why;  ///< one sentence
};
/// covariance [D,D] of the scaled data. A fixed variance and a learned one have closed forms; one learned for
/// each column is factor analysis, solved numerically (a column counts by its variance over its decoder
/// variance there, so `active` does not follow from `eigenvalues` alone). The ELBO of a loss that only
/// implies a variance is taken at it. A nonlinear decoder can do better than all of this. With beta = 0 the
/// limit is given: the KL of an active dimension is infinite, and the ELBO minus infinity. Throws UsageError
/// for Z = 0, a negative beta, or a covariance that is not square and finite.
Prediction predict(const Objective& objective, const Matrix<double>& covariance, std::size_t latent,
                   double log_jacobian);

}  // namespace gmmvae
