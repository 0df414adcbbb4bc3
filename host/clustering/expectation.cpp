#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "gmmvae/backend.hpp"
#include "gmmvae/clustering.hpp"
#include "host/clustering/lloyd.hpp"
#include "host/clustering/mixture_fit.hpp"
#include "host/parallel/lanes.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae {

namespace {

constexpr std::size_t kBlocksPerPiece = 128;
/// The varying columns about their means in blocks of eight points [block][D][8]; the last block is filled up
/// with the mean.
struct Blocks {
  std::size_t rows, dim;
  std::vector<double> values;

  Blocks(MatrixView<float> x, const VaryingColumns& columns) : rows(x.rows), dim(columns.dim()) {
    values.assign(count() * dim * kDoubleLanes, 0.0);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t d = 0; d < dim; ++d)
        values[(i / kDoubleLanes * dim + d) * kDoubleLanes + i % kDoubleLanes] =
            x(i, columns.columns[d]) - columns.mean[d];
  }
  [[nodiscard]] std::size_t count() const { return (rows + kDoubleLanes - 1) / kDoubleLanes; }
};

GMMVAE_INLINE void log_density(const MixtureComponent& c, const double* block, std::size_t dim, bool full,
                               DoubleLanes& out) {
  DoubleLanes squared = {};
  const double* a = c.whitening.data();
  for (std::size_t i = 0; i < dim; ++i) {
    DoubleLanes y = {};
    for (std::size_t j = full ? 0 : i; j <= i; ++j) {
      DoubleLanes x;
      load(block + j * kDoubleLanes, x);
      y += (x - c.mean[j]) * *a++;
    }
    squared += y * y;
  }
  out = c.constant - 0.5 * squared;
}

GMMVAE_INLINE void add_moments(const double* block, std::size_t dim, bool full, const DoubleLanes& r,
                               double* sums) {
  const auto add = [&](const DoubleLanes& v) __attribute__((always_inline)) {
    DoubleLanes total;
    load(sums, total);
    total += v;
    store(total, sums);
    sums += kDoubleLanes;
  };
  add(r);
  for (std::size_t i = 0; i < dim; ++i) {
    DoubleLanes x;
    load(block + i * kDoubleLanes, x);
    add(r * x);
  }
  for (std::size_t i = 0; i < dim; ++i) {
    DoubleLanes x;
    load(block + i * kDoubleLanes, x);
    for (std::size_t j = full ? 0 : i; j <= i; ++j) {
      DoubleLanes other;
      load(block + j * kDoubleLanes, other);
      add(r * x * other);
    }
  }
}

// One piece of the E step: responsibilities [k][8] of each block go into the lane sums [k][moments][8], and
// the log densities of the points into `log_densities`.
GMMVAE_CLONES void expect(const Blocks& points, std::size_t begin, std::size_t end,
                          std::span<const MixtureComponent> components, bool full, std::size_t moments,
                          double* lane_sums, double* log_densities, std::int32_t* labels) {
  const std::size_t k = components.size();
  std::vector<double> terms(k * kDoubleLanes);  // not of lanes: a vector would not align them
  for (std::size_t b = begin; b < end; ++b) {
    const double* block = points.values.data() + b * points.dim * kDoubleLanes;
    DoubleLanes most = DoubleLanes{} - std::numeric_limits<double>::infinity();
    LongLanes label = {};
    for (std::size_t c = 0; c < k; ++c) {
      DoubleLanes term;
      log_density(components[c], block, points.dim, full, term);
      store(term, terms.data() + c * kDoubleLanes);
      const LongLanes more = term > most;
      label = more ? LongLanes{} + static_cast<std::int64_t>(c) : label;
      most = more ? term : most;
    }
    DoubleLanes sum = {};
    for (std::size_t c = 0; c < k; ++c) {
      DoubleLanes term;
      load(terms.data() + c * kDoubleLanes, term);
      term -= most;
      exponential(term);
      store(term, terms.data() + c * kDoubleLanes);
      sum += term;
    }
    const std::size_t filled = std::min(kDoubleLanes, points.rows - b * kDoubleLanes);
    DoubleLanes inverse = 1.0 / sum;
    for (std::size_t l = filled; l < kDoubleLanes; ++l) inverse[l] = 0.0;
    for (std::size_t c = 0; c < k; ++c) {
      DoubleLanes responsibility;
      load(terms.data() + c * kDoubleLanes, responsibility);
      responsibility *= inverse;
      add_moments(block, points.dim, full, responsibility, lane_sums + c * moments * kDoubleLanes);
    }
    for (std::size_t l = 0; l < filled; ++l) {
      log_densities[b * kDoubleLanes + l] = most[l] + std::log(sum[l]);
      labels[b * kDoubleLanes + l] = static_cast<std::int32_t>(label[l]);
    }
  }
}

class CpuExpectation final : public Expectation {
 public:
  CpuExpectation(MatrixView<float> x, const VaryingColumns& columns, bool full, ThreadPool& pool)
      : points_(x, columns), full_(full), pool_(pool), log_densities_(x.rows) {}

  double run(std::span<const MixtureComponent> components, std::vector<double>* sums,
             std::vector<std::int32_t>& labels) override {
    const std::size_t moments = moment_count(points_.dim, full_);
    const std::size_t pieces = (points_.count() + kBlocksPerPiece - 1) / kBlocksPerPiece;
    std::vector<std::vector<double>> lane_sums(pieces);
    pool_.run(pieces, [&](std::size_t p) {
      lane_sums[p].assign(components.size() * moments * kDoubleLanes, 0.0);
      expect(points_, p * kBlocksPerPiece, std::min(points_.count(), (p + 1) * kBlocksPerPiece), components,
             full_, moments, lane_sums[p].data(), log_densities_.data(), labels.data());
    });
    double log_likelihood = 0.0;
    for (double v : log_densities_) log_likelihood += v;
    if (sums == nullptr) return log_likelihood;
    sums->assign(components.size() * moments, 0.0);
    for (const auto& piece : lane_sums)
      for (std::size_t m = 0; m < sums->size(); ++m)
        for (std::size_t l = 0; l < kDoubleLanes; ++l) (*sums)[m] += piece[m * kDoubleLanes + l];
    return log_likelihood;
  }

 private:
  Blocks points_;
  bool full_;
  ThreadPool& pool_;
  std::vector<double> log_densities_;
};

}  // namespace

MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                       std::span<const std::int32_t> start, const MixtureFitOptions& options,
                       ThreadPool& pool) {
  return fit_mixture(x, k, kind, start, options, [&](const VaryingColumns& columns, bool full) {
    return std::make_unique<CpuExpectation>(x, columns, full, pool);
  });
}

MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                       std::span<const std::int32_t> start, const MixtureFitOptions& options) {
  ThreadPool pool(options.threads == 0 ? available_threads() : options.threads);
  return fit_mixture(x, k, kind, start, options, pool);
}

}  // namespace gmmvae
