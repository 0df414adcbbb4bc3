#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "gmmvae/backend.hpp"
#include "gmmvae/clustering.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "host/data/range.hpp"

namespace gmmvae {

namespace {

// Blobs that the elbow is tried on, and how many points they have at most.
constexpr std::size_t kBlobs = 8;
constexpr std::size_t kBlobPoints = 2000;
constexpr std::uint32_t kBlobStream = 3000000;
constexpr std::uint32_t kBlobDraws = 7;

void check(MatrixView<float> x, std::span<const std::int32_t> truth, const ClusterOptions& options) {
  if (x.empty()) throw DataError("there are no points to cluster");
  require_measurable_range(x, "the points");
  if (options.k.empty()) throw UsageError("no number of clusters was asked for");
  if (!truth.empty() && truth.size() != x.rows)
    throw DataError("there must be a true label for every point or none");
  for (std::size_t i = 0; i < options.k.size(); ++i) {
    if (options.k[i] == 0 || options.k[i] > x.rows)
      throw UsageError(fmt::format("k = {} clusters were asked for, but there are {} points; ask for 1 to {}",
                                   options.k[i], x.rows, x.rows));
    if (i > 0 && options.k[i] <= options.k[i - 1])
      throw UsageError("the numbers of clusters must be ascending, each named once");
  }
}

double inertia_about_means(MatrixView<float> x, std::size_t k, const std::vector<std::int32_t>& labels) {
  Matrix<double> means(k, x.cols);
  std::vector<double> counts(k, 0.0);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto c = static_cast<std::size_t>(labels[i]);
    counts[c] += 1.0;
    for (std::size_t d = 0; d < x.cols; ++d) means(c, d) += x(i, d);
  }
  double sum = 0.0;
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto c = static_cast<std::size_t>(labels[i]);
    for (std::size_t d = 0; d < x.cols; ++d) sum += std::pow(x(i, d) - means(c, d) / counts[c], 2);
  }
  return sum;
}

/// What went wrong with the mixtures of some k.
struct MixtureTrouble {
  std::string what;
  std::vector<std::size_t> k;  // ascending
};

void add_trouble(std::vector<MixtureTrouble>& troubles, std::string what, std::size_t k) {
  const auto same = std::find_if(troubles.begin(), troubles.end(),
                                 [&](const MixtureTrouble& known) { return known.what == what; });
  if (same != troubles.end()) {
    same->k.push_back(k);
  } else {
    troubles.push_back({std::move(what), {k}});
  }
}

/// "2, 5 to 9, 16"
std::string ranges(const std::vector<std::size_t>& ascending) {
  std::string text;
  for (std::size_t first = 0, last = 0; first < ascending.size(); first = ++last) {
    while (last + 1 < ascending.size() && ascending[last + 1] == ascending[last] + 1) ++last;
    if (last == first + 1) last = first;  // two are named, not a range
    text += text.empty() ? "" : ", ";
    text += last == first ? fmt::format("{}", ascending[first])
                          : fmt::format("{} to {}", ascending[first], ascending[last]);
  }
  return text;
}

void add_mixture(Backend& backend, MatrixView<float> x, const ClusterOptions& options, ClusterRow& row,
                 std::vector<MixtureTrouble>& troubles) {
  try {
    MixtureFit fit = backend.fit_mixture(x, row.k, options.covariance, row.labels, {});
    if (fit.degenerate > 0) {
      add_trouble(troubles, "a mixture component died or shrank onto a point or a plane: there is no BIC",
                  row.k);
    } else {
      row.bic = fit.bic;
    }
    if (options.method == ClusterMethod::kmeans) return;
    row.centers = std::move(fit.means);
    row.labels = std::move(fit.labels);
    row.inertia = inertia_about_means(x, row.k, row.labels);
  } catch (const DataError& error) {
    add_trouble(troubles, fmt::format("there is no mixture: {}", error.what()), row.k);
  }
}

ClusterRow one_k(Backend& backend, MatrixView<float> x, std::span<const std::int32_t> truth, std::size_t k,
                 const ClusterOptions& options, std::vector<MixtureTrouble>& troubles) {
  const auto begin = std::chrono::steady_clock::now();
  ClusterRow row;
  row.k = k;
  const KMeansTask task{x, {.k = k, .restarts = options.restarts, .seed = options.seed}, 0};
  KMeansResult means = std::move(backend.kmeans({&task, 1}).front());
  row.inertia = means.inertia;
  row.centers = std::move(means.centers);
  row.labels = std::move(means.labels);
  add_mixture(backend, x, options, row, troubles);
  row.silhouette = silhouette(backend, x, row.labels, k, options.silhouette_sample, options.seed);
  row.calinski_harabasz = calinski_harabasz(x, row.inertia, k);
  if (!truth.empty()) {
    row.adjusted_rand = adjusted_rand_index(truth, row.labels);
    row.normalized_information = normalized_mutual_information(truth, row.labels);
  }
  row.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return row;
}

