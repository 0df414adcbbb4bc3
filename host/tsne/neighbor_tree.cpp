#include "host/tsne/neighbor_tree.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

namespace gmmvae::tsne {
namespace {

// Leaves are as small as a search makes use of: below this, looking at all points is cheaper than at two
// balls.
constexpr std::size_t kLeafSize = 64;
// A node's longest direction is found on so many of its points, by so many multiplications with their
// covariance.
constexpr std::size_t kSample = 128;
constexpr int kPowerSteps = 3;
// The smaller side of a cut gets at least this fraction, which keeps the tree's depth within log N /
// log(8/7).
constexpr std::size_t kSmallestSide = 8;

using Node = NeighborTree::Node;

class Builder {
 public:
  explicit Builder(MatrixView<float> x) : x_(x), order_(x.rows) {
    std::iota(order_.begin(), order_.end(), 0u);
  }

  NeighborTree build(ThreadPool& pool);

 private:
  std::vector<float> mean_of(std::span<const std::uint32_t> points) const;
  float radius_of(std::span<const std::uint32_t> points, const float* center) const;
  std::vector<float> direction_of(std::span<const std::uint32_t> points) const;
  std::size_t cut(std::span<std::uint32_t> points) const;

  MatrixView<float> x_;
  std::vector<std::uint32_t> order_;
};

std::vector<float> Builder::mean_of(std::span<const std::uint32_t> points) const {
  std::vector<double> sum(x_.cols);
  for (const std::uint32_t p : points)
    for (std::size_t d = 0; d < x_.cols; ++d) sum[d] += x_(p, d);
  std::vector<float> mean(x_.cols);
  for (std::size_t d = 0; d < x_.cols; ++d)
    mean[d] = static_cast<float>(sum[d] / static_cast<double>(points.size()));
  return mean;
}

float Builder::radius_of(std::span<const std::uint32_t> points, const float* center) const {
  double largest = 0.0;
  for (const std::uint32_t p : points) {
    const float* row = x_.data + p * x_.cols;
    double squared = 0.0;
    for (std::size_t d = 0; d < x_.cols; ++d) {
      const double difference = static_cast<double>(row[d]) - center[d];
      squared += difference * difference;
    }
    largest = std::max(largest, squared);
  }
  return static_cast<float>(std::sqrt(largest) * (1.0 + 1e-6));
}

/// A direction in which the points vary much: some steps of the power method on a sample, from the sample's
/// farthest point. It need not have converged, since any direction gives a right tree.
std::vector<float> Builder::direction_of(std::span<const std::uint32_t> points) const {
  const std::size_t dim = x_.cols;
  const std::size_t count = std::min(kSample, points.size());
  std::vector<std::uint32_t> sample(count);
  for (std::size_t i = 0; i < count; ++i) sample[i] = points[i * points.size() / count];
  const std::vector<float> mean = mean_of(sample);
  std::vector<double> direction(dim), next(dim);
  double farthest = 0.0;
  for (const std::uint32_t p : sample) {
    double squared = 0.0;
    for (std::size_t d = 0; d < dim; ++d) squared += std::pow(static_cast<double>(x_(p, d)) - mean[d], 2);
    if (squared <= farthest) continue;
    farthest = squared;
    for (std::size_t d = 0; d < dim; ++d) direction[d] = static_cast<double>(x_(p, d)) - mean[d];
  }
  for (int step = 0; farthest > 0.0 && step < kPowerSteps; ++step) {
    std::fill(next.begin(), next.end(), 0.0);
    for (const std::uint32_t p : sample) {
      double along = 0.0;
      for (std::size_t d = 0; d < dim; ++d) along += direction[d] * (static_cast<double>(x_(p, d)) - mean[d]);
      for (std::size_t d = 0; d < dim; ++d) next[d] += along * (static_cast<double>(x_(p, d)) - mean[d]);
    }
    const double length = std::sqrt(std::inner_product(next.begin(), next.end(), next.begin(), 0.0));
    if (!(length > 0.0) || !std::isfinite(length)) break;
    for (std::size_t d = 0; d < dim; ++d) direction[d] = next[d] / length;
  }
  return {direction.begin(), direction.end()};
}

/// Sorts the points along their direction and returns where to cut them in two: where the two sides'
/// variances add up to the least, which is between clusters if there are any.
std::size_t Builder::cut(std::span<std::uint32_t> points) const {
  const std::vector<float> direction = direction_of(points);
  std::vector<std::pair<double, std::uint32_t>> along(points.size());
  for (std::size_t i = 0; i < points.size(); ++i) {
    double sum = 0.0;
    for (std::size_t d = 0; d < x_.cols; ++d) sum += static_cast<double>(direction[d]) * x_(points[i], d);
    along[i] = {sum, points[i]};
  }
  std::sort(along.begin(), along.end());
  for (std::size_t i = 0; i < points.size(); ++i) points[i] = along[i].second;
  double total = 0.0;
  for (const auto& [value, point] : along) total += value - along[0].first;
  const std::size_t margin = std::max(kLeafGrain, points.size() / kSmallestSide / kLeafGrain * kLeafGrain);
  std::size_t best = margin;
  double most = -1.0, left = 0.0;
  for (std::size_t i = 0; i + margin < points.size(); ++i) {
    const std::size_t count = i + 1;
    left += along[i].first - along[0].first;
    if (count % kLeafGrain != 0 || count < margin) continue;
    // The variance between the sides is n1 n2 (mean1 - mean2)^2 / n^2; the rest of the variance is within
    // them.
    const auto n1 = static_cast<double>(count), n2 = static_cast<double>(points.size() - count);
    const double apart = left / n1 - (total - left) / n2;
    if (n1 * n2 * apart * apart > most) {
      most = n1 * n2 * apart * apart;
      best = count;
    }
  }
  return best;
}

NeighborTree Builder::build(ThreadPool& pool) {
  NeighborTree tree;
  tree.dim = x_.cols;
  tree.nodes = {{0, static_cast<std::uint32_t>(x_.rows), 0, 0.0f}};
  // Level by level: the nodes of one level hold different points and so can be cut side by side.
  for (std::size_t first = 0; first < tree.nodes.size();) {
    const std::size_t last = tree.nodes.size();
    std::vector<std::size_t> cuts(last - first);
    pool.run(last - first, [&](std::size_t i) {
      const Node& node = tree.nodes[first + i];
      if (node.end - node.begin > kLeafSize)
        cuts[i] = cut(std::span(order_).subspan(node.begin, node.end - node.begin));
    });
    for (std::size_t i = first; i < last; ++i) {
      if (cuts[i - first] == 0) continue;
      const Node node = tree.nodes[i];
      const auto middle = node.begin + static_cast<std::uint32_t>(cuts[i - first]);
      tree.nodes[i].child = static_cast<std::uint32_t>(tree.nodes.size());
      tree.nodes.push_back({node.begin, middle, 0, 0.0f});
      tree.nodes.push_back({middle, node.end, 0, 0.0f});
    }
    first = last;
  }
  tree.centers = Matrix<float>(tree.nodes.size(), x_.cols);
  pool.run(tree.nodes.size(), [&](std::size_t i) {
    Node& node = tree.nodes[i];
    const auto points = std::span<const std::uint32_t>(order_).subspan(node.begin, node.end - node.begin);
    std::ranges::copy(mean_of(points), tree.centers.row(i).begin());
    node.radius = radius_of(points, tree.centers.row(i).data());
  });
  tree.order = std::move(order_);
  return tree;
}

/// Row order[i] moves to place i, along the cycles of the order.
void sort_rows(const std::vector<std::uint32_t>& order, Matrix<float>& x) {
  std::vector<bool> settled(order.size());
  std::vector<float> first(x.cols());
  for (std::size_t start = 0; start < order.size(); ++start) {
    if (settled[start]) continue;
    std::ranges::copy(x.row(start), first.begin());
    std::size_t place = start;
    for (; order[place] != start; place = order[place]) {
      std::ranges::copy(x.row(order[place]), x.row(place).begin());
      settled[place] = true;
    }
    std::ranges::copy(first, x.row(place).begin());
    settled[place] = true;
  }
}

}  // namespace

NeighborTree build_neighbor_tree(Matrix<float> x, ThreadPool& pool) {
  NeighborTree tree = Builder(x).build(pool);
  sort_rows(tree.order, x);
  tree.points = std::move(x);
  return tree;
}

}  // namespace gmmvae::tsne
