#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae::tsne {

/// Points grouped by place: a binary tree whose leaves hold some tens of points that follow one another in
/// `points`, each node with a ball around what it holds. Serves any number of dimensions: in a few it is a
/// k-d tree with slanted cuts, in many it still tells clusters apart, and where even that is in vain a search
/// through it is a blocked comparison of all pairs.
struct NeighborTree {
  /// A node's children are `child` and `child + 1`; leaves have child 0.
  struct Node {
    std::uint32_t begin = 0;
    std::uint32_t end = 0;
    std::uint32_t child = 0;
    float radius = 0.0f;  ///< of the ball around the mean, surface included, rounded up
  };

  std::size_t dim = 0;
  std::vector<std::uint32_t> order;  ///< [N] the point at each place
  Matrix<float> points;              ///< [N,D] in that order
  std::vector<Node> nodes;           ///< the root first
  Matrix<float> centers;             ///< [nodes,D]

  [[nodiscard]] std::size_t size() const { return order.size(); }
};

/// Every leaf begins at a multiple of this many points, so that vector lanes never straddle two leaves.
inline constexpr std::size_t kLeafGrain = 16;

/// Takes the points over and sorts them in place: there is no second copy of them at any time.
NeighborTree build_neighbor_tree(Matrix<float> x, ThreadPool& pool);

}  // namespace gmmvae::tsne
