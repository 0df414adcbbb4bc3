#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae {

/// [directions,D] unit vectors, uniform on the sphere; direction p depends on (seed, p, D) alone.
Matrix<double> random_directions(std::size_t directions, std::size_t dim, std::uint64_t seed);

/// [directions] squared 2-Wasserstein distance of the projections of x and y on those directions.
std::vector<double> sliced_squares(MatrixView<float> x, MatrixView<float> y, std::size_t directions,
                                   std::uint64_t seed, ThreadPool& pool);

}  // namespace gmmvae
