#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gmmvae/backend.hpp"
#include "gmmvae/clustering.hpp"
#include "gmmvae/random.hpp"
#include "host/parallel/lanes.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae {

namespace {

constexpr std::uint32_t kSampleStep = 1;
constexpr std::uint32_t kSampleStream = 0xffffffff;  // far from the streams of the k-means starts

/// Points in the order of their clusters: cluster c is rows offsets[c] to offsets[c + 1].
struct Grouped {
  Matrix<float> rows;
  std::vector<std::size_t> offsets;
  std::size_t filled = 0;  // clusters with points

  Grouped(MatrixView<float> x, std::span<const std::int32_t> labels, std::size_t k)
      : rows(x.rows, x.cols), offsets(k + 1, 0) {
    for (std::int32_t label : labels) ++offsets[static_cast<std::size_t>(label) + 1];
    for (std::size_t c = 0; c < k; ++c) {
      filled += offsets[c + 1] > 0 ? 1 : 0;
      offsets[c + 1] += offsets[c];
    }
    std::vector<std::size_t> next(offsets.begin(), offsets.end() - 1);
    for (std::size_t i = 0; i < x.rows; ++i) {
      const std::size_t to = next[static_cast<std::size_t>(labels[i])]++;
      std::copy_n(x.row(i).begin(), x.cols, rows.row(to).begin());
    }
  }
};

// Sums of the distances of sixteen points to rows [begin, end).
GMMVAE_CLONES void sum_to_rows(const float* block, const float* rows, std::size_t begin, std::size_t end,
                               std::size_t dim, double* sums) {
  for (std::size_t l = 0; l < kLanes; ++l) sums[l] = 0.0;
  for (std::size_t start = begin; start < end; start += 256) {
    Lanes tile = {};
    for (std::size_t j = start; j < std::min(end, start + 256); ++j) {
      Lanes distance;
      squared_distances(block, rows + j * dim, dim, distance);
      square_root(distance);
      tile += distance;
    }
    for (std::size_t l = 0; l < kLanes; ++l) sums[l] += tile[l];
  }
}

double silhouette_of(const double* sums, const Grouped& groups, std::size_t own) {
  const std::size_t k = groups.offsets.size() - 1;
  const auto size = [&](std::size_t c) {
    return static_cast<double>(groups.offsets[c + 1] - groups.offsets[c]);
  };
  if (size(own) < 2.0) return 0.0;
  const double inside = sums[own * kLanes] / (size(own) - 1.0);
  double outside = std::numeric_limits<double>::infinity();
  for (std::size_t c = 0; c < k; ++c)
    if (c != own && size(c) > 0.0) outside = std::min(outside, sums[c * kLanes] / size(c));
  const double larger = std::max(inside, outside);
  return larger > 0.0 ? (outside - inside) / larger : 0.0;
}

}  // namespace

std::optional<Estimate> silhouette(MatrixView<float> x, std::span<const std::int32_t> labels, std::size_t k,
                                   std::size_t sample, std::uint64_t seed, std::size_t threads) {
  const Grouped groups(x, labels, k);
  if (groups.filled < 2) return std::nullopt;
  std::vector<std::size_t> chosen(x.rows);
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  if (sample > 0 && sample < x.rows) {
    const KeyedPermutation order(static_cast<std::uint32_t>(x.rows), seed, Purpose::clustering, kSampleStream,
                                 kSampleStep);
    for (std::size_t i = 0; i < sample; ++i) chosen[i] = order(static_cast<std::uint32_t>(i));
    chosen.resize(sample);
  }
  Matrix<float> points(chosen.size(), x.cols);
  for (std::size_t i = 0; i < chosen.size(); ++i)
    std::copy_n(x.row(chosen[i]).begin(), x.cols, points.row(i).begin());
  const LaneBlocks blocks(points);
  std::vector<double> values(chosen.size());
  ThreadPool pool(threads == 0 ? available_threads() : threads);
  pool.for_range(blocks.blocks(), 4, [&](std::size_t begin, std::size_t end) {
    std::vector<double> sums(k * kLanes);
    for (std::size_t b = begin; b < end; ++b) {
      for (std::size_t c = 0; c < k; ++c)
        sum_to_rows(blocks.block(b), groups.rows.data(), groups.offsets[c], groups.offsets[c + 1], x.cols,
                    sums.data() + c * kLanes);
      for (std::size_t l = 0; l < blocks.filled(b); ++l) {
        const std::size_t i = b * kLanes + l;
        values[i] = silhouette_of(sums.data() + l, groups, static_cast<std::size_t>(labels[chosen[i]]));
      }
    }
  });
  double mean = 0.0, spread = 0.0;
  const auto m = static_cast<double>(values.size()), n = static_cast<double>(x.rows);
  for (double v : values) mean += v / m;
  for (double v : values) spread += (v - mean) * (v - mean);
  // Drawing m of n without replacement: nothing is left to chance when m = n.
  const double error = m > 1.0 ? std::sqrt(spread / (m - 1.0) / m * (1.0 - m / n)) : 0.0;
  return Estimate{mean, error};
}

}  // namespace gmmvae
