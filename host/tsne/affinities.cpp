#include "host/tsne/affinities.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "host/io/npy.hpp"
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

}  // namespace

// Each row gets its own list and then, point by point in ascending order, those that have it in theirs; a
// pair that does both is found by a search in the shorter, sorted list.
void symmetrize(const NeighborLists& conditional, ThreadPool& pool, Affinities& out) {
  const std::size_t rows = conditional.rows(), k = conditional.k;
  struct Edge {
    std::uint32_t column;
    float value;
    bool operator<(const Edge& other) const { return column < other.column; }
  };
  // Incoming edges by counting: the owner of each list is visited in ascending order, so each row's are
  // sorted.
  std::vector<std::uint64_t> incoming(rows + 1);
  for (const std::uint32_t j : conditional.points) ++incoming[j + 1];
  std::partial_sum(incoming.begin(), incoming.end(), incoming.begin());
  std::vector<Edge> transposed(conditional.points.size());
  {
    std::vector<std::uint64_t> next(incoming.begin(), incoming.end() - 1);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t e = i * k; e < (i + 1) * k; ++e)
        transposed[next[conditional.points[e]]++] = {static_cast<std::uint32_t>(i), conditional.squared[e]};
  }
  const auto scale = static_cast<float>(0.5 / static_cast<double>(rows));
  // Runs take(column, value) over the union of both lists of row i.
  const auto merge = [&](std::size_t i, std::vector<Edge>& own, const auto& take) {
    own.resize(k);
    for (std::size_t e = 0; e < k; ++e)
      own[e] = {conditional.points[i * k + e], conditional.squared[i * k + e]};
    std::sort(own.begin(), own.end());
    const Edge* in = transposed.data() + incoming[i];
    const Edge* const in_end = transposed.data() + incoming[i + 1];
    for (auto at = own.begin(); at != own.end() || in != in_end;) {
      if (in == in_end || (at != own.end() && at->column < in->column)) {
        take(at->column, at->value * scale);
        ++at;
      } else if (at == own.end() || in->column < at->column) {
        take(in->column, in->value * scale);
        ++in;
      } else {
        take(at->column, (at->value + in->value) * scale);
        ++at;
        ++in;
      }
    }
  };
  out.offsets.assign(rows + 1, 0);
  pool.for_range(rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    std::vector<Edge> own;
    for (std::size_t i = begin; i < end; ++i) {
      std::uint64_t count = 0;
      merge(i, own, [&](std::uint32_t, float value) { count += value > 0.0f ? 1 : 0; });
      out.offsets[i + 1] = count;
    }
  });
  std::partial_sum(out.offsets.begin(), out.offsets.end(), out.offsets.begin());
  out.columns.resize(out.offsets.back());
  out.values.resize(out.offsets.back());
  pool.for_range(rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    std::vector<Edge> own;
    for (std::size_t i = begin; i < end; ++i) {
      std::uint64_t at = out.offsets[i];
      merge(i, own, [&](std::uint32_t column, float value) {
        if (!(value > 0.0f)) return;
        out.columns[at] = column;
        out.values[at++] = value;
      });
    }
  });
}

Affinities begin_affinities(MatrixView<float> x, const TsneOptions& options) {
  if (x.rows < 2 || x.cols == 0)
    throw DataError(fmt::format("t-SNE needs at least two points, not {}", x.cols == 0 ? 0 : x.rows));
  if (!(options.perplexity > 0.0) || !std::isfinite(options.perplexity))
    throw UsageError(fmt::format("the perplexity must be a number above 0, not {}", options.perplexity));
  require_finite(x, "the points to embed");
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
  symmetrize(lists, pool, out);
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
