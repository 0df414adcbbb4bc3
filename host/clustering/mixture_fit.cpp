#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "gmmvae/backend.hpp"
#include "gmmvae/clustering.hpp"
#include "gmmvae/error.hpp"
#include "host/clustering/lloyd.hpp"
#include "host/linalg/symmetric.hpp"
#include "host/parallel/lanes.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae {

namespace {

constexpr std::size_t kBlocksPerPiece = 128;
// A component with less than this many points' worth of responsibility has died.
constexpr double kDead = 1e-3;

/// The columns that vary, about their means, in blocks of eight points [block][D][8]; the last block is
/// filled up with the mean.
struct Points {
  std::size_t rows = 0, dim = 0;
  std::vector<std::size_t> columns;
  std::vector<double> mean;  // [D] of those columns
  double variance = 0.0;     // mean over them
  std::vector<double> blocks;

  explicit Points(MatrixView<float> x) : rows(x.rows) {
    for (std::size_t d = 0; d < x.cols; ++d) add_if_varying(x, d);
    dim = columns.size();
    if (dim == 0) throw DataError("no column varies, so no mixture can be fitted");
    variance /= static_cast<double>(dim);
    blocks.assign(count() * dim * kDoubleLanes, 0.0);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t d = 0; d < dim; ++d)
        blocks[(i / kDoubleLanes * dim + d) * kDoubleLanes + i % kDoubleLanes] = x(i, columns[d]) - mean[d];
  }
  [[nodiscard]] std::size_t count() const { return (rows + kDoubleLanes - 1) / kDoubleLanes; }

 private:
  void add_if_varying(MatrixView<float> x, std::size_t d) {
    double sum = 0.0, squares = 0.0;
    for (std::size_t i = 0; i < rows; ++i) sum += x(i, d);
    const double middle = sum / static_cast<double>(rows);
    for (std::size_t i = 0; i < rows; ++i) squares += (x(i, d) - middle) * (x(i, d) - middle);
    // A constant column leaves at most rounding of the mean.
    if (squares <= static_cast<double>(rows) * std::pow(1e-12 * middle, 2)) return;
    columns.push_back(d);
    mean.push_back(middle);
    variance += squares / static_cast<double>(rows);
  }
};

/// A component as the inner loop reads it: log density = constant - |A (x - mean)|^2 / 2, A lower triangular,
/// stored row by row, or diagonal.
struct Component {
  std::vector<double> mean;
  std::vector<double> whitening;
  double constant = 0.0;
};

/// Sums of responsibility, responsibility * x and responsibility * x x' (lower triangle, or its diagonal).
struct Sums {
  std::vector<double> values;  // [k][1 + D + D (D + 1) / 2 or D]
  double log_likelihood = 0.0;
};

