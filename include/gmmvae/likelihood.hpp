#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gmmvae {

/// Up to so many latent dimensions the likelihood is an integral that can be computed.
inline constexpr std::size_t kQuadratureLatent = 3;

enum class LikelihoodMethod {
  quadrature,  ///< a midpoint rule over the latent space, refined by halving the step
  importance,  ///< log (1/K) sum_k p(x, z_k) / q(z_k | x), z_k from the posterior (Burda et al. 2016): a
               ///< lower bound on average
  elbo  ///< the evidence lower bound: exact KL, expected log p(x|z) over draws of the posterior
};

struct LikelihoodOptions {
  LikelihoodMethod method = LikelihoodMethod::quadrature;
  double tolerance = 1e-4;                        ///< quadrature: refine until its error is below this, nats
  std::size_t max_points = std::size_t{1} << 25;  ///< quadrature: most grid points of one refinement
  std::size_t samples = 5000;                     ///< importance samples or draws a point
  std::uint64_t seed = 1;
};

struct Likelihood {
  std::vector<double> per_point;  ///< [N] log p(x), nats of raw units
  /// Quadrature: estimated error of the mean. Importance weighting: the mean over points of the standard
  /// error of log p(x) from its samples; the estimate is low by about half its square. Of the bound: 0.
  double error = 0.0;
  std::size_t latent_points = 0;  ///< grid points of the last refinement, or samples a point
};

}  // namespace gmmvae
