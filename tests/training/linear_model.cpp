#include "tests/training/linear_model.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>

#include "gmmvae/vae.hpp"
#include "tests/support/reference_vae.hpp"

namespace gmmvae::test {
namespace {

/// Sum of log(lambda_i / s2) / 2 over the active dimensions, and the variance that stays unexplained.
struct Spectrum {
  double active = 0;
  double kl = 0;
  double unexplained = 0;
};
Spectrum split(const std::vector<double>& lambda, std::size_t latent, double variance) {
  Spectrum result;
  for (std::size_t i = 0; i < lambda.size(); ++i) {
    if (i < latent && lambda[i] > variance) {
      result.active += 1;
      result.kl += 0.5 * std::log(lambda[i] / variance);
    } else {
      result.unexplained += lambda[i];
    }
  }
  return result;
}

/// Rows minus their mean times the inverse Cholesky factor of their covariance: covariance exactly I.
Matrix<double> whiten(Matrix<double> x) {
  const std::size_t dim = x.cols();
  for (std::size_t d = 0; d < dim; ++d) {  // Gram-Schmidt on the columns
    double mean = 0;
    for (std::size_t n = 0; n < x.rows(); ++n) mean += x(n, d) / static_cast<double>(x.rows());
    for (std::size_t n = 0; n < x.rows(); ++n) x(n, d) -= mean;
    for (std::size_t e = 0; e < d; ++e) {
      double dot = 0;
      for (std::size_t n = 0; n < x.rows(); ++n) dot += x(n, d) * x(n, e) / static_cast<double>(x.rows());
      for (std::size_t n = 0; n < x.rows(); ++n) x(n, d) -= dot * x(n, e);
    }
    double square = 0;
    for (std::size_t n = 0; n < x.rows(); ++n) square += x(n, d) * x(n, d) / static_cast<double>(x.rows());
    for (std::size_t n = 0; n < x.rows(); ++n) x(n, d) /= std::sqrt(square);
  }
  return x;
}

}  // namespace

std::vector<double> eigenvalues(Matrix<double> a) {
  const std::size_t n = a.rows();
  for (int sweep = 0; sweep < 50; ++sweep)
    for (std::size_t p = 0; p < n; ++p)
      for (std::size_t q = p + 1; q < n; ++q) {
        const double angle = 0.5 * std::atan2(2 * a(p, q), a(q, q) - a(p, p));
        const double c = std::cos(angle);
        const double s = std::sin(angle);
        for (std::size_t k = 0; k < n; ++k) {
          const double kp = a(k, p);
          a(k, p) = c * kp - s * a(k, q);
          a(k, q) = s * kp + c * a(k, q);
        }
        for (std::size_t k = 0; k < n; ++k) {
          const double pk = a(p, k);
          a(p, k) = c * pk - s * a(q, k);
          a(q, k) = s * pk + c * a(q, k);
        }
      }
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i) values[i] = a(i, i);
  std::sort(values.begin(), values.end(), std::greater<>());
  return values;
}

Matrix<double> covariance(MatrixView<float> x) {
  std::vector<double> mean(x.cols, 0.0);
  for (std::size_t n = 0; n < x.rows; ++n)
    for (std::size_t d = 0; d < x.cols; ++d) mean[d] += x(n, d) / static_cast<double>(x.rows);
  Matrix<double> result(x.cols, x.cols);
  for (std::size_t n = 0; n < x.rows; ++n)
    for (std::size_t d = 0; d < x.cols; ++d)
      for (std::size_t e = 0; e < x.cols; ++e)
        result(d, e) += (x(n, d) - mean[d]) * (x(n, e) - mean[e]) / static_cast<double>(x.rows);
  return result;
}

