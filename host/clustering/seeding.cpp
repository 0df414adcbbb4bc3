#include "host/clustering/seeding.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/data/range.hpp"
#include "host/data/rows.hpp"
#include "host/parallel/lanes.hpp"

namespace gmmvae {

namespace {

// Above this many points a start is found and first moved on a sample: it needs a few full passes then, not
// dozens.
constexpr std::size_t kStartSample = 32768;

// sum over points of min(current, distance to candidate): what k-means++ would be left with.
GMMVAE_CLONES double potential(const LaneBlocks& points, const float* candidate, const float* current) {
  const std::size_t full = points.rows() / kLanes;
  double total = 0.0;
  for (std::size_t start = 0; start < points.blocks(); start += 64) {
    Lanes sum = {};
    for (std::size_t b = start; b < std::min(points.blocks(), start + 64); ++b) {
      Lanes d2, now;
      squared_distances(points.block(b), candidate, points.dim(), d2);
      load(current + b * kLanes, now);
      d2 = d2 < now ? d2 : now;
      if (b == full)
        for (std::size_t l = points.filled(b); l < kLanes; ++l) d2[l] = 0.0f;
      sum += d2;
    }
    for (std::size_t l = 0; l < kLanes; ++l) total += sum[l];
  }
  return total;
}

GMMVAE_CLONES void lower_to(const LaneBlocks& points, const float* center, float* current) {
  for (std::size_t b = 0; b < points.blocks(); ++b) {
    Lanes d2, now;
    squared_distances(points.block(b), center, points.dim(), d2);
    load(current + b * kLanes, now);
    store(d2 < now ? d2 : now, current + b * kLanes);
  }
}

/// Draws an index with probability proportional to `weights`, from a uniform number in (0,1).
std::size_t pick(const std::vector<float>& weights, std::size_t count, double total, double uniform) {
  double left = uniform * total;
  for (std::size_t i = 0; i < count; ++i) {
    left -= weights[i];
    if (left < 0.0) return i;
  }
  return std::min(static_cast<std::size_t>(uniform * static_cast<double>(count)),
                  count - 1);  // all weights are 0
}

double squared_to_center(std::span<const float> x, std::span<const double> center) {
  double sum = 0.0;
  for (std::size_t d = 0; d < x.size(); ++d) sum += (x[d] - center[d]) * (x[d] - center[d]);
  return sum;
}

}  // namespace

void check_kmeans(MatrixView<float> x, const KMeansOptions& options) {
  if (options.k == 0 || options.k > x.rows)
    throw UsageError(
        fmt::format("k = {} clusters were asked for, but there are {} points", options.k, x.rows));
  if (x.cols == 0) throw DataError("points without columns cannot be clustered");
  require_bounded_range(x, "the points");
}

CentredPoints::CentredPoints(MatrixView<float> x) : mean(x.cols, 0.0), rows(x.rows, x.cols) {
  const auto n = static_cast<double>(x.rows);
  for (std::size_t i = 0; i < x.rows; ++i)
    for (std::size_t d = 0; d < x.cols; ++d) mean[d] += x(i, d);
  for (double& m : mean) m /= n;
  double squares = 0.0;
  for (std::size_t i = 0; i < x.rows; ++i)
    for (std::size_t d = 0; d < x.cols; ++d) {
      const double value = x(i, d) - mean[d];
      squares += value * value;
      rows(i, d) = static_cast<float>(value);
    }
  variance = squares / n / static_cast<double>(x.cols);
}

Matrix<float> start_rows(const Matrix<float>& rows, std::uint64_t seed, std::uint32_t stream) {
  if (rows.rows() <= 2 * kStartSample) return rows;
  const KeyedPermutation order(static_cast<std::uint32_t>(rows.rows()), seed, Purpose::clustering, stream, 0);
  std::vector<std::uint32_t> chosen(kStartSample);
  for (std::uint32_t i = 0; i < kStartSample; ++i) chosen[i] = order(i);
  return gather_rows(rows, chosen);
}

Matrix<float> plus_plus(const Matrix<float>& rows, const LaneBlocks& blocks, const KMeansOptions& options,
                        std::uint32_t number, std::size_t start) {
  const std::size_t k = options.k;
  const RandomStream stream(options.seed, Purpose::clustering, number, static_cast<std::uint32_t>(start + 1));
  const std::size_t trials = 2 + static_cast<std::size_t>(std::log(static_cast<double>(k)));
  Matrix<float> centers(k, rows.cols());
  std::vector<float> distances(blocks.blocks() * kLanes, std::numeric_limits<float>::max());
  const auto first = std::min(static_cast<std::size_t>(stream.uniform(0) * static_cast<double>(rows.rows())),
                              rows.rows() - 1);
  std::copy_n(rows.row(first).begin(), rows.cols(), centers.row(0).begin());
  lower_to(blocks, centers.row(0).data(), distances.data());
  for (std::size_t c = 1; c < k; ++c) {
    double total = 0.0;
    for (std::size_t i = 0; i < rows.rows(); ++i) total += distances[i];
    double best = std::numeric_limits<double>::infinity();
    std::size_t chosen = 0;
    for (std::size_t t = 0; t < trials; ++t) {
      const std::size_t candidate = pick(distances, rows.rows(), total, stream.uniform(c * trials + t));
      const double left = potential(blocks, rows.row(candidate).data(), distances.data());
      if (left < best) best = left, chosen = candidate;
    }
    std::copy_n(rows.row(chosen).begin(), rows.cols(), centers.row(c).begin());
    lower_to(blocks, centers.row(c).data(), distances.data());
  }
  return centers;
}

Matrix<float> plus_plus(const Matrix<float>& rows, const KMeansOptions& options, std::uint32_t stream,
                        std::size_t start) {
  return plus_plus(rows, LaneBlocks(rows), options, stream, start);
}

void finish_kmeans(MatrixView<float> x, const Matrix<float>& centers, const std::vector<double>& mean,
                   KMeansResult& out) {
  const std::size_t k = centers.rows();
  out.centers = Matrix<double>(k, x.cols);
  std::vector<std::uint64_t> counts(k, 0);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto c = static_cast<std::size_t>(out.labels[i]);
    ++counts[c];
    for (std::size_t d = 0; d < x.cols; ++d) out.centers(c, d) += x(i, d);
  }
  for (std::size_t c = 0; c < k; ++c)
    for (std::size_t d = 0; d < x.cols; ++d)
      out.centers(c, d) =
          counts[c] > 0 ? out.centers(c, d) / static_cast<double>(counts[c]) : centers(c, d) + mean[d];
  out.inertia = 0.0;
  for (std::size_t i = 0; i < x.rows; ++i)
    out.inertia += squared_to_center(x.row(i), out.centers.row(static_cast<std::size_t>(out.labels[i])));
}

}  // namespace gmmvae
