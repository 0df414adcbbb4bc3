#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "host/parallel/lanes.hpp"
#include "host/tsne/neighbors.hpp"

namespace gmmvae::tsne {
namespace {

static_assert(kLanes == kLeafGrain);

// Rows compared with a block of sixteen points at once: four sums hide each other's latency, and a load of
// the block serves all four.
constexpr std::size_t kRows = 4;
// Groups of sixteen points that one task searches for.
constexpr std::size_t kGroupsPerTask = 8;

GMMVAE_INLINE void distances_body(const float* block, const float* rows, std::size_t count, std::size_t dim,
                                  float* out) {
  std::size_t j = 0;
  for (; j + kRows <= count; j += kRows) {
    const float* row = rows + j * dim;
    Lanes sum[kRows] = {};
    for (std::size_t d = 0; d < dim; ++d) {
      Lanes x;
      load(block + d * kLanes, x);
      for (std::size_t r = 0; r < kRows; ++r) {
        const Lanes difference = x - row[r * dim + d];
        sum[r] += difference * difference;
      }
    }
    for (std::size_t r = 0; r < kRows; ++r) store(sum[r], out + (j + r) * kLanes);
  }
  for (; j < count; ++j) {
    Lanes squared;
    squared_distances(block, rows + j * dim, dim, squared);
    store(squared, out + j * kLanes);
  }
}

/// Squared distances [count,16] of a block's sixteen points to each of `count` rows [count,dim].
GMMVAE_CLONES void distances(const float* block, const float* rows, std::size_t count, std::size_t dim,
                             float* out) {
  switch (dim) {
    case 2:
      distances_body(block, rows, count, 2, out);
      break;
    case 3:
      distances_body(block, rows, count, 3, out);
      break;
    default:
      distances_body(block, rows, count, dim, out);
  }
}

/// Which of the rows are closer than `limits` [16] to some lane: bit l of masks[j] stands for lane l.
GMMVAE_CLONES void closer(const float* squared, const float* limits, std::size_t count,
                          std::uint16_t* masks) {
  Lanes limit;
  load(limits, limit);
  constexpr IntLanes kBits = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
  for (std::size_t j = 0; j < count; ++j) {
    Lanes value;
    load(squared + j * kLanes, value);
    const IntLanes bits = (value < limit) & kBits;
    std::int32_t mask = 0;
    for (std::size_t l = 0; l < kLanes; ++l) mask |= bits[l];
    masks[j] = static_cast<std::uint16_t>(mask);
  }
}

/// Sorts `count` different keys into `out` by counting for each the smaller ones: no branch, for a few keys.
GMMVAE_CLONES void sort_few(const std::uint64_t* keys, std::size_t count, std::uint64_t* out) {
  for (std::size_t i = 0; i < count; ++i) {
    std::uint64_t smaller = 0;
    for (std::size_t j = 0; j < count; ++j) smaller += keys[j] < keys[i] ? 1u : 0u;
    out[smaller] = keys[i];
  }
}

/// The best candidates of sixteen points. A squared distance is not negative, so its bits order like the
/// number, and distance and place together make one integer that needs no ties. New ones wait until there are
/// enough to sort and merge: searches for the k-th of them would be slower by their mispredicted branches.
class Candidates {
 public:
  explicit Candidates(std::size_t k) : k_(k), most_waiting_(std::max<std::size_t>(k / 2, 32)) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      best_[l].resize(k + 1);  // with a last one that is never taken
      waiting_[l].resize(most_waiting_);
    }
    sorted_.resize(most_waiting_ + 1);
    merged_.resize(k + 1);
  }

  void clear() {
    for (auto& best : best_) std::fill(best.begin(), best.end(), kNone);
    std::fill_n(count_, kLanes, 0);
    std::fill_n(limits_, kLanes, std::numeric_limits<float>::infinity());
  }
  void add(std::size_t lane, float squared, std::uint32_t place) {
    waiting_[lane][count_[lane]++] = std::uint64_t{std::bit_cast<std::uint32_t>(squared)} << 32 | place;
    if (count_[lane] == most_waiting_) merge(lane);
  }
  /// The k best of a lane, in order; they must have been added.
  const std::vector<std::uint64_t>& finish(std::size_t lane) {
    merge(lane);
    return best_[lane];
  }
  [[nodiscard]] const float* limits() const { return limits_; }
  [[nodiscard]] float largest_limit(std::size_t lanes) const {
    return *std::max_element(limits_, limits_ + lanes);
  }

