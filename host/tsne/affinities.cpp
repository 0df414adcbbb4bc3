#include "host/tsne/affinities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cmath>
#include <numeric>
#include <utility>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "host/io/npy.hpp"
#include "host/parallel/lanes.hpp"
#include "host/tsne/normalizer.hpp"

namespace gmmvae {
namespace tsne {
namespace {

constexpr std::size_t kRowsPerTask = 256;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Makes distances conditional probabilities and returns the mean of the perplexities reached.
double calibrate(NeighborLists& lists, double perplexity, ThreadPool& pool) {
  std::vector<double> reached(lists.rows());
  pool.for_range(lists.rows(), kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      reached[i] = calibrate_row(std::span(lists.squared).subspan(i * lists.k, lists.k), perplexity);
  });
  return std::accumulate(reached.begin(), reached.end(), 0.0) / static_cast<double>(reached.size());
}

double usable_perplexity(std::size_t rows, double wanted, std::vector<std::string>& warnings) {
  const double most = std::max(1.0, static_cast<double>(rows - 1) / 3.0);
  if (wanted <= most) return wanted;
  warnings.push_back(fmt::format(
      "perplexity {} is too large for {} points, {:.4g} is used: a third of the others", wanted, rows, most));
  return most;
}

std::ptrdiff_t at(std::size_t place) {
  return static_cast<std::ptrdiff_t>(place);
}

/// Where `wanted` stands among `count` numbers, or `count`. A plain loop over a few cache lines beats any
/// search that has to keep them sorted.
GMMVAE_CLONES std::uint32_t place_of(std::uint32_t wanted, const std::uint32_t* numbers,
                                     std::uint32_t count) {
  constexpr std::uint32_t kBlock = 32;
  std::uint32_t start = 0;
  for (; start + kBlock <= count; start += kBlock) {
    std::uint32_t found = 0;
    for (std::uint32_t i = 0; i < kBlock; ++i) found |= numbers[start + i] == wanted ? 1u : 0u;
    if (found != 0) break;
  }
  while (start < count && numbers[start] != wanted) ++start;
  return start;
}

/// Spreads rows [N,k], of which the first own[i] numbers count, out to where each has its place, within the
/// same memory: close together first, whereupon nothing moves but backwards, the last row first.
template <class T>
void spread_rows(std::size_t k, const std::vector<std::uint32_t>& own,
                 const std::vector<std::uint64_t>& offsets, std::vector<T>& rows) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < own.size(); end += own[i++])
    if (end != i * k) std::copy_n(rows.begin() + at(i * k), own[i], rows.begin() + at(end));
  rows.resize(offsets.back());
  for (std::size_t i = own.size(); i-- > 0;) {
    end -= own[i];
    std::copy_backward(rows.begin() + at(end), rows.begin() + at(end + own[i]),
                       rows.begin() + at(offsets[i] + own[i]));
  }
}

/// For each row of the lists, which of its neighbours have it too: a bit each.
class Mutual {
 public:
  Mutual(std::size_t rows, std::size_t k) : words_((k + 63) / 64), bits_(rows * words_) {}
  void set(std::size_t row, std::size_t a) { bits_[row * words_ + a / 64] |= std::uint64_t{1} << a % 64; }
  [[nodiscard]] bool operator()(std::size_t row, std::size_t a) const {
    return (bits_[row * words_ + a / 64] >> a % 64 & 1) != 0;
  }

 private:
  std::size_t words_;
  std::vector<std::uint64_t> bits_;
};

/// Adds up pairs that have each other, each seen from its smaller number, and appends i to the row of j where
/// only i has j, in any order.
void pair_up(const std::vector<std::uint32_t>& own, const Mutual& mutual,
             std::vector<std::atomic<std::uint32_t>>& appended, ThreadPool& pool, Affinities& out) {
  pool.for_range(own.size(), kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      for (std::uint32_t a = 0; a < own[i]; ++a) {
        const std::uint64_t e = out.offsets[i] + a;
        const std::uint32_t j = out.columns[e];
        const std::uint64_t row = out.offsets[j];
        if (!mutual(i, a)) {
          const std::uint32_t last = appended[j].fetch_sub(1, std::memory_order_relaxed) - 1;
          out.columns[row + own[j] + last] = static_cast<std::uint32_t>(i);
          out.values[row + own[j] + last] = out.values[e];
        } else if (i < j) {
          const std::uint64_t other =
              row + place_of(static_cast<std::uint32_t>(i), out.columns.data() + row, own[j]);
          out.values[e] += out.values[other];
          out.values[other] = out.values[e];
        }
      }
  });
}

/// Every row ascending by column, its values times `scale`.
void sort_rows(float scale, ThreadPool& pool, Affinities& out) {
  pool.for_range(out.offsets.size() - 1, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    std::vector<std::uint64_t> row;  // column and value in one number, which sorts by column
    for (std::size_t i = begin; i < end; ++i) {
      row.clear();
      for (std::uint64_t e = out.offsets[i]; e < out.offsets[i + 1]; ++e)
        row.push_back(std::uint64_t{out.columns[e]} << 32 |
                      std::bit_cast<std::uint32_t>(out.values[e] * scale));
      std::sort(row.begin(), row.end());
      for (std::size_t a = 0; a < row.size(); ++a) {
        out.columns[out.offsets[i] + a] = static_cast<std::uint32_t>(row[a] >> 32);
        out.values[out.offsets[i] + a] = std::bit_cast<float>(static_cast<std::uint32_t>(row[a]));
      }
    }
  });
}

}  // namespace

