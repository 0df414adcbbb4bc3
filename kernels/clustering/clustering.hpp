#pragma once

// What Backend asks for when it clusters, on the current CUDA device.

#include <cstddef>
#include <span>
#include <vector>

#include "gmmvae/clustering.hpp"
#include "kernels/gpu.hpp"

namespace gmmvae::cuda {

std::vector<KMeansResult> kmeans(std::span<const KMeansTask> tasks, cudaStream_t stream);
MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                       std::span<const std::int32_t> start, const MixtureFitOptions& options,
                       cudaStream_t stream);

}  // namespace gmmvae::cuda
