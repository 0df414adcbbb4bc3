#include "host/clustering/mixture_fit.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "gmmvae/error.hpp"
#include "host/backend/arguments.hpp"
#include "host/data/range.hpp"
#include "host/linalg/symmetric.hpp"

namespace gmmvae {

VaryingColumns::VaryingColumns(MatrixView<float> x) {
  const auto n = static_cast<double>(x.rows);
  for (std::size_t d = 0; d < x.cols; ++d) {
    double sum = 0.0, squares = 0.0;
    for (std::size_t i = 0; i < x.rows; ++i) sum += x(i, d);
    const double middle = sum / n;
    for (std::size_t i = 0; i < x.rows; ++i) squares += (x(i, d) - middle) * (x(i, d) - middle);
    // A constant column leaves at most rounding of the mean.
    if (squares <= n * std::pow(1e-12 * middle, 2)) continue;
    columns.push_back(d);
    mean.push_back(middle);
    variance += squares / n;
  }
  if (columns.empty()) throw DataError("no column varies, so no mixture can be fitted");
  variance /= static_cast<double>(dim());
}

namespace {

// A component with less than this many points' worth of responsibility has died.
constexpr double kDead = 1e-3;

class Fit {
 public:
  Fit(MatrixView<float> x, const VaryingColumns& points, std::size_t k, CovarianceKind kind,
      const MixtureFitOptions& options)
      : x_(x),
        points_(points),
        k_(k),
        kind_(kind),
        full_(kind == CovarianceKind::full),
        moments_(moment_count(points.dim(), full_)),
        floor_(options.regularisation * points.variance),
        components_(k),
        weights_(k),
        covariances_(k),
        labels_(x.rows) {}

  void start(std::span<const std::int32_t> labels) {
    std::vector<double> sums(k_ * moments_, 0.0);
    std::vector<double> x(points_.dim());
    for (std::size_t i = 0; i < x_.rows; ++i) {
      double* s = sums.data() + static_cast<std::size_t>(labels[i]) * moments_;
      for (std::size_t d = 0; d < x.size(); ++d) x[d] = x_(i, points_.columns[d]) - points_.mean[d];
      *s++ += 1.0;
      for (const double value : x) *s++ += value;
      for (std::size_t d = 0; d < x.size(); ++d)
        for (std::size_t e = full_ ? 0 : d; e <= d; ++e) *s++ += x[d] * x[e];
    }
    maximise(sums);
  }

  /// One E step, and the M step where `update`; returns the log-likelihood before the M step.
  double step(Expectation& expectation, bool update) {
    std::vector<double> sums;
    const double log_likelihood = expectation.run(components_, update ? &sums : nullptr, labels_);
    if (update) maximise(sums);
    return log_likelihood;
  }

  [[nodiscard]] MixtureFit result(std::size_t columns) const {
    MixtureFit out;
    out.weights = weights_;
    out.labels = labels_;
    out.means = Matrix<double>(k_, columns);
    const std::size_t dim = points_.dim();
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
    const auto k = static_cast<double>(k_), d = static_cast<double>(points_.dim());
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
    const std::size_t dim = points_.dim();
    MixtureComponent& component = components_[c];
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
  void whiten(Matrix<double>& covariance, MixtureComponent& out) const {
    const std::size_t dim = points_.dim();
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

  MatrixView<float> x_;
  const VaryingColumns& points_;
  std::size_t k_;
  CovarianceKind kind_;
  bool full_;
  std::size_t moments_;
  double floor_;
  std::vector<MixtureComponent> components_;
  std::vector<double> weights_;
  std::vector<Matrix<double>> covariances_;
  std::vector<std::int32_t> labels_;
};

}  // namespace

MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                       std::span<const std::int32_t> start, const MixtureFitOptions& options,
                       const MakeExpectation& make_expectation) {
  if (k == 0 || k > x.rows || start.size() != x.rows)
    throw UsageError(fmt::format(
        "a mixture of {} components needs as many points and a start for each of the {}", k, x.rows));
  check_labels(start, x.rows, k);
  require_bounded_range(x, "the points");
  const VaryingColumns columns(x);
  const std::unique_ptr<Expectation> expectation = make_expectation(columns, kind == CovarianceKind::full);
  Fit fit(x, columns, k, kind, options);
  fit.start(start);
  const auto n = static_cast<double>(x.rows);
  double previous = -std::numeric_limits<double>::infinity();
  std::size_t iterations = 0;
  while (iterations < options.max_iterations) {
    const double now = fit.step(*expectation, true);
    ++iterations;
    if (now - previous < options.tolerance * n) break;
    previous = now;
  }
  const double log_likelihood = fit.step(*expectation, false);
  MixtureFit out = fit.result(x.cols);
  out.log_likelihood = log_likelihood;
  out.iterations = iterations;
  out.bic = -2.0 * log_likelihood + fit.parameters() * std::log(n);
  return out;
}

}  // namespace gmmvae
