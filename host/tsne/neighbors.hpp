#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "host/parallel/thread_pool.hpp"
#include "host/tsne/neighbor_tree.hpp"

namespace gmmvae::tsne {

/// The k nearest other points of every point, never the point itself, ascending by distance and then by
/// number. All numbers are places in the tree's order.
struct NeighborLists {
  std::size_t k = 0;
  std::vector<std::uint32_t> points;  ///< [N,k]
  std::vector<float> squared;         ///< [N,k] squared distances

  [[nodiscard]] std::size_t rows() const { return k == 0 ? 0 : points.size() / k; }
};

/// All of them, by a walk through the tree; needs k < N.
NeighborLists exact_neighbors(const NeighborTree& tree, std::size_t k, ThreadPool& pool);

}  // namespace gmmvae::tsne
