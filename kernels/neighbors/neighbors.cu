#include <algorithm>
#include <cmath>

#include "kernels/neighbors/lists.hpp"
#include "kernels/neighbors/neighbors.hpp"

namespace gmmvae::cuda {
namespace {

/// Fewer points have no use for an order.
constexpr std::size_t fewest_to_order = 4096;
/// Approximate neighbours look at more lists until a sample has found this share of its true neighbours.
constexpr double wanted_recall = 0.97;
constexpr std::uint32_t first_probes = 4;
constexpr std::size_t sampled_tiles = 32;

/// Some of the points as queries of their own, the same tiles for exact and for approximate answers.
struct Sample {
  DeviceArray<float> points;
  DeviceArray<std::uint32_t> ids;
  std::vector<QueryTile> tiles;
  std::size_t rows = 0;
};

class Finder {
 public:
  Finder(const PointLists& lists, std::size_t k, cudaStream_t stream)
      : lists_(lists), k_(k), stream_(stream), shape_(search_shape(k, shared_limit())) {}

  void exact(DeviceNeighbors& out) const {
    std::vector<QueryTile> tiles;
    add_tiles(tiles, 0, static_cast<std::uint32_t>(lists_.rows), 0, shape_);
    SearchTask task = task_for(lists_.points, lists_.order, out.points, out.squared);
    run_over_all(task, tiles);
  }

  /// Raises the number of lists looked at until the sample's recall is high enough and nobody lacks a
  /// neighbour.
  void approximate(DeviceNeighbors& out) const {
    const std::vector<QueryTile> tiles = tiles_by_list();
    const Sample sample = take_sample(tiles);
    const std::vector<std::uint32_t> truth = exact_answers(sample);
    const auto all = static_cast<std::uint32_t>(lists_.lists());
    for (std::uint32_t probes = std::min(first_probes, all);; probes = std::min(2 * probes, all)) {
      const DeviceArray<std::uint32_t> nearest_lists = lists_to_probe(probes);
      bool missing = false;
      out.recall = recall(truth, answers(sample, nearest_lists, probes, missing));
      if ((missing || *out.recall < wanted_recall) && probes < all) continue;
      SearchTask task = task_for(lists_.points, lists_.order, out.points, out.squared);
      if (!run(task, tiles, nearest_lists, probes) || probes == all) return;
    }
  }

 private:
  [[nodiscard]] std::vector<QueryTile> tiles_by_list() const {
    std::vector<QueryTile> tiles;
    for (std::size_t l = 0; l < lists_.lists(); ++l)
      add_tiles(tiles, lists_.host_begins[l], lists_.host_begins[l + 1] - lists_.host_begins[l],
                static_cast<std::uint32_t>(l), shape_);
    return tiles;
  }

  [[nodiscard]] Sample take_sample(const std::vector<QueryTile>& tiles) const {
    Sample sample;
    std::vector<std::uint32_t> places;
    const std::size_t count = std::min(sampled_tiles, tiles.size());
    for (std::size_t t = 0; t < count; ++t) {
      const QueryTile& tile = tiles[t * tiles.size() / count];
      sample.tiles.push_back({static_cast<std::uint32_t>(places.size()), tile.count, tile.probes});
      for (std::uint32_t i = 0; i < tile.count; ++i) places.push_back(tile.first + i);
    }
    sample.rows = places.size();
    const std::vector<std::uint32_t> order = to_host(lists_.order, stream_);
    std::vector<std::uint32_t> ids(places.size());
    for (std::size_t i = 0; i < places.size(); ++i) ids[i] = order[places[i]];
    sample.ids = to_device(ids, stream_);
    const DeviceArray<std::uint32_t> device_places = to_device(places, stream_);
    sample.points = DeviceArray<float>(places.size() * lists_.dim, stream_);
    launch_gather_rows(lists_.points.data(), device_places.data(), places.size(), lists_.dim,
                       sample.points.data(), stream_);
    return sample;
  }

  [[nodiscard]] SearchTask task_for(const DeviceArray<float>& queries, const DeviceArray<std::uint32_t>& ids,
                                    DeviceArray<std::uint32_t>& found, DeviceArray<float>& squared) const {
    SearchTask task;
    task.queries = queries.data();
    task.query_ids = ids.data();
    task.points = lists_.points.data();
    task.point_ids = lists_.order.data();
    task.dim = static_cast<int>(lists_.dim);
    task.k = static_cast<int>(k_);
    task.found = found.data();
    task.squared = squared.data();
    return task;
  }

  void run_over_all(SearchTask task, std::vector<QueryTile> tiles) const {
    for (QueryTile& tile : tiles) tile.probes = 0;
    const std::vector<std::uint32_t> one_list = {0, static_cast<std::uint32_t>(lists_.rows)};
    const DeviceArray<std::uint32_t> begins = to_device(one_list, stream_);
    const DeviceArray<QueryTile> device_tiles = to_device(tiles, stream_);
    task.list_begins = begins.data();
    task.probes = begins.data();  // the one list's number is 0
    task.tiles = device_tiles.data();
    launch_search(task, tiles.size(), shape_, stream_);
  }

