#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "gmmvae/tsne.hpp"
#include "kernels/runtime/memory.hpp"

namespace gmmvae::cuda {

/// The k nearest other points of every point, on the device. Place p belongs to row order[p] of the data;
/// neighbours are named by row.
struct DeviceNeighbors {
  std::size_t rows = 0;
  std::size_t k = 0;
  DeviceArray<std::uint32_t> order;   ///< [N]
  DeviceArray<std::uint32_t> points;  ///< [N,k] ascending by distance, then by number
  DeviceArray<float> squared;         ///< [N,k]
  std::optional<double> recall;       ///< of approximate ones, measured on a sample
};

/// Of x [N,D], whose numbers are finite and at most 1 in size; needs 0 < k < N. `automatic` takes exact ones
/// unless they would take longer than `iterations` steps of a descent.
DeviceNeighbors find_neighbors(MatrixView<float> x, std::size_t k, NeighborSearch search,
                               std::size_t iterations, cudaStream_t stream);

/// Backend::neighbors, on the current device.
NearestNeighbors neighbors(MatrixView<float> x, std::size_t k, NeighborSearch search, cudaStream_t stream);

/// Whether exact neighbours of N points in D dimensions are expected to take longer than `iterations` steps
/// of a descent: counted for an H200, never by a clock.
bool exact_neighbors_cost_more(std::size_t rows, std::size_t dim, std::size_t iterations);

}  // namespace gmmvae::cuda
