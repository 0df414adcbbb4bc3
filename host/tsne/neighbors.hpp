#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "host/parallel/thread_pool.hpp"
#include "host/tsne/neighbor_tree.hpp"

namespace gmmvae::tsne {

/// The k nearest other points of every point, never the point itself, ascending by distance and then by
/// number. All numbers are places in the tree's order. Twice the memory is reserved, and not touched: there
/// symmetrize makes edges of them.
struct NeighborLists {
  NeighborLists(std::size_t rows, std::size_t each) : k(each) {
    points.reserve(2 * rows * k);
    squared.reserve(2 * rows * k);
    points.resize(rows * k);
    squared.resize(rows * k);
  }

  std::size_t k = 0;
  std::vector<std::uint32_t> points;  ///< [N,k]
  std::vector<float> squared;         ///< [N,k] squared distances

  [[nodiscard]] std::size_t rows() const { return k == 0 ? 0 : points.size() / k; }
};

/// The squared distance of two points; its sum has one order on every machine.
float squared_between(const float* a, const float* b, std::size_t dim);

/// The k nearest of the tree's points to each of the queries [M,D], except the place self[m] (kNoPlace, or an
/// empty span: none is left out); needs k below the number of points. `scanned` counts the points looked at,
/// each for sixteen queries at once.
inline constexpr std::uint32_t kNoPlace = 0xffffffff;
NeighborLists neighbors_in(const NeighborTree& tree, MatrixView<float> queries,
                           std::span<const std::uint32_t> self, std::size_t k, ThreadPool& pool,
                           std::uint64_t* scanned = nullptr);

/// Those of all the tree's points; needs k < N.
NeighborLists exact_neighbors(const NeighborTree& tree, std::size_t k, ThreadPool& pool);

/// Most of them, by walks through neighbour graphs (Malkov & Yashunin 2018); needs k < N.
NeighborLists approximate_neighbors(const NeighborTree& tree, std::size_t k, ThreadPool& pool);

/// The fraction of true neighbours among those of the lists, over a sample of points.
double neighbor_recall(const NeighborTree& tree, const NeighborLists& lists, ThreadPool& pool);

/// Throws what nearest_neighbors throws.
void check_neighbors(MatrixView<float> x, std::size_t k);

/// Cycles of one core with AVX-512, measured (bench/results/tsne.md). A point's way through the graphs takes
/// 0.5 to 3.4 million, the most where there are no clusters: there alone exact neighbours may cost more.
struct SearchCosts {
  double coordinate = 2.2;  ///< of a point looked at for sixteen queries
  double choice = 6.0;      ///< choosing among these costs as much as so many coordinates more
  double step = 700.0;      ///< a point's part of one step of the descent
  double graphs = 3e6;      ///< a point's way through the graphs of approximate neighbours
};

/// Whether exact neighbours would take longer than `iterations` steps of the descent that follows and than
/// approximate ones: decided by counting what a sample of searches looks at, never by a clock.
bool exact_is_too_slow(const NeighborTree& tree, std::size_t k, std::size_t iterations, ThreadPool& pool,
                       const SearchCosts& costs = {});

}  // namespace gmmvae::tsne
