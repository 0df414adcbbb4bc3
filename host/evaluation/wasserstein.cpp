#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/evaluation/pairwise.hpp"
#include "host/evaluation/two_sample.hpp"
#include "host/parallel/lanes.hpp"

namespace gmmvae {

namespace {

/// Shortest distances to the columns so far. A finished column keeps its `distance`, is infinite in `open`,
/// where the next one is looked for, and minus infinity in `limit`, which nothing can undercut.
struct SearchState {
  explicit SearchState(std::size_t columns)
      : distance(columns, kFar), open(columns, kFar), limit(columns, kFar), parent(columns, -1) {}
  static constexpr float kFar = std::numeric_limits<float>::infinity();
  std::vector<float> distance, open, limit;
  std::vector<std::int32_t> parent;
};

/// Offers every column the path through `row` and returns the nearest one that is not finished.
GMMVAE_CLONES std::size_t relax(const float* costs, const float* v, float base, std::int32_t row,
                                SearchState& state) {
  Lanes least = Lanes{} + SearchState::kFar;
  IntLanes least_block = {};
  const std::size_t columns = state.open.size();
  for (std::size_t j = 0; j < columns; j += kLanes) {
    Lanes cost, potential, limit, open, distance;
    load(costs + j, cost);
    load(v + j, potential);
    load(state.limit.data() + j, limit);
    load(state.open.data() + j, open);
    load(state.distance.data() + j, distance);
    IntLanes parent;
    std::memcpy(&parent, state.parent.data() + j, sizeof parent);
    const Lanes through = (cost - potential) + base;
    const IntLanes better = through < limit;
    limit = better ? through : limit;
    open = better ? through : open;
    distance = better ? through : distance;
    parent = better ? IntLanes{} + row : parent;
    store(limit, state.limit.data() + j);
    store(open, state.open.data() + j);
    store(distance, state.distance.data() + j);
    std::memcpy(state.parent.data() + j, &parent, sizeof parent);
    const IntLanes nearer = open < least;
    least = nearer ? open : least;
    least_block = nearer ? IntLanes{} + static_cast<std::int32_t>(j) : least_block;
  }
  std::size_t best = 0;
  for (std::size_t l = 1; l < kLanes; ++l)
    if (least[l] < least[best]) best = l;
  return static_cast<std::size_t>(least_block[best]) + best;
}

/// Shortest augmenting paths on a dense cost matrix (Jonker & Volgenant 1987). Columns' potentials start at
/// their least cost and tight edges are matched greedily, which leaves few rows for the search. Potentials
/// are in single precision: the assignment is optimal but for a few 2^-24 of the largest cost per point.
class Assignment {
 public:
  /// cost [N, padded]: rows are filled up to whole lanes with infinity.
  Assignment(Matrix<float> cost, std::size_t count)
      : n_(count),
        cost_(std::move(cost)),
        u_(n_),
        v_(cost_.cols()),
        row_of_(n_, kNone),
        column_of_(n_, kNone) {}

  /// column_of[row]
  const std::vector<std::size_t>& solve() {
    start();
    for (std::size_t i = 0; i < n_; ++i)
      if (column_of_[i] == kNone) augment(i);
    return column_of_;
  }

 private:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  void start() {
    for (std::size_t j = 0; j < n_; ++j) v_[j] = cost_(0, j);
    for (std::size_t i = 1; i < n_; ++i)
      for (std::size_t j = 0; j < n_; ++j) v_[j] = std::min(v_[j], cost_(i, j));
    for (std::size_t i = 0; i < n_; ++i) {
      std::size_t best = 0;
      for (std::size_t j = 1; j < n_; ++j)
        if (cost_(i, j) - v_[j] < cost_(i, best) - v_[best]) best = j;
      u_[i] = cost_(i, best) - v_[best];
      if (row_of_[best] == kNone) row_of_[best] = i, column_of_[i] = best;
    }
  }

  // Dijkstra from the free row over reduced costs.
  void augment(std::size_t free_row) {
    SearchState state(v_.size());
    std::vector<std::size_t> done;
    std::size_t row = free_row;
    float reached = 0.0f;
    std::size_t column = kNone;
    while (true) {
      column = relax(cost_.data() + row * v_.size(), v_.data(), reached - u_[row],
                     static_cast<std::int32_t>(row), state);
      reached = state.distance[column];
      state.open[column] = std::numeric_limits<float>::infinity();
      state.limit[column] = -std::numeric_limits<float>::infinity();
      if (row_of_[column] == kNone) break;
      done.push_back(column);
      row = row_of_[column];
    }
    u_[free_row] += reached;
    for (std::size_t j : done) {
      u_[row_of_[j]] += reached - state.distance[j];
      v_[j] -= reached - state.distance[j];
    }
    for (std::size_t i = kNone; i != free_row;) {
      i = static_cast<std::size_t>(state.parent[column]);
      row_of_[column] = i;
      std::swap(column_of_[i], column);
    }
  }

  std::size_t n_;
  Matrix<float> cost_;
  std::vector<float> u_, v_;
  std::vector<std::size_t> row_of_, column_of_;
};

// [N, columns] with `columns` the number of y rounded up to whole lanes.
GMMVAE_CLONES void squared_costs(const LaneBlocks& y, MatrixView<float> x, float* out) {
  const std::size_t columns = y.blocks() * kLanes;
  for (std::size_t i = 0; i < x.rows; ++i) {
    for (std::size_t b = 0; b < y.blocks(); ++b) {
      Lanes d2;
      squared_distances(y.block(b), x.data + i * x.cols, x.cols, d2);
      store(d2, out + i * columns + b * kLanes);
    }
    std::fill(out + i * columns + y.rows(), out + (i + 1) * columns, SearchState::kFar);
  }
}

}  // namespace

double wasserstein(MatrixView<float> x, MatrixView<float> y) {
  if (x.rows == 0 || x.rows != y.rows)
    throw DataError(
        fmt::format("the exact Wasserstein distance needs equally many points on either side, but there "
                    "are {} and {}",
                    x.rows, y.rows));
  const LaneBlocks blocks(y);
  Matrix<float> cost(x.rows, blocks.blocks() * kLanes);
  squared_costs(blocks, x, cost.data());
  Assignment assignment(std::move(cost), x.rows);
  const auto& column_of = assignment.solve();
  double sum = 0.0;
  for (std::size_t i = 0; i < x.rows; ++i) sum += squared_distance(x.row(i), y.row(column_of[i]));
  return std::sqrt(sum / static_cast<double>(x.rows));
}

}  // namespace gmmvae
