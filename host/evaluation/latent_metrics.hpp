#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gmmvae/evaluation.hpp"
#include "gmmvae/vae.hpp"
#include "host/evaluation/gaussian_decoder.hpp"

namespace gmmvae {

/// What the posteriors of N points say about the latent space. Throws DataError for no points.
LatentMetrics latent_metrics(Backend& backend, const Posterior& posterior, std::uint64_t seed);

/// Largest singular value of the decoder's Jacobian in raw units at `points` draws of the prior, by central
/// differences: an empirical lower bound on its Lipschitz constant.
LipschitzEstimate decoder_lipschitz(Backend& backend, const Vae& vae, std::size_t model, std::size_t points,
                                    std::uint64_t seed);

}  // namespace gmmvae