 private:
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  static constexpr std::size_t kFew = 64;

  void merge(std::size_t lane) {
    const std::size_t count = count_[lane];
    count_[lane] = 0;
    if (count <= kFew) {
      sort_few(waiting_[lane].data(), count, sorted_.data());
    } else {
      std::copy_n(waiting_[lane].begin(), count, sorted_.begin());
      std::sort(sorted_.begin(), sorted_.begin() + static_cast<std::ptrdiff_t>(count));
    }
    sorted_[count] = kNone;
    const std::uint64_t* a = best_[lane].data();
    const std::uint64_t* b = sorted_.data();
    for (std::size_t i = 0; i < k_; ++i) {
      const std::uint64_t from_a = *a, from_b = *b;
      const bool first = from_a <= from_b;
      merged_[i] = first ? from_a : from_b;
      a += first ? 1 : 0;
      b += first ? 0 : 1;
    }
    merged_[k_] = kNone;
    best_[lane].swap(merged_);
    const std::uint64_t last = best_[lane][k_ - 1];
    if (last != kNone) limits_[lane] = std::bit_cast<float>(static_cast<std::uint32_t>(last >> 32));
  }

  std::size_t k_;
  std::size_t most_waiting_;
  std::vector<std::uint64_t> best_[kLanes];
  std::vector<std::uint64_t> waiting_[kLanes];
  std::size_t count_[kLanes] = {};
  std::vector<std::uint64_t> sorted_;
  std::vector<std::uint64_t> merged_;
  float limits_[kLanes] = {};
};

/// Searches for sixteen points at once, best if they lie side by side in the tree.
class GroupSearch {
 public:
  GroupSearch(const NeighborTree& tree, std::size_t k) : tree_(tree), candidates_(k), center_(tree.dim) {}

  /// Fills rows `first` to `first + lanes - 1` of `out`. `self` [lanes] are places that are not to be found.
  void run(const float* block, const std::uint32_t* self, std::size_t first, std::size_t lanes,
           NeighborLists& out) {
    lanes_ = lanes;
    block_ = block;
    self_ = self;
    candidates_.clear();
    enclose();
    visit(0);
    for (std::size_t l = 0; l < lanes_; ++l) {
      const std::vector<std::uint64_t>& best = candidates_.finish(l);
      for (std::size_t i = 0; i < out.k; ++i) {
        out.points[(first + l) * out.k + i] = static_cast<std::uint32_t>(best[i]);
        out.squared[(first + l) * out.k + i] =
            std::bit_cast<float>(static_cast<std::uint32_t>(best[i] >> 32));
      }
    }
  }
  /// Points looked at so far, each for all lanes.
  [[nodiscard]] std::uint64_t scanned() const { return scanned_; }

 private:
  void enclose() {
    std::fill(center_.begin(), center_.end(), 0.0f);
    for (std::size_t d = 0; d < tree_.dim; ++d) {
      for (std::size_t l = 0; l < lanes_; ++l) center_[d] += block_[d * kLanes + l];
      center_[d] /= static_cast<float>(lanes_);
    }
    float squared[kLanes];
    distances(block_, center_.data(), 1, tree_.dim, squared);
    radius_ = std::sqrt(*std::max_element(squared, squared + lanes_));
  }

  /// No point of the node is closer to any of ours than this; what single precision may lose is taken off.
  [[nodiscard]] float least_distance(std::size_t node) const {
    const float distance =
        std::sqrt(squared_between(center_.data(), tree_.centers.row(node).data(), tree_.dim));
    return distance * (1.0f - 1e-4f) - (radius_ + tree_.nodes[node].radius) * (1.0f + 1e-4f);
  }

