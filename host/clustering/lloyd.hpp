#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gmmvae/clustering.hpp"
#include "gmmvae/matrix.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae {

/// k-means on threads that are already there; `stream` separates the random starts of different calls.
KMeansResult kmeans(MatrixView<float> x, const KMeansOptions& options, std::uint32_t stream,
                    ThreadPool& pool);
/// Several of them: one at a time on all threads, or side by side on one thread each.
std::vector<KMeansResult> kmeans(std::span<const KMeansTask> tasks, ThreadPool& pool);

/// See Backend::fit_mixture.
MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                       std::span<const std::int32_t> start, const MixtureFitOptions& options,
                       ThreadPool& pool);

/// See Backend::distances_to_groups.
Matrix<double> distances_to_groups(MatrixView<float> y, MatrixView<float> x,
                                   std::span<const std::size_t> offsets, ThreadPool& pool);

}  // namespace gmmvae