  /// Whether some query found fewer than k.
  bool run(SearchTask task, const std::vector<QueryTile>& tiles, const DeviceArray<std::uint32_t>& probes,
           std::uint32_t probe_count) const {
    const DeviceArray<QueryTile> device_tiles = to_device(tiles, stream_);
    DeviceArray<int> missing(1, stream_);
    missing.fill_with_zeros();
    task.list_begins = lists_.begins.data();
    task.probes = probes.data();
    task.probe_stride = probe_count;
    task.probe_count = probe_count;
    task.tiles = device_tiles.data();
    task.missing = missing.data();
    launch_search(task, tiles.size(), shape_, stream_);
    return to_host(missing, stream_)[0] != 0;
  }

  /// The lists with the nearest centroids, its own first, for each list [lists,probes].
  [[nodiscard]] DeviceArray<std::uint32_t> lists_to_probe(std::uint32_t probes) const {
    const SearchShape shape = search_shape(probes, shared_limit());
    const std::vector<std::uint32_t> one_list = {0, static_cast<std::uint32_t>(lists_.lists())};
    std::vector<QueryTile> tiles;
    add_tiles(tiles, 0, static_cast<std::uint32_t>(lists_.lists()), 0, shape);
    const DeviceArray<std::uint32_t> begins = to_device(one_list, stream_);
    const DeviceArray<QueryTile> device_tiles = to_device(tiles, stream_);
    DeviceArray<std::uint32_t> found(lists_.lists() * probes, stream_);
    DeviceArray<float> squared(found.size(), stream_);
    SearchTask task;
    task.queries = lists_.centroids.data();
    task.points = lists_.centroids.data();
    task.list_begins = begins.data();
    task.probes = begins.data();
    task.tiles = device_tiles.data();
    task.dim = static_cast<int>(lists_.dim);
    task.k = static_cast<int>(probes);
    task.found = found.data();
    task.squared = squared.data();
    launch_search(task, tiles.size(), shape, stream_);
    return found;
  }

  [[nodiscard]] std::vector<std::uint32_t> exact_answers(const Sample& sample) const {
    DeviceArray<std::uint32_t> found(sample.rows * k_, stream_);
    DeviceArray<float> squared(found.size(), stream_);
    run_over_all(task_for(sample.points, sample.ids, found, squared), sample.tiles);
    return to_host(found, stream_);
  }
  std::vector<std::uint32_t> answers(const Sample& sample, const DeviceArray<std::uint32_t>& probes,
                                     std::uint32_t probe_count, bool& missing) const {
    DeviceArray<std::uint32_t> found(sample.rows * k_, stream_);
    DeviceArray<float> squared(found.size(), stream_);
    missing = run(task_for(sample.points, sample.ids, found, squared), sample.tiles, probes, probe_count);
    return to_host(found, stream_);
  }

  /// The share of true neighbours among those found.
  [[nodiscard]] double recall(const std::vector<std::uint32_t>& truth,
                              const std::vector<std::uint32_t>& found) const {
    std::size_t hits = 0;
    for (std::size_t begin = 0; begin < truth.size(); begin += k_) {
      const auto row = truth.begin() + static_cast<std::ptrdiff_t>(begin);
      std::vector<std::uint32_t> sorted(row, row + static_cast<std::ptrdiff_t>(k_));
      std::sort(sorted.begin(), sorted.end());
      for (std::size_t a = 0; a < k_; ++a)
        hits += std::binary_search(sorted.begin(), sorted.end(), found[begin + a]) ? 1 : 0;
    }
    return static_cast<double>(hits) / static_cast<double>(truth.size());
  }

  const PointLists& lists_;
  std::size_t k_;
  cudaStream_t stream_;
  SearchShape shape_;
};

}  // namespace

// A pair costs a difference and a multiply-add a dimension and some 8 instructions of selection; half of an
// H200's 132 x 128 lanes at 1.98 GHz come through. A step of the descent costs about 30 us and 0.25 ns a
// point.
bool exact_neighbors_cost_more(std::size_t rows, std::size_t dim, std::size_t iterations) {
  const auto n = static_cast<double>(rows);
  const double exact = n * n * (2.0 * static_cast<double>(dim) + 8.0) / 1.7e13;
  const double descent = static_cast<double>(iterations) * (30e-6 + 0.25e-9 * n);
  const double least_worth = 0.05;  // seconds; what the lists themselves cost
  return exact > std::max(descent, least_worth);
}

DeviceNeighbors find_neighbors(MatrixView<float> x, std::size_t k, NeighborSearch search,
                               std::size_t iterations, cudaStream_t stream) {
  const bool approximate =
      search == NeighborSearch::approximate ||
      (search == NeighborSearch::automatic && exact_neighbors_cost_more(x.rows, x.cols, iterations));
  const bool ordered = approximate || x.rows >= fewest_to_order;
  const auto root = static_cast<std::size_t>(std::sqrt(static_cast<double>(x.rows)));
  PointLists lists = make_lists(x, ordered ? std::max<std::size_t>(root, 1) : 1, stream);
  DeviceNeighbors out;
  out.rows = x.rows;
  out.k = k;
  out.points = DeviceArray<std::uint32_t>(x.rows * k, stream);
  out.squared = DeviceArray<float>(x.rows * k, stream);
  const Finder finder(lists, k, stream);
  if (approximate && lists.lists() > 1) {
    finder.approximate(out);
  } else {
    finder.exact(out);
    if (approximate) out.recall = 1.0;
  }
  out.order = std::move(lists.order);
  return out;
}

}  // namespace gmmvae::cuda
