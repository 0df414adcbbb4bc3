#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gmmvae/likelihood.hpp"
#include "gmmvae/mixture.hpp"
#include "host/evaluation/gaussian_decoder.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae {

/// Mean over values with the standard error of that mean.
Estimate mean_of(std::span<const double> values);

// Steps of the evaluation stream: no two estimates share random numbers.
inline constexpr std::uint32_t kElboStep = 2;
inline constexpr std::uint32_t kImportanceStep = 3;

/// KL of the posterior of point i to the prior, nats.
double kl_to_prior(const Posterior& posterior, std::size_t i);

/// [N] log p(x), or its bound, of raw points x [N,D] as the options' method says. See LikelihoodMethod.
Likelihood log_likelihood(const GaussianDecoder& decoder, MatrixView<float> x,
                          const LikelihoodOptions& options, ThreadPool& pool);

Likelihood elbo(const GaussianDecoder& decoder, MatrixView<float> x, const LikelihoodOptions& options,
                ThreadPool& pool);
Likelihood importance_likelihood(const GaussianDecoder& decoder, MatrixView<float> x,
                                 const LikelihoodOptions& options, ThreadPool& pool);
Likelihood quadrature_likelihood(const GaussianDecoder& decoder, MatrixView<float> x,
                                 const LikelihoodOptions& options, ThreadPool& pool);

}  // namespace gmmvae
