#pragma once

#include <cstddef>
#include <cstdint>

#include "gmmvae/tsne.hpp"
#include "kernels/neighbors/neighbors.hpp"
#include "kernels/runtime/memory.hpp"

namespace gmmvae::cuda {

/// P [N,N] as Affinities holds it, on the device.
struct DeviceAffinities {
  std::size_t rows = 0;
  DeviceArray<std::uint64_t> offsets;  ///< [N+1]
  DeviceArray<std::uint32_t> columns;
  DeviceArray<float> values;
  double entropy = 0.0;  ///< sum of p log p: what no embedding changes of the divergence
};

/// The same, seen by kernels.
struct AffinityRows {
  const std::uint64_t* offsets;
  const std::uint32_t* columns;
  const float* values;
  std::uint32_t rows;
};
inline AffinityRows rows_of(const DeviceAffinities& p) {
  return {p.offsets.data(), p.columns.data(), p.values.data(), static_cast<std::uint32_t>(p.rows)};
}

/// Turns the squared distances of each row [N,k] into p(j|i) of the perplexity; see tsne::calibrate_row.
/// Returns the mean over the rows of the perplexity reached.
double calibrate(DeviceArray<float>& squared, std::size_t rows, std::size_t k, double perplexity,
                 cudaStream_t stream);

/// (p(j|i) + p(i|j)) / 2N over the pairs of either direction. `conditional` has p(j|i) for distances; only
/// its order is left of it.
DeviceAffinities symmetrize(DeviceNeighbors& conditional, cudaStream_t stream);

DeviceAffinities upload(const Affinities& affinities, cudaStream_t stream);
/// Fills offsets, columns and values.
void download(const DeviceAffinities& from, Affinities& to, cudaStream_t stream);

}  // namespace gmmvae::cuda
