#pragma once

#include <cstddef>
#include <cstdint>

#include "gmmvae/matrix.hpp"
#include "kernels/neighbors/search.hpp"
#include "kernels/runtime/memory.hpp"

namespace gmmvae::cuda {

/// numbers[i] = i.
void launch_iota(std::uint32_t* numbers, std::size_t count, cudaStream_t stream);
/// to [count,dim]: rows[i] of from.
void launch_gather_rows(const float* from, const std::uint32_t* rows, std::size_t count, std::size_t dim,
                        float* to, cudaStream_t stream);
/// begins [keys+1]: where each of the values 0 … keys begins in `sorted` [count].
void launch_list_begins(const std::uint32_t* sorted, std::size_t count, std::size_t keys,
                        std::uint32_t* begins, cudaStream_t stream);

/// Points grouped by the nearest of some centroids: the lists of an inverted file (Jegou et al. 2011), and an
/// order that keeps neighbours together. Everything on the device.
struct PointLists {
  std::size_t rows = 0;
  std::size_t dim = 0;
  DeviceArray<float> points;          ///< [N,D] list by list
  DeviceArray<std::uint32_t> order;   ///< [N] the row of the data at each place
  DeviceArray<float> centroids;       ///< [lists,D]; empty for a single list
  DeviceArray<std::uint32_t> begins;  ///< [lists+1]
  std::vector<std::uint32_t> host_begins;

  [[nodiscard]] std::size_t lists() const { return host_begins.size() - 1; }
};

/// `lists` centroids from a few steps of Lloyd's algorithm on a sample, started at evenly spread points; with
/// one list the points stay in their order.
PointLists make_lists(MatrixView<float> x, std::size_t lists, cudaStream_t stream);

/// Query tiles over `count` consecutive queries that share a row of probes, appended to `tiles`.
void add_tiles(std::vector<QueryTile>& tiles, std::uint32_t first, std::uint32_t count, std::uint32_t probes,
               const SearchShape& shape);

}  // namespace gmmvae::cuda
