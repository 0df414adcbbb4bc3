#pragma once

#include <cstddef>
#include <cstdint>

#include "gmmvae/clustering.hpp"
#include "gmmvae/matrix.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae {

/// k-means on threads that are already there; `stream` separates the random starts of different calls.
KMeansResult kmeans(MatrixView<float> x, const KMeansOptions& options, std::uint32_t stream,
                    ThreadPool& pool);

}  // namespace gmmvae