GMMVAE_INLINE void log_density(const Component& c, const double* block, std::size_t dim, bool full,
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
GMMVAE_CLONES void expect(const Points& points, std::size_t begin, std::size_t end,
                          const std::vector<Component>& components, bool full, std::size_t moments,
                          double* lane_sums, double* log_densities, std::int32_t* labels) {
  const std::size_t k = components.size();
  std::vector<double> terms(k * kDoubleLanes);  // not of lanes: a vector would not align them
  for (std::size_t b = begin; b < end; ++b) {
    const double* block = points.blocks.data() + b * points.dim * kDoubleLanes;
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

class Fit {
 public:
  Fit(const Points& points, std::size_t k, CovarianceKind kind, const MixtureFitOptions& options,
      ThreadPool& pool)
      : points_(points),
        k_(k),
        kind_(kind),
        full_(kind == CovarianceKind::full),
        moments_(1 + points.dim + (full_ ? points.dim * (points.dim + 1) / 2 : points.dim)),
        floor_(options.regularisation * points.variance),
        pool_(pool),
        components_(k),
        weights_(k),
        covariances_(k),
        log_densities_(points.rows),
        labels_(points.rows) {}

  void start(std::span<const std::int32_t> labels) {
    std::vector<double> sums(k_ * moments_, 0.0);
    for (std::size_t i = 0; i < points_.rows; ++i) {
      double* s = sums.data() + static_cast<std::size_t>(labels[i]) * moments_;
      const double* x =
          points_.blocks.data() + i / kDoubleLanes * points_.dim * kDoubleLanes + i % kDoubleLanes;
      *s++ += 1.0;
      for (std::size_t d = 0; d < points_.dim; ++d) *s++ += x[d * kDoubleLanes];
      for (std::size_t d = 0; d < points_.dim; ++d)
        for (std::size_t e = full_ ? 0 : d; e <= d; ++e) *s++ += x[d * kDoubleLanes] * x[e * kDoubleLanes];
    }
    maximise(sums);
  }

  /// One E and M step; returns the log-likelihood before the M step.
  double step(bool update) {
    const std::size_t pieces = (points_.count() + kBlocksPerPiece - 1) / kBlocksPerPiece;
    std::vector<std::vector<double>> lane_sums(pieces);
    pool_.run(pieces, [&](std::size_t p) {
      lane_sums[p].assign(k_ * moments_ * kDoubleLanes, 0.0);
      expect(points_, p * kBlocksPerPiece, std::min(points_.count(), (p + 1) * kBlocksPerPiece), components_,
             full_, moments_, lane_sums[p].data(), log_densities_.data(), labels_.data());
    });
    double log_likelihood = 0.0;
    for (double v : log_densities_) log_likelihood += v;
    if (!update) return log_likelihood;
    std::vector<double> sums(k_ * moments_, 0.0);
    for (const auto& piece : lane_sums)
      for (std::size_t m = 0; m < sums.size(); ++m)
        for (std::size_t l = 0; l < kDoubleLanes; ++l) sums[m] += piece[m * kDoubleLanes + l];
    maximise(sums);
    return log_likelihood;
  }

  [[nodiscard]] MixtureFit result(std::size_t columns) const {
    MixtureFit out;
    out.weights = weights_;
    out.labels = labels_;
    out.means = Matrix<double>(k_, columns);
    const std::size_t dim = points_.dim;
    for (std::size_t c = 0; c < k_; ++c) {
      Matrix<double> covariance(columns, columns);
      for (std::size_t i = 0; i < dim; ++i) {
        out.means(c, points_.columns[i]) = components_[c].mean[i] + points_.mean[i];
        for (std::size_t j = 0; j < dim; ++j)
          covariance(points_.columns[i], points_.columns[j]) = covariances_[c](i, j);
      }
      out.covariances.push_back(std::move(covariance));
      out.degenerate += degenerate(c) ? 1 : 0;
    }
    return out;
  }

  [[nodiscard]] double parameters() const {
    const auto k = static_cast<double>(k_), d = static_cast<double>(points_.dim);
    const double shape = kind_ == CovarianceKind::spherical ? 1.0 : (full_ ? 0.5 * d * (d + 1.0) : d);
    return k - 1.0 + k * d + k * shape;
  }

 private:
  void maximise(const std::vector<double>& sums) {
    double total = 0.0;
    for (std::size_t c = 0; c < k_; ++c) total += sums[c * moments_];
    for (std::size_t c = 0; c < k_; ++c) update(c, sums.data() + c * moments_, total);
  }

  void update(std::size_t c, const double* sums, double total) {
    const std::size_t dim = points_.dim;
    Component& component = components_[c];
    const double count = sums[0];
    if (count < kDead) {
      weights_[c] = 0.0;
      component.mean.assign(dim, 0.0);
      component.constant = -std::numeric_limits<double>::infinity();
      component.whitening.assign(full_ ? dim * (dim + 1) / 2 : dim, 0.0);
      covariances_[c] = Matrix<double>(dim, dim);
      return;
    }
    weights_[c] = count / total;
    component.mean.assign(sums + 1, sums + 1 + dim);
    for (double& m : component.mean) m /= count;
    Matrix<double> covariance(dim, dim);
    const double* second = sums + 1 + dim;
    double trace = 0.0;
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t j = full_ ? 0 : i; j <= i; ++j)
        covariance(i, j) = covariance(j, i) = *second++ / count - component.mean[i] * component.mean[j];
      trace += std::max(covariance(i, i), 0.0);
    }
    for (std::size_t i = 0; i < dim; ++i) {
      if (kind_ == CovarianceKind::spherical) covariance(i, i) = trace / static_cast<double>(dim);
      covariance(i, i) = std::max(covariance(i, i), 0.0) + floor_;
    }
    whiten(covariance, component);
    component.constant += std::log(weights_[c]);
    covariances_[c] = std::move(covariance);
  }

  // A = L^-1 with covariance = L L', and the constant of the log density.
  void whiten(Matrix<double>& covariance, Component& out) const {
    const std::size_t dim = points_.dim;
    auto factor = cholesky(covariance);
    for (double extra = floor_; !factor;
         extra *= 10.0) {  // rounding in the second moments: widen until it passes
      for (std::size_t i = 0; i < dim; ++i) covariance(i, i) += extra;
      factor = cholesky(covariance);
    }
    out.constant = -0.5 * (static_cast<double>(dim) * std::log(2.0 * std::numbers::pi) +
                           log_determinant_of_factor(*factor));
    out.whitening.clear();
    Matrix<double> inverse(dim, dim);
    for (std::size_t i = 0; i < dim; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        double value = i == j ? 1.0 : 0.0;
        for (std::size_t m = j; m < i; ++m) value -= (*factor)(i, m) * inverse(m, j);
        inverse(i, j) = value / (*factor)(i, i);
        if (full_ || i == j) out.whitening.push_back(inverse(i, j));
      }
    }
  }

  [[nodiscard]] bool degenerate(std::size_t c) const {
    if (weights_[c] == 0.0) return true;
    return symmetric_eigen(covariances_[c]).values.back() < 4.0 * floor_;
  }

  const Points& points_;
  std::size_t k_;
  CovarianceKind kind_;
  bool full_;
  std::size_t moments_;
  double floor_;
  ThreadPool& pool_;
  std::vector<Component> components_;
  std::vector<double> weights_;
  std::vector<Matrix<double>> covariances_;
  std::vector<double> log_densities_;
  std::vector<std::int32_t> labels_;
};

}  // namespace

MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                       std::span<const std::int32_t> start, const MixtureFitOptions& options,
                       ThreadPool& pool) {
  if (k == 0 || k > x.rows || start.size() != x.rows)
    throw UsageError(fmt::format(
        "a mixture of {} components needs as many points and a start for each of the {}", k, x.rows));
  const Points points(x);
  Fit fit(points, k, kind, options, pool);
  fit.start(start);
  const auto n = static_cast<double>(x.rows);
  double previous = -std::numeric_limits<double>::infinity();
  std::size_t iterations = 0;
  while (iterations < options.max_iterations) {
    const double now = fit.step(true);
    ++iterations;
    if (now - previous < options.tolerance * n) break;
    previous = now;
  }
  const double log_likelihood = fit.step(false);
  MixtureFit out = fit.result(x.cols);
  out.log_likelihood = log_likelihood;
  out.iterations = iterations;
  out.bic = -2.0 * log_likelihood + fit.parameters() * std::log(n);
  return out;
}

MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                       std::span<const std::int32_t> start, const MixtureFitOptions& options) {
  ThreadPool pool(options.threads == 0 ? available_threads() : options.threads);
  return fit_mixture(x, k, kind, start, options, pool);
}

}  // namespace gmmvae