Matrix<float> gaussian_points(std::size_t count, const std::vector<double>& variances, std::uint64_t seed) {
  const std::size_t dim = variances.size();
  Matrix<double> x = whiten(some_normals(count, dim, seed));
  for (std::size_t n = 0; n < count; ++n) {
    for (std::size_t d = 0; d < dim; ++d) x(n, d) *= std::sqrt(variances[d]);
    for (std::size_t d = 0; d + 1 < dim; ++d) {  // a rotation in each neighbouring pair of axes
      const double angle = 0.6 + 0.3 * static_cast<double>(d);
      const double a = x(n, d);
      const double b = x(n, d + 1);
      x(n, d) = std::cos(angle) * a - std::sin(angle) * b;
      x(n, d + 1) = std::sin(angle) * a + std::cos(angle) * b;
    }
    for (std::size_t d = 0; d < dim; ++d) x(n, d) += 0.25 * (static_cast<double>(d) - 1);
  }
  return to_float(x);
}

LinearTerms exact_linear_terms(const TrainingJob& job) {
  const Architecture& shape = job.architecture;
  const std::size_t dim = shape.data_dim;
  const std::size_t latent = shape.latent;
  const std::vector<double> p(job.state.parameters.begin(), job.state.parameters.end());
  const double* v_matrix = p.data();
  const double* c = v_matrix + 2 * latent * dim;
  const double* w = c + 2 * latent;
  const double* b = w + dim * latent;
  const bool learned = job.objective.variance_kind != DecoderVarianceKind::fixed;
  const double s2 =
      learned ? job.objective.variance_floor + std::exp(b[dim]) : job.objective.decoder_variance;

  LinearTerms terms;
  terms.kl_per_dimension.assign(latent, 0.0);
  const double share = 1 / static_cast<double>(job.data.rows);
  for (std::size_t n = 0; n < job.data.rows; ++n) {
    std::vector<double> head(c, c + 2 * latent);
    for (std::size_t o = 0; o < 2 * latent; ++o)
      for (std::size_t d = 0; d < dim; ++d) head[o] += v_matrix[o * dim + d] * job.data(n, d);
    std::vector<double> variance(latent);
    for (std::size_t j = 0; j < latent; ++j) {
      const double a = head[latent + j];
      variance[j] =
          shape.posterior_variance == PosteriorVariance::exp ? std::exp(a) : std::log1p(std::exp(a / 2));
      terms.kl_per_dimension[j] +=
          share * 0.5 * (head[j] * head[j] + variance[j] - 1 - std::log(variance[j]));
    }
    for (std::size_t d = 0; d < dim; ++d) {
      double error = job.data(n, d) - b[d];
      double spread = 0;
      for (std::size_t j = 0; j < latent; ++j) {
        error -= w[d * latent + j] * head[j];
        spread += w[d * latent + j] * w[d * latent + j] * variance[j];
      }
      terms.squared_error += share * (error * error + spread);
    }
  }
  for (const double kl : terms.kl_per_dimension) terms.kl += kl;
  terms.elbo =
      -0.5 * (terms.squared_error / s2 + static_cast<double>(dim) * std::log(2 * std::numbers::pi * s2)) -
      terms.kl;
  return terms;
}

double best_elbo(const std::vector<double>& lambda, std::size_t latent, double variance) {
  const Spectrum spectrum = split(lambda, latent, variance);
  // sum_{i<=a} log lambda_i + (D - a) log s2 = D log s2 + 2 sum_{i<=a} log(lambda_i / s2) / 2
  const auto dim = static_cast<double>(lambda.size());
  return -0.5 * (dim * std::log(2 * std::numbers::pi * variance) + 2 * spectrum.kl + spectrum.active +
                 spectrum.unexplained / variance);
}

double best_learned_variance(const std::vector<double>& lambda, std::size_t latent) {
  double rest = 0;
  for (std::size_t i = latent; i < lambda.size(); ++i) rest += lambda[i];
  return rest / static_cast<double>(lambda.size() - latent);
}

double best_course_loss(const std::vector<double>& lambda, std::size_t latent) {
  const auto dim = static_cast<double>(lambda.size());
  const auto z = static_cast<double>(latent);
  const double variance = dim / (2 * z);
  const Spectrum spectrum = split(lambda, latent, variance);
  return (spectrum.active * variance + spectrum.unexplained) / dim + spectrum.kl / z;
}

}  // namespace gmmvae::test
