#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gmmvae/backend.hpp"
#include "gmmvae/clustering.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/data/rows.hpp"
#include "host/linalg/symmetric.hpp"

namespace gmmvae {

namespace {

// A gap on more points than this is computed on a sample of the data, and the references are as large: W
// depends on N.
constexpr std::size_t kGapPoints = 20000;
// Streams of k-means starts: those on the data are 0, the references' follow, and the references' points lie
// far off.
constexpr std::uint32_t kReferenceStream = 1000;
constexpr std::uint32_t kReferencePoints = 2000000;

Matrix<float> gap_sample(MatrixView<float> x, std::uint64_t seed) {
  std::vector<std::uint32_t> rows(std::min(x.rows, kGapPoints));
  std::iota(rows.begin(), rows.end(), 0u);
  if (rows.size() < x.rows) {
    const KeyedPermutation order(static_cast<std::uint32_t>(x.rows), seed, Purpose::clustering,
                                 kReferencePoints, 0);
    for (std::uint32_t& row : rows) row = order(row);
  }
  return gather_rows(x, rows);
}

/// The box around the points along the principal axes of their covariance.
struct PrincipalBox {
  std::vector<double> mean;
  Matrix<double> axes;  // columns
  std::vector<double> low, high;

  explicit PrincipalBox(MatrixView<float> x) {
    Moments m = moments(x);
    mean = std::move(m.mean);
    axes = symmetric_eigen(std::move(m.covariance)).vectors;
    low.assign(x.cols, std::numeric_limits<double>::infinity());
    high.assign(x.cols, -std::numeric_limits<double>::infinity());
    for (std::size_t i = 0; i < x.rows; ++i)
      for (std::size_t a = 0; a < x.cols; ++a) {
        double along = 0.0;
        for (std::size_t d = 0; d < x.cols; ++d) along += (x(i, d) - mean[d]) * axes(d, a);
        low[a] = std::min(low[a], along);
        high[a] = std::max(high[a], along);
      }
  }
  [[nodiscard]] Matrix<float> draw(std::size_t count, const RandomStream& stream) const {
    const std::size_t dim = mean.size();
    Matrix<float> out(count, dim);
    std::vector<double> along(dim);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t a = 0; a < dim; ++a)
        along[a] = low[a] + (high[a] - low[a]) * stream.uniform(i * dim + a);
      for (std::size_t d = 0; d < dim; ++d) {
        double value = mean[d];
        for (std::size_t a = 0; a < dim; ++a) value += axes(d, a) * along[a];
        out(i, d) = static_cast<float>(value);
      }
    }
    return out;
  }
};

}  // namespace

std::optional<std::size_t> knee(std::span<const std::size_t> k, std::span<const double> inertia) {
  if (k.size() < 3 || !(inertia.front() > inertia.back())) return std::nullopt;
  const double width = static_cast<double>(k.back() - k.front());
  const double lowest = *std::min_element(inertia.begin(), inertia.end());
  const double height = inertia.front() - lowest;
  std::size_t best = 0;
  double most = -1.0;
  for (std::size_t i = 0; i < k.size(); ++i) {
    const double above = 1.0 - (inertia[i] - lowest) / height - static_cast<double>(k[i] - k.front()) / width;
    if (above > most) most = above, best = i;
  }
  return best;
}

std::optional<double> calinski_harabasz(MatrixView<float> x, double inertia, std::size_t k) {
  if (k < 2 || k >= x.rows || !(inertia > 0.0)) return std::nullopt;
  const Matrix<double> covariance = moments(x).covariance;
  double total = 0.0;
  for (std::size_t d = 0; d < x.cols; ++d) total += covariance(d, d) * static_cast<double>(x.rows);
  return (total - inertia) / static_cast<double>(k - 1) / (inertia / static_cast<double>(x.rows - k));
}

GapStatistic gap_statistic(Backend& backend, MatrixView<float> x, std::span<const std::size_t> k,
                           std::size_t references, const KMeansOptions& options) {
  if (references < 2) throw UsageError("the gap statistic needs at least 2 reference sets");
  // Set 0 is the data, the others are references.
  std::vector<Matrix<float>> sets = {gap_sample(x, options.seed)};
  const PrincipalBox box(sets[0]);
  for (std::size_t set = 1; set <= references; ++set)
    sets.push_back(box.draw(
        sets[0].rows(),
        RandomStream(options.seed, Purpose::clustering, kReferencePoints + static_cast<std::uint32_t>(set))));
  std::vector<KMeansTask> tasks;
  for (std::size_t set = 0; set <= references; ++set)
    for (const std::size_t clusters : k) {
      KMeansOptions now = options;
      now.k = clusters;
      tasks.push_back({sets[set], now, set == 0 ? 0 : kReferenceStream + static_cast<std::uint32_t>(set)});
    }
  std::vector<double> logs;
  for (const KMeansResult& result : backend.kmeans(tasks)) logs.push_back(std::log(result.inertia));
  GapStatistic out;
  out.points = sets[0].rows();
  const auto b = static_cast<double>(references);
  for (std::size_t at = 0; at < k.size(); ++at) {
    double mean = 0.0, spread = 0.0;
    for (std::size_t set = 1; set <= references; ++set) mean += logs[set * k.size() + at] / b;
    for (std::size_t set = 1; set <= references; ++set)
      spread += std::pow(logs[set * k.size() + at] - mean, 2);
    out.gap.push_back(mean - logs[at]);
    out.error.push_back(std::sqrt(spread / b) * std::sqrt(1.0 + 1.0 / b));
  }
  return out;
}

std::size_t gap_one_error(std::span<const double> gap, std::span<const double> error) {
  for (std::size_t i = 0; i + 1 < gap.size(); ++i)
    if (gap[i] >= gap[i + 1] - error[i + 1]) return i;
  return gap.size() - 1;
}

}  // namespace gmmvae
