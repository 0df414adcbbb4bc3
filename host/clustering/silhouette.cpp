#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gmmvae/backend.hpp"
#include "gmmvae/clustering.hpp"
#include "gmmvae/random.hpp"
#include "host/backend/arguments.hpp"
#include "host/clustering/lloyd.hpp"
#include "host/data/rows.hpp"
#include "host/evaluation/pairwise.hpp"
#include "host/parallel/lanes.hpp"

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

/// `sums` [k] are the distances of a point to the clusters' points, summed.
double silhouette_of(std::span<const double> sums, const Grouped& groups, std::size_t own) {
  const auto size = [&](std::size_t c) {
    return static_cast<double>(groups.offsets[c + 1] - groups.offsets[c]);
  };
  if (size(own) < 2.0) return 0.0;
  const double inside = sums[own] / (size(own) - 1.0);
  double outside = std::numeric_limits<double>::infinity();
  for (std::size_t c = 0; c < sums.size(); ++c)
    if (c != own && size(c) > 0.0) outside = std::min(outside, sums[c] / size(c));
  const double larger = std::max(inside, outside);
  return larger > 0.0 ? (outside - inside) / larger : 0.0;
}

}  // namespace

Matrix<double> distances_to_groups(MatrixView<float> y, MatrixView<float> x,
                                   std::span<const std::size_t> offsets, ThreadPool& pool) {
  const std::size_t groups = offsets.size() - 1;
  Matrix<double> out(y.rows, groups);
  const LaneBlocks blocks(y);
  pool.for_range(blocks.blocks(), 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end; ++b)
      for (std::size_t c = 0; c < groups; ++c) {
        double sums[kLanes] = {};
        sum_distances(blocks.block(b), x.data + offsets[c] * x.cols, offsets[c + 1] - offsets[c], x.cols,
                      sums);
        for (std::size_t l = 0; l < blocks.filled(b); ++l) out(b * kLanes + l, c) = sums[l];
      }
  });
  return out;
}

std::optional<Estimate> silhouette(Backend& backend, MatrixView<float> x,
                                   std::span<const std::int32_t> labels, std::size_t k, std::size_t sample,
                                   std::uint64_t seed) {
  check_labels(labels, x.rows, k);
  const Grouped groups(x, labels, k);
  if (groups.filled < 2) return std::nullopt;
  std::vector<std::uint32_t> chosen(x.rows);
  std::iota(chosen.begin(), chosen.end(), 0u);
  if (sample > 0 && sample < x.rows) {
    const KeyedPermutation order(static_cast<std::uint32_t>(x.rows), seed, Purpose::clustering, kSampleStream,
                                 kSampleStep);
    for (std::size_t i = 0; i < sample; ++i) chosen[i] = order(static_cast<std::uint32_t>(i));
    chosen.resize(sample);
  }
  const Matrix<double> sums =
      backend.distances_to_groups(gather_rows(x, chosen), groups.rows, groups.offsets);
  std::vector<double> values(chosen.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = silhouette_of(sums.row(i), groups, static_cast<std::size_t>(labels[chosen[i]]));
  double mean = 0.0, spread = 0.0;
  const auto m = static_cast<double>(values.size()), n = static_cast<double>(x.rows);
  for (double v : values) mean += v / m;
  for (double v : values) spread += (v - mean) * (v - mean);
  // Drawing m of n without replacement: nothing is left to chance when m = n.
  const double error = m > 1.0 ? std::sqrt(spread / (m - 1.0) / m * (1.0 - m / n)) : 0.0;
  return Estimate{mean, error};
}

}  // namespace gmmvae
