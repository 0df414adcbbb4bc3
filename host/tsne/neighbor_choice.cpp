#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "host/io/npy.hpp"
#include "host/tsne/neighbors.hpp"
#include "host/tsne/normalizer.hpp"

namespace gmmvae {
namespace tsne {
namespace {

constexpr std::size_t kRecallSample = 1000;
constexpr std::size_t kCostGroups = 48;

struct Sample {
  Matrix<float> points;
  std::vector<std::uint32_t> places;
};

Sample rows_at(const NeighborTree& tree, std::vector<std::uint32_t> places) {
  Sample out{Matrix<float>(places.size(), tree.dim), std::move(places)};
  for (std::size_t i = 0; i < out.places.size(); ++i)
    std::ranges::copy(tree.points.row(out.places[i]), out.points.row(i).begin());
  return out;
}

}  // namespace

double neighbor_recall(const NeighborTree& tree, const NeighborLists& lists, ThreadPool& pool) {
  const std::size_t count = std::min(kRecallSample, tree.size());
  std::vector<std::uint32_t> places(count);
  for (std::size_t i = 0; i < count; ++i) places[i] = static_cast<std::uint32_t>(i * tree.size() / count);
  const Sample sample = rows_at(tree, std::move(places));
  const NeighborLists exact = neighbors_in(tree, sample.points, sample.places, lists.k, pool);
  std::size_t hits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto begin = exact.points.begin() + static_cast<std::ptrdiff_t>(i * lists.k);
    std::vector<std::uint32_t> truth(begin, begin + static_cast<std::ptrdiff_t>(lists.k));
    std::sort(truth.begin(), truth.end());
    for (std::size_t a = 0; a < lists.k; ++a)
      hits += std::binary_search(truth.begin(), truth.end(), lists.points[sample.places[i] * lists.k + a])
                  ? 1
                  : 0;
  }
  return static_cast<double>(hits) / static_cast<double>(count * lists.k);
}

bool exact_is_too_slow(const NeighborTree& tree, std::size_t k, std::size_t iterations, ThreadPool& pool,
                       const SearchCosts& costs) {
  const double affordable = std::max(costs.step * static_cast<double>(iterations), costs.graphs);
  const double scan = costs.coordinate * (static_cast<double>(tree.dim) + costs.choice);
  // Even if every point were looked at for every other one?
  if (static_cast<double>(tree.size()) * scan / kLeafGrain <= affordable) return false;
  std::vector<std::uint32_t> places;
  const std::size_t groups = tree.size() / kLeafGrain;
  for (std::size_t g = 0; g < std::min(kCostGroups, groups); ++g)
    for (std::size_t l = 0; l < kLeafGrain; ++l)
      places.push_back(
          static_cast<std::uint32_t>(g * groups / std::min(kCostGroups, groups) * kLeafGrain + l));
  const Sample sample = rows_at(tree, std::move(places));
  std::uint64_t scanned = 0;
  neighbors_in(tree, sample.points, sample.places, k, pool, &scanned);
  return static_cast<double>(scanned) / static_cast<double>(sample.places.size()) * scan > affordable;
}

void check_neighbors(MatrixView<float> x, std::size_t k) {
  if (k == 0 || k >= x.rows)
    throw UsageError(fmt::format("each of {} points is asked for {} nearest others", x.rows, k));
  require_finite(x, "a point");
}

}  // namespace tsne

NearestNeighbors nearest_neighbors(MatrixView<float> x, std::size_t k, NeighborSearch search,
                                   std::size_t threads) {
  using namespace tsne;
  check_neighbors(x, k);
  ThreadPool pool(threads == 0 ? available_threads() : threads);
  const Normalizer normalizer(x);
  const NeighborTree tree = build_neighbor_tree(normalizer.apply(x), pool);
  const bool approximate = search == NeighborSearch::approximate ||
                           (search == NeighborSearch::automatic && exact_is_too_slow(tree, k, 0, pool));
  const NeighborLists lists =
      approximate ? approximate_neighbors(tree, k, pool) : exact_neighbors(tree, k, pool);
  NearestNeighbors out{k, std::vector<std::uint32_t>(x.rows * k), std::vector<float>(x.rows * k), {}};
  if (approximate) out.recall = neighbor_recall(tree, lists, pool);
  const double unit = normalizer.squared_unit();
  for (std::size_t r = 0; r < x.rows; ++r)
    for (std::size_t a = 0; a < k; ++a) {
      out.points[tree.order[r] * k + a] = tree.order[lists.points[r * k + a]];
      out.squared[tree.order[r] * k + a] = static_cast<float>(lists.squared[r * k + a] * unit);
    }
  return out;
}

}  // namespace gmmvae
