#pragma once

#include <cstddef>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/objective.hpp"

namespace gmmvae {

/// The best linear VAE for a data covariance: mean squared errors and KL terms are expectations over the
/// data.
struct LinearOptimum {
  std::vector<double> variance;          ///< of the decoder: [1], or [D] where each column has its own
  double relative_squared_error = 0.0;   ///< sum_d E (x_d - y_d)^2 / variance_d
  std::vector<double> kl_per_dimension;  ///< nats, [Z]
  std::size_t active = 0;                ///< latent dimensions whose KL is not 0
};

/// The optimum with the decoder variance `variance` held fixed: probabilistic PCA with the noise beta *
/// variance in place of its own (Tipping & Bishop 1999; Lucas et al. 2019). `eigenvalues` [D] of the
/// covariance, descending. Dimension i <= Z is active where lambda_i > beta v; it leaves the error beta v and
/// costs 1/2 log(lambda_i / (beta v)).
LinearOptimum optimum_at_variance(const std::vector<double>& eigenvalues, double variance, double beta,
                                  std::size_t latent);

/// The optimum over a decoder variance that all columns share, at least `floor`. With the optimum above put
/// into L(v) = E SSE / (2 v) + D/2 log(2 pi v) + beta KL, the derivative's sign is that of
///     g(v) = D v - sum_{i <= Z} min(beta v, lambda_i) - sum_{i > Z} lambda_i,
/// which is convex with g(0) <= 0 (or, for beta <= 1, increasing): it changes sign once, at
/// v = sum_{i > a} lambda_i / (D - a beta), a the number of active dimensions there. At beta = 1 and Z >= D
/// every v up to the smallest eigenvalue is optimal; there it is `start`, where training begins, or that
/// eigenvalue if it is less.
LinearOptimum optimum_of_shared_variance(const std::vector<double>& eigenvalues, const Objective& objective,
                                         std::size_t latent);

/// The optimum over one decoder variance for each column: factor analysis. It has no closed form. Alternates
/// the optimum above on columns divided by their decoder deviations with variance_d = E (x_d - y_d)^2; each
/// step lowers the loss (at beta = 1 this is EM for factor analysis, Rubin & Thayer 1982). The answer is the
/// minimum that it reaches from the variance that training starts from; factor analysis can have others.
LinearOptimum optimum_of_column_variances(const Matrix<double>& covariance, const Objective& objective,
                                          std::size_t latent);

}  // namespace gmmvae
