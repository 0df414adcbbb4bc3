#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gmmvae/mixture.hpp"
#include "host/evaluation/gaussian_decoder.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae {

/// Mean over values with the standard error of that mean.
Estimate mean_of(std::span<const double> values);

/// [N] evidence lower bound of raw points x [N,D], nats: exact KL, and the expected log-likelihood over
/// `draws` samples of the posterior.
std::vector<double> elbo(const GaussianDecoder& decoder, MatrixView<float> x, std::size_t draws,
                         std::uint64_t seed, ThreadPool& pool);

struct LikelihoodOptions {
  double tolerance = 1e-4;                        ///< quadrature: refine until its error is below this, nats
  std::size_t max_points = std::size_t{1} << 25;  ///< quadrature: most grid points of one refinement
  std::size_t samples = 5000;                     ///< importance samples a point
  std::uint64_t seed = 1;
};

struct Likelihood {
  std::vector<double> per_point;  ///< [N] log p(x), nats of raw units
  /// Quadrature: estimated error of the mean. Importance weighting: the mean over points of the standard
  /// error of log p(x) from its samples; the estimate is low by about half its square.
  double error = 0.0;
  std::size_t latent_points = 0;  ///< grid points of the last refinement, or samples a point
};

/// log p(x) by a midpoint rule on a ball of latent space, refined by halving the step: up to 3 latent
/// dimensions. The integrand of a decoder with kinks converges as the square of the step, so a third of the
/// last change estimates the error that is left.
Likelihood quadrature_likelihood(const GaussianDecoder& decoder, MatrixView<float> x,
                                 const LikelihoodOptions& options, ThreadPool& pool);
inline constexpr std::size_t kQuadratureLatent = 3;

/// log (1/K) sum_k p(x, z_k) / q(z_k | x), z_k from the posterior (Burda et al. 2016): a lower bound on
/// average.
Likelihood importance_likelihood(const GaussianDecoder& decoder, MatrixView<float> x,
                                 const LikelihoodOptions& options, ThreadPool& pool);

}  // namespace gmmvae
