#pragma once

// What Backend asks for an evaluation, on the current CUDA device.

#include <cstddef>
#include <span>
#include <vector>

#include "gmmvae/backend.hpp"
#include "host/evaluation/gaussian_decoder.hpp"
#include "kernels/gpu.hpp"

namespace gmmvae::cuda {

SampleComparison compare_samples(MatrixView<float> x, MatrixView<float> y, const ComparisonOptions& options,
                                 cudaStream_t stream);
Matrix<double> distances_to_groups(MatrixView<float> y, MatrixView<float> x,
                                   std::span<const std::size_t> offsets, cudaStream_t stream);
MixtureScores score_mixture(const Mixture& mixture, MatrixView<float> x, cudaStream_t stream);
std::vector<double> log_aggregate(const Posterior& posterior, MatrixView<float> z, cudaStream_t stream);
/// The squared 2-Wasserstein distances of projections on random directions.
std::vector<double> sliced_squares(MatrixView<float> x, MatrixView<float> y, std::size_t directions,
                                   std::uint64_t seed, cudaStream_t stream);

/// The likelihood or its bound; `decoder` is of the same model.
Likelihood log_likelihood(const GaussianDecoder& decoder, const Vae& vae, std::size_t model,
                          MatrixView<float> x, const LikelihoodOptions& options, cudaStream_t stream);

}  // namespace gmmvae::cuda