  [[nodiscard]] bool out_of_reach(float least) const {
    return least > 0.0f && least * least > candidates_.largest_limit(lanes_);
  }

  void visit(std::size_t index) {
    const NeighborTree::Node& node = tree_.nodes[index];
    if (node.child == 0) {
      scan(node);
      return;
    }
    const float left = least_distance(node.child), right = least_distance(node.child + 1);
    const bool left_first = left <= right;
    const std::size_t first = node.child + (left_first ? 0 : 1), second = node.child + (left_first ? 1 : 0);
    if (!out_of_reach(std::min(left, right))) visit(first);
    if (!out_of_reach(std::max(left, right))) visit(second);
  }

  void scan(const NeighborTree::Node& node) {
    const std::size_t count = node.end - node.begin;
    scanned_ += count;
    squared_.resize(count * kLanes);
    masks_.resize(count);
    distances(block_, tree_.points.row(node.begin).data(), count, tree_.dim, squared_.data());
    closer(squared_.data(), candidates_.limits(), count, masks_.data());
    const auto real = static_cast<std::uint32_t>((1u << lanes_) - 1);
    for (std::size_t j = 0; j < count; ++j) {
      const auto place = static_cast<std::uint32_t>(node.begin + j);
      for (std::uint32_t mask = masks_[j] & real; mask != 0; mask &= mask - 1) {
        const auto lane = static_cast<std::size_t>(std::countr_zero(mask));
        const float value = squared_[j * kLanes + lane];
        if (place != self_[lane] && value < candidates_.limits()[lane]) candidates_.add(lane, value, place);
      }
    }
  }

  const NeighborTree& tree_;
  Candidates candidates_;
  std::vector<float> center_;
  float radius_ = 0.0f;
  std::size_t lanes_ = 0;
  const float* block_ = nullptr;
  const std::uint32_t* self_ = nullptr;
  std::uint64_t scanned_ = 0;
  std::vector<float> squared_;
  std::vector<std::uint16_t> masks_;
};

}  // namespace

GMMVAE_CLONES float squared_between(const float* a, const float* b, std::size_t dim) {
  Lanes sum = {};
  std::size_t d = 0;
  for (; d + kLanes <= dim; d += kLanes) {
    Lanes x, y;
    load(a + d, x);
    load(b + d, y);
    x -= y;
    sum += x * x;
  }
  float rest = 0.0f;
  for (; d < dim; ++d) rest += (a[d] - b[d]) * (a[d] - b[d]);
  float sums[kLanes];
  store(sum, sums);
  for (std::size_t half = kLanes / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) sums[i] += sums[i + half];
  return sums[0] + rest;
}

NeighborLists neighbors_in(const NeighborTree& tree, MatrixView<float> queries,
                           std::span<const std::uint32_t> self, std::size_t k, ThreadPool& pool,
                           std::uint64_t* scanned) {
  NeighborLists out(queries.rows, k);
  std::atomic<std::uint64_t> total = 0;
  pool.for_range((queries.rows + kLanes - 1) / kLanes, kGroupsPerTask,
                 [&](std::size_t begin, std::size_t end) {
                   GroupSearch search(tree, k);
                   for (std::size_t b = begin; b < end; ++b) {
                     const std::size_t first = b * kLanes, lanes = std::min(kLanes, queries.rows - first);
                     const LaneBlocks block({queries.row(first).data(), lanes, queries.cols});
                     std::uint32_t own[kLanes];
                     for (std::size_t l = 0; l < lanes; ++l)
                       own[l] = self.empty() ? kNoPlace : self[first + l];
                     search.run(block.block(0), own, first, lanes, out);
                   }
                   total += search.scanned();
                 });
  if (scanned != nullptr) *scanned = total;
  return out;
}

NeighborLists exact_neighbors(const NeighborTree& tree, std::size_t k, ThreadPool& pool) {
  std::vector<std::uint32_t> self(tree.size());
  std::iota(self.begin(), self.end(), 0u);
  return neighbors_in(tree, tree.points, self, k, pool);
}

}  // namespace gmmvae::tsne