void add_gaps(Backend& backend, MatrixView<float> x, const ClusterOptions& options, ClusterAnalysis& out) {
  std::vector<std::size_t> ks;
  for (const ClusterRow& row : out.rows) ks.push_back(row.k);
  KMeansOptions how;
  how.restarts = options.restarts;
  how.seed = options.seed;
  const GapStatistic gaps = gap_statistic(backend, x, ks, options.references, how);
  out.gap_points = gaps.points;
  bool usable = true;
  for (std::size_t i = 0; i < ks.size(); ++i) {
    if (!std::isfinite(gaps.gap[i]) || !std::isfinite(gaps.error[i])) {
      usable = false;
      continue;
    }
    out.rows[i].gap = gaps.gap[i];
    out.rows[i].gap_error = gaps.error[i];
  }
  if (!usable) {
    out.warnings.emplace_back(
        "Some clusters have no spread at all, so the gap statistic is not defined for every k and chooses "
        "nothing.");
    return;
  }
  out.gap = ks[gap_one_error(gaps.gap, gaps.error)];
  out.gap_argmax =
      ks[static_cast<std::size_t>(std::max_element(gaps.gap.begin(), gaps.gap.end()) - gaps.gap.begin())];
}

/// The k of the row with the largest value, where any row has one.
template <class Value>
std::optional<std::size_t> best_row(const std::vector<ClusterRow>& rows, const Value& value) {
  std::optional<std::size_t> best;
  double most = 0.0;
  for (const ClusterRow& row : rows) {
    const std::optional<double> v = value(row);
    if (v && (!best || *v > most)) best = row.k, most = *v;
  }
  return best;
}

void choose(ClusterAnalysis& out) {
  std::vector<std::size_t> ks;
  std::vector<double> inertia;
  for (const ClusterRow& row : out.rows) ks.push_back(row.k), inertia.push_back(row.inertia);
  if (const auto at = knee(ks, inertia)) out.elbow = ks[*at];
  out.silhouette = best_row(out.rows, [](const ClusterRow& r) {
    return r.silhouette ? std::optional(r.silhouette->value) : std::nullopt;
  });
  out.calinski_harabasz = best_row(out.rows, [](const ClusterRow& r) { return r.calinski_harabasz; });
  out.bic =
      best_row(out.rows, [](const ClusterRow& r) { return r.bic ? std::optional(-*r.bic) : std::nullopt; });
}

/// What the elbow says of single Gaussian blobs with the data's own covariance, ascending.
std::vector<std::size_t> elbows_of_one_blob(Backend& backend, MatrixView<float> x,
                                            const ClusterOptions& options) {
  Moments m = moments(x);
  Matrix<double> mean(1, x.cols, std::move(m.mean));
  const double floor = 1e-12;  // a constant column must not make the blob impossible
  for (std::size_t d = 0; d < x.cols; ++d) m.covariance(d, d) += floor + floor * m.covariance(d, d);
  const Mixture blob({1.0}, std::move(mean), {std::move(m.covariance)});
  const std::size_t count = std::min(x.rows, std::max(kBlobPoints, options.k.back()));
  std::vector<Matrix<float>> blobs;
  std::vector<KMeansTask> tasks;
  blobs.reserve(kBlobs);
  for (std::uint32_t number = 0; number < kBlobs; ++number) {
    blobs.push_back(make_dataset(blob, count, options.seed + kBlobDraws + number).x);
    for (const std::size_t k : options.k)
      tasks.push_back({blobs.back(), {.k = k, .seed = options.seed}, kBlobStream + number});
  }
  std::vector<double> inertia;
  for (const KMeansResult& result : backend.kmeans(tasks)) inertia.push_back(result.inertia);
  std::vector<std::size_t> out;
  for (std::size_t b = 0; b < kBlobs; ++b)
    if (const auto at = knee(options.k, std::span(inertia).subspan(b * options.k.size(), options.k.size())))
      out.push_back(options.k[*at]);
  std::sort(out.begin(), out.end());
  return out;
}

void warn_of_elbow(Backend& backend, MatrixView<float> x, const ClusterOptions& options,
                   ClusterAnalysis& out) {
  if (!out.elbow) return;
  std::vector<std::size_t> blob;
  try {
    blob = elbows_of_one_blob(backend, x, options);
  } catch (const DataError&) {
    return;  // data whose covariance no Gaussian has, fewer points than dimensions for one
  }
  if (blob.empty() || *out.elbow < blob.front() || *out.elbow > blob.back()) return;
  out.warnings.push_back(fmt::format(
      "The elbow says {}, and for one Gaussian blob of the same shape it says {}: here it does not count "
      "clusters; trust the gap statistic or BIC.",
      *out.elbow,
      blob.front() == blob.back() ? fmt::format("{}", blob.front())
                                  : fmt::format("{} to {}", blob.front(), blob.back())));
}

}  // namespace

ClusterAnalysis cluster(Backend& backend, MatrixView<float> x, std::span<const std::int32_t> truth,
                        const ClusterOptions& options) {
  check(x, truth, options);
  ClusterAnalysis out;
  std::vector<MixtureTrouble> troubles;
  for (std::size_t k : options.k) out.rows.push_back(one_k(backend, x, truth, k, options, troubles));
  for (const MixtureTrouble& trouble : troubles)
    out.warnings.push_back(fmt::format("With k = {} {}.", ranges(trouble.k), trouble.what));
  choose(out);
  if (options.references > 0) add_gaps(backend, x, options, out);
  warn_of_elbow(backend, x, options, out);
  return out;
}

}  // namespace gmmvae
