// The only translation unit that may include hnswlib: its header defines functions that are not inline.
// Its prefetches read one number past the end of a full list of links (0.6.2), and the distance is our own
// anyway.
#define NO_MANUAL_VECTORIZATION
#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "host/tsne/neighbors.hpp"

namespace gmmvae::tsne {
namespace {

// So many graphs, each over every so-manyth point and built by one task: built together by several threads,
// one graph would differ from run to run. Asked together they know as much as one.
constexpr std::size_t kGraphs = 4;
constexpr std::size_t kLinks = 16;
constexpr std::size_t kBuildBreadth = 100;
constexpr std::size_t kPointsPerTask = 64;

/// Graphs hold places; the points stay where they are.
float distance(const void* a, const void* b, const void* tree) {
  const Matrix<float>& points = static_cast<const NeighborTree*>(tree)->points;
  const std::size_t dim = points.cols();
  return squared_between(points.data() + *static_cast<const std::uint32_t*>(a) * dim,
                         points.data() + *static_cast<const std::uint32_t*>(b) * dim, dim);
}

class Space final : public hnswlib::SpaceInterface<float> {
 public:
  explicit Space(const NeighborTree& tree) : tree_(tree) {}
  std::size_t get_data_size() override { return sizeof(std::uint32_t); }
  hnswlib::DISTFUNC<float> get_dist_func() override { return distance; }
  void* get_dist_func_param() override { return const_cast<NeighborTree*>(&tree_); }

 private:
  const NeighborTree& tree_;
};

using Graph = hnswlib::HierarchicalNSW<float>;

}  // namespace

NeighborLists approximate_neighbors(const NeighborTree& tree, std::size_t k, ThreadPool& pool) {
  const std::size_t size = tree.size(), graphs = std::min(kGraphs, size);
  Space space(tree);
  std::vector<std::unique_ptr<Graph>> graph(graphs);
  // Points that follow one another in the tree are close, so taking turns gives each graph its share of every
  // place.
  pool.run(graphs, [&](std::size_t g) {
    graph[g] = std::make_unique<Graph>(&space, (size - g + graphs - 1) / graphs, kLinks, kBuildBreadth);
    for (auto i = static_cast<std::uint32_t>(g); i < size; i += static_cast<std::uint32_t>(graphs))
      graph[g]->addPoint(&i, i);
  });
  // A graph holds about k / graphs of a point's neighbours: four standard deviations more, and the point
  // itself.
  const double share = static_cast<double>(k) / static_cast<double>(graphs);
  const auto each = std::min(k + 1, static_cast<std::size_t>(share + 4.0 * std::sqrt(share)) + 2);
  for (auto& one : graph) one->setEf(2 * each);
  NeighborLists out(size, k);
  pool.for_range(size, kPointsPerTask, [&](std::size_t begin, std::size_t end) {
    std::vector<std::pair<float, std::size_t>> found;
    for (std::size_t i = begin; i < end; ++i) {
      const auto self = static_cast<std::uint32_t>(i);
      // A graph that is small or badly linked may give fewer than asked for: then all are asked for
      // everything.
      for (std::size_t wanted = each;; wanted = size) {
        found.clear();
        for (const auto& one : graph)
          for (auto list = one->searchKnn(&self, wanted); !list.empty(); list.pop())
            if (list.top().second != i) found.emplace_back(list.top().first, list.top().second);
        if (found.size() >= k || wanted == size) break;
      }
      std::sort(found.begin(), found.end());
      // Whatever is still missing is made up by the places next to the point's own.
      for (std::size_t step = 1; found.size() < k; ++step)
        for (const std::size_t place : {i + step, i - step}) {
          const bool known =
              std::any_of(found.begin(), found.end(), [&](auto& f) { return f.second == place; });
          if (place < size && !known && found.size() < k)
            found.emplace_back(
                squared_between(tree.points.row(i).data(), tree.points.row(place).data(), tree.dim), place);
        }
      for (std::size_t a = 0; a < k; ++a) {
        out.points[i * k + a] = static_cast<std::uint32_t>(found[a].second);
        out.squared[i * k + a] = found[a].first;
      }
    }
  });
  return out;
}

}  // namespace gmmvae::tsne
