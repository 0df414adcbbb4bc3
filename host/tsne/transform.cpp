#include "host/tsne/transform.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/tsne.hpp"
#include "host/io/npy.hpp"
#include "host/parallel/lanes.hpp"
#include "host/tsne/affinities.hpp"
#include "host/tsne/gradient.hpp"
#include "host/tsne/neighbors.hpp"
#include "host/tsne/normalizer.hpp"

namespace gmmvae {
namespace tsne {
namespace {

constexpr std::size_t kMostDim = 3;

}  // namespace

Placement::Placement(std::size_t points)
    : perplexity(std::min(5.0, std::max(1.0, static_cast<double>(points - 1) / 3.0))),
      neighbors(std::min(points - 1, static_cast<std::size_t>(3.0 * perplexity))) {}

void check_placement(MatrixView<float> x, MatrixView<float> y, MatrixView<float> new_points) {
  if (x.rows < 2 || x.rows != y.rows || y.cols < 1 || y.cols > kMostDim)
    throw DataError(
        fmt::format("an embedding of {} x {} numbers does not belong to {} points", y.rows, y.cols, x.rows));
  if (new_points.rows == 0) throw DataError("there are no new points to place");
  if (new_points.cols != x.cols)
    throw DataError(fmt::format("the new points have {} columns, but those of the embedding have {}",
                                new_points.cols, x.cols));
  require_finite(x, "a point of the embedding");
  require_finite(y, "the embedding");
  require_finite(new_points, "a new point");
}

float median_of(MatrixView<float> y, std::span<const std::uint32_t> neighbors, std::size_t d) {
  std::vector<float> values(neighbors.size());
  for (std::size_t a = 0; a < values.size(); ++a) values[a] = y(neighbors[a], d);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace tsne

namespace {

using namespace tsne;

/// Sixteen new points on their way; each sees the embedding alone.
class Newcomers {
 public:
  Newcomers(const Placement& placement, const NeighborLists& conditional, MatrixView<float> embedding,
            std::size_t first, std::size_t lanes)
      : placement_(placement), lists_(conditional), embedding_(embedding), first_(first), lanes_(lanes) {
    for (std::size_t l = 0; l < lanes_; ++l)
      for (std::size_t d = 0; d < dim(); ++d) position_[d * kLanes + l] = median(l, d);
    std::fill(std::begin(gain_), std::end(gain_), 1.0);
  }

  void step() {
    double force[kLanes * kMostDim] = {}, normalization[kLanes] = {};
    repel(position_, embedding_.data, embedding_.rows, dim(), force, normalization);
    for (std::size_t l = 0; l < lanes_; ++l) {
      double gradient[kMostDim] = {};
      attract(l, gradient);
      double squared = 0.0;
      for (std::size_t d = 0; d < dim(); ++d) {
        gradient[d] = placement_.exaggeration * gradient[d] - force[l * dim() + d] / normalization[l];
        squared += gradient[d] * gradient[d];
      }
      const double shrink = squared > placement_.longest_gradient * placement_.longest_gradient
                                ? placement_.longest_gradient / std::sqrt(squared)
                                : 1.0;
      for (std::size_t d = 0; d < dim(); ++d) move(d * kLanes + l, shrink * gradient[d]);
    }
  }

  [[nodiscard]] float position(std::size_t lane, std::size_t d) const { return position_[d * kLanes + lane]; }

 private:
  [[nodiscard]] std::size_t dim() const { return embedding_.cols; }
  [[nodiscard]] std::size_t neighbor(std::size_t lane, std::size_t a) const {
    return lists_.points[(first_ + lane) * lists_.k + a];
  }

  [[nodiscard]] float median(std::size_t lane, std::size_t d) const {
    return median_of(embedding_, std::span(lists_.points).subspan((first_ + lane) * lists_.k, lists_.k), d);
  }

  void attract(std::size_t lane, double (&gradient)[kMostDim]) const {
    for (std::size_t a = 0; a < lists_.k; ++a) {
      double apart[kMostDim], squared = 1.0;
      for (std::size_t d = 0; d < dim(); ++d) {
        apart[d] = static_cast<double>(position_[d * kLanes + lane]) - embedding_(neighbor(lane, a), d);
        squared += apart[d] * apart[d];
      }
      const double weight = lists_.squared[(first_ + lane) * lists_.k + a] / squared;
      for (std::size_t d = 0; d < dim(); ++d) gradient[d] += weight * apart[d];
    }
  }

  void move(std::size_t at, double gradient) {
    gain_[at] = gradient * update_[at] <= 0.0 ? gain_[at] + 0.2 : gain_[at] * 0.8 + 0.01;
    update_[at] = placement_.momentum * update_[at] - placement_.learning_rate * gain_[at] * gradient;
    position_[at] += static_cast<float>(update_[at]);
  }

  const Placement& placement_;
  const NeighborLists& lists_;
  MatrixView<float> embedding_;
  std::size_t first_;
  std::size_t lanes_;
  float position_[kMostDim * kLanes] = {};
  double update_[kMostDim * kLanes] = {};
  double gain_[kMostDim * kLanes];
};

}  // namespace

Matrix<float> tsne_transform(MatrixView<float> x, MatrixView<float> y, MatrixView<float> new_points,
                             std::size_t threads) {
  check_placement(x, y, new_points);
  ThreadPool pool(threads == 0 ? available_threads() : threads);
  const Normalizer normalizer(x);
  const NeighborTree tree = build_neighbor_tree(normalizer.apply(x), pool);
  const Placement placement(x.rows);
  const std::size_t k = placement.neighbors;
  const Matrix<float> queries = normalizer.apply(new_points);
  NeighborLists lists = neighbors_in(tree, queries, {}, k, pool);
  for (std::uint32_t& place : lists.points) place = tree.order[place];
  Matrix<float> out(new_points.rows, y.cols);
  pool.run((new_points.rows + kLanes - 1) / kLanes, [&](std::size_t block) {
    const std::size_t first = block * kLanes, lanes = std::min(kLanes, new_points.rows - first);
    for (std::size_t i = first; i < first + lanes; ++i)
      calibrate_row(std::span(lists.squared).subspan(i * k, k), placement.perplexity);
    Newcomers newcomers(placement, lists, y, first, lanes);
    for (std::size_t step = 0; step < placement.iterations; ++step) newcomers.step();
    for (std::size_t l = 0; l < lanes; ++l)
      for (std::size_t d = 0; d < y.cols; ++d) out(first + l, d) = newcomers.position(l, d);
  });
  return out;
}

}  // namespace gmmvae
