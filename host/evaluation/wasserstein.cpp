#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/evaluation/two_sample.hpp"
#include "host/parallel/lanes.hpp"

namespace gmmvae {

namespace {

// Step index of the evaluation stream that holds the random directions.
constexpr std::uint32_t kDirectionStep = 1;

std::vector<float> project(MatrixView<float> x, std::span<const double> direction) {
  std::vector<float> out(x.rows);
  for (std::size_t i = 0; i < x.rows; ++i) {
    double sum = 0.0;
    for (std::size_t d = 0; d < x.cols; ++d) sum += x(i, d) * direction[d];
    out[i] = static_cast<float>(sum);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Squared W2 of two sorted samples: the integral over (0,1) of the squared difference of their quantile
// functions, which step at multiples of 1/N and 1/M.
double squared_w2(const std::vector<float>& a, const std::vector<float>& b) {
  const std::size_t n = a.size(), m = b.size();
  double sum = 0.0;
  std::size_t i = 0, j = 0;
  std::size_t at = 0;  // position in units of 1 / (n m)
  while (i < n && j < m) {
    const std::size_t next = std::min((i + 1) * m, (j + 1) * n);
    const double difference = static_cast<double>(a[i]) - b[j];
    sum += static_cast<double>(next - at) * difference * difference;
    at = next;
    if (next == (i + 1) * m) ++i;
    if (next == (j + 1) * n) ++j;
  }
  return sum / (static_cast<double>(n) * static_cast<double>(m));
}

/// Shortest augmenting paths on a dense cost matrix (Jonker & Volgenant 1987). Columns' potentials start at
/// their least cost and tight edges are matched greedily, which leaves few rows for the search.
class Assignment {
 public:
  explicit Assignment(Matrix<float> cost)
      : n_(cost.rows()),
        cost_(std::move(cost)),
        u_(n_, 0.0f),
        v_(n_),
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
    v_.assign(n_, std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < n_; ++i)
      for (std::size_t j = 0; j < n_; ++j) v_[j] = std::min<double>(v_[j], cost_(i, j));
    for (std::size_t i = 0; i < n_; ++i) {
      std::size_t best = 0;
      for (std::size_t j = 1; j < n_; ++j)
        if (cost_(i, j) - v_[j] < cost_(i, best) - v_[best]) best = j;
      u_[i] = cost_(i, best) - v_[best];
      if (row_of_[best] == kNone) row_of_[best] = i, column_of_[i] = best;
    }
  }

  // Dijkstra from the free row over reduced costs; `open` lists the columns not yet reached for good.
  void augment(std::size_t free_row) {
    std::vector<double> distance(n_, std::numeric_limits<double>::infinity());
    std::vector<std::size_t> parent(n_, kNone), done;
    std::vector<std::size_t> open(n_);
    for (std::size_t j = 0; j < n_; ++j) open[j] = j;
    std::size_t row = free_row;
    double reached = 0.0;
    std::size_t end = kNone;
    while (end == kNone) {
      std::size_t best_at = 0;
      double best = std::numeric_limits<double>::infinity();
      const double base = reached - u_[row];
      const float* costs = cost_.data() + row * n_;
      for (std::size_t at = 0; at < open.size(); ++at) {
        const std::size_t j = open[at];
        const double through = base + costs[j] - v_[j];
        if (through < distance[j]) distance[j] = through, parent[j] = row;
        if (distance[j] < best) best = distance[j], best_at = at;
      }
      const std::size_t column = open[best_at];
      open[best_at] = open.back();
      open.pop_back();
      reached = best;
      if (row_of_[column] == kNone) {
        end = column;
      } else {
        done.push_back(column);
        row = row_of_[column];
      }
    }
    u_[free_row] += reached;
    for (std::size_t j : done) {
      u_[row_of_[j]] += reached - distance[j];
      v_[j] -= reached - distance[j];
    }
    for (std::size_t j = end; j != kNone;) {
      const std::size_t i = parent[j];
      std::swap(column_of_[i], j);
      row_of_[column_of_[i]] = i;
      if (i == free_row) break;
    }
  }

  std::size_t n_;
  Matrix<float> cost_;
  std::vector<double> u_, v_;
  std::vector<std::size_t> row_of_, column_of_;
};

GMMVAE_CLONES void squared_costs(const LaneBlocks& blocks, MatrixView<float> rows, float* out) {
  for (std::size_t i = 0; i < rows.rows; ++i)
    for (std::size_t b = 0; b < blocks.blocks(); ++b) {
      Lanes d2;
      squared_distances(blocks.block(b), rows.data + i * rows.cols, rows.cols, d2);
      std::memcpy(out + i * rows.rows + b * kLanes, &d2, blocks.filled(b) * sizeof(float));
    }
}

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) {
    const double difference = static_cast<double>(a[d]) - b[d];
    sum += difference * difference;
  }
  return sum;
}

}  // namespace

Estimate sliced_wasserstein(MatrixView<float> x, MatrixView<float> y, std::size_t directions,
                            std::uint64_t seed, ThreadPool& pool) {
  if (x.rows == 0 || y.rows == 0)
    throw DataError("the sliced Wasserstein distance needs at least one point on either side");
  const RandomStream stream(seed, Purpose::evaluation, 0, kDirectionStep);
  std::vector<double> squares(directions);
  pool.run(directions, [&](std::size_t p) {
    std::vector<double> direction(x.cols);
    double norm = 0.0;
    for (std::size_t d = 0; d < x.cols; ++d) {
      direction[d] = stream.normal(p * x.cols + d);
      norm += direction[d] * direction[d];
    }
    for (double& v : direction) v /= std::sqrt(norm);
    squares[p] = squared_w2(project(x, direction), project(y, direction));
  });
  double mean = 0.0, spread = 0.0;
  for (double s : squares) mean += s / static_cast<double>(directions);
  for (double s : squares) spread += (s - mean) * (s - mean);
  const double value = std::sqrt(mean);
  const auto count = static_cast<double>(directions);
  const double error = directions > 1 ? std::sqrt(spread / (count - 1.0) / count) : 0.0;
  return {value, value > 0.0 ? 0.5 * error / value : 0.0};  // d sqrt(m) = dm / (2 sqrt(m))
}

double wasserstein(MatrixView<float> x, MatrixView<float> y) {
  if (x.rows == 0 || x.rows != y.rows)
    throw DataError(
        fmt::format("the exact Wasserstein distance needs equally many points on either side, but there "
                    "are {} and {}",
                    x.rows, y.rows));
  Matrix<float> cost(x.rows, y.rows);
  squared_costs(LaneBlocks(y), x, cost.data());
  Assignment assignment(std::move(cost));
  const auto& column_of = assignment.solve();
  double sum = 0.0;
  for (std::size_t i = 0; i < x.rows; ++i) sum += squared_distance(x.row(i), y.row(column_of[i]));
  return std::sqrt(sum / static_cast<double>(x.rows));
}

}  // namespace gmmvae