// Rows begin with their own lists; then every pair is looked at from either end: where both have each other,
// the two probabilities are added up in both rows, and where one has the other, it is appended there. The
// lists become the result in place: at no time is there more than that.
void symmetrize(NeighborLists conditional, ThreadPool& pool, Affinities& out) {
  const std::size_t rows = conditional.rows(), k = conditional.k;
  // What became probability 0 is no edge.
  std::vector<std::uint32_t> own(rows);
  pool.for_range(rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      std::size_t kept = i * k;
      for (std::size_t e = i * k; e < (i + 1) * k; ++e) {
        if (!(conditional.squared[e] > 0.0f)) continue;
        conditional.points[kept] = conditional.points[e];
        conditional.squared[kept++] = conditional.squared[e];
      }
      own[i] = static_cast<std::uint32_t>(kept - i * k);
    }
  });
  // Whole numbers add up to the same in any order, so threads may count together.
  std::vector<std::atomic<std::uint32_t>> appended(rows);
  Mutual mutual(rows, k);
  pool.for_range(rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t a = 0; a < own[i]; ++a) {
        const std::uint32_t j = conditional.points[i * k + a];
        if (place_of(static_cast<std::uint32_t>(i), conditional.points.data() + j * k, own[j]) < own[j])
          mutual.set(i, a);
        else
          appended[j].fetch_add(1, std::memory_order_relaxed);
      }
  });
  out.offsets.assign(rows + 1, 0);
  for (std::size_t i = 0; i < rows; ++i)
    out.offsets[i + 1] = out.offsets[i] + own[i] + appended[i].load(std::memory_order_relaxed);
  spread_rows(k, own, out.offsets, conditional.points);
  spread_rows(k, own, out.offsets, conditional.squared);
  out.columns = std::move(conditional.points);
  out.values = std::move(conditional.squared);
  pair_up(own, mutual, appended, pool, out);
  sort_rows(static_cast<float>(0.5 / static_cast<double>(rows)), pool, out);
}

Affinities begin_affinities(MatrixView<float> x, const TsneOptions& options) {
  if (x.rows < 2 || x.cols == 0)
    throw DataError(fmt::format("t-SNE needs at least two points, not {}", x.cols == 0 ? 0 : x.rows));
  if (!(options.perplexity > 0.0) || !std::isfinite(options.perplexity))
    throw UsageError(fmt::format("the perplexity must be a number above 0, not {}", options.perplexity));
  require_finite(x, "a point to embed");
  Affinities out;
  out.perplexity = usable_perplexity(x.rows, options.perplexity, out.warnings);
  out.neighbors = std::min(x.rows - 1, static_cast<std::size_t>(std::max(1.0, 3.0 * out.perplexity)));
  return out;
}

}  // namespace tsne

Affinities tsne_affinities(MatrixView<float> x, const TsneOptions& options) {
  using namespace tsne;
  Affinities out = begin_affinities(x, options);
  ThreadPool pool(options.threads == 0 ? available_threads() : options.threads);
  const Clock::time_point start = Clock::now();
  NeighborTree tree = build_neighbor_tree(Normalizer(x).apply(x), pool);
  const bool approximate = options.neighbors == NeighborSearch::approximate ||
                           (options.neighbors == NeighborSearch::automatic &&
                            exact_is_too_slow(tree, out.neighbors, options.iterations, pool));
  NeighborLists lists = approximate ? approximate_neighbors(tree, out.neighbors, pool)
                                    : exact_neighbors(tree, out.neighbors, pool);
  if (approximate) out.recall = neighbor_recall(tree, lists, pool);
  out.neighbor_seconds = seconds_since(start);
  const Clock::time_point found = Clock::now();
  out.order = std::move(tree.order);
  tree = {};
  out.effective_perplexity = calibrate(lists, out.perplexity, pool);
  symmetrize(std::move(lists), pool, out);
  out.seconds = seconds_since(found);
  return out;
}

Affinities in_data_order(const Affinities& affinities) {
  const std::size_t rows = affinities.points();
  Affinities out = affinities;
  std::vector<std::size_t> place(rows);
  for (std::size_t r = 0; r < rows; ++r) place[affinities.order[r]] = r;
  std::vector<std::pair<std::uint32_t, float>> row;
  for (std::size_t i = 0; i < rows; ++i) {
    row.clear();
    for (std::uint64_t e = affinities.offsets[place[i]]; e < affinities.offsets[place[i] + 1]; ++e)
      row.emplace_back(affinities.order[affinities.columns[e]], affinities.values[e]);
    std::sort(row.begin(), row.end());
    std::uint64_t at = out.offsets[i];
    for (const auto& [column, value] : row) {
      out.columns[at] = column;
      out.values[at++] = value;
    }
    out.offsets[i + 1] = at;
    out.order[i] = static_cast<std::uint32_t>(i);
  }
  return out;
}

}  // namespace gmmvae
