#include "host/training/linear_optimum.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "host/linalg/symmetric.hpp"

namespace gmmvae {
namespace {

/// Whether an eigenvalue is above the threshold by more than the rounding of either.
bool above(double eigenvalue, double threshold) {
  return eigenvalue > threshold * (1.0 + 1e-12);
}

/// The covariance of the columns, each divided by its decoder deviation.
Matrix<double> divided_by_deviations(const Matrix<double>& covariance, const std::vector<double>& variance) {
  Matrix<double> whitened(covariance.rows(), covariance.cols());
  for (std::size_t i = 0; i < covariance.rows(); ++i) {
    for (std::size_t j = 0; j < covariance.cols(); ++j) {
      whitened(i, j) = covariance(i, j) / std::sqrt(variance[i] * variance[j]);
    }
  }
  return whitened;
}

/// One alternation; returns the largest change of a log variance.
double refine(const Matrix<double>& covariance, const Objective& objective, std::size_t latent,
              std::vector<double>& variance) {
  const EigenDecomposition eigen = symmetric_eigen(divided_by_deviations(covariance, variance));
  double change = 0.0;
  for (std::size_t d = 0; d < variance.size(); ++d) {
    double error = 0.0;  // of column d, in units of its variance
    for (std::size_t i = 0; i < variance.size(); ++i) {
      const double left = i < latent ? std::min(eigen.values[i], objective.beta) : eigen.values[i];
      error += eigen.vectors(d, i) * eigen.vectors(d, i) * std::max(left, 0.0);
    }
    const double next = std::max(objective.variance_floor, variance[d] * error);
    change = std::max(change, std::abs(std::log(next / variance[d])));
    variance[d] = next;
  }
  return change;
}

}  // namespace

LinearOptimum optimum_at_variance(const std::vector<double>& eigenvalues, double variance, double beta,
                                  std::size_t latent) {
  LinearOptimum optimum;
  optimum.variance = {variance};
  optimum.kl_per_dimension.assign(latent, 0.0);
  for (std::size_t i = 0; i < eigenvalues.size(); ++i) {
    const double relative = eigenvalues[i] / variance;
    if (i < latent && above(relative, beta)) {
      ++optimum.active;
      optimum.kl_per_dimension[i] = 0.5 * std::log(relative / beta);
      optimum.relative_squared_error += beta;
    } else {
      optimum.relative_squared_error += relative;
    }
  }
  return optimum;
}

LinearOptimum optimum_of_shared_variance(const std::vector<double>& eigenvalues, const Objective& objective,
                                         std::size_t latent) {
  const std::size_t dim = eigenvalues.size();
  const double beta = objective.beta;
  double variance = 0.0;
  double rest = 0.0;  // sum of the eigenvalues beyond the active ones
  for (std::size_t i = std::min(latent, dim); i < dim; ++i) rest += eigenvalues[i];
  for (std::size_t active = std::min(latent, dim);; --active) {
    const double slope = static_cast<double>(dim) - static_cast<double>(active) * beta;
    if (active == 0 || (slope > 0.0 && rest / slope <= eigenvalues[active - 1] / beta)) {
      variance = rest / slope;
      break;
    }
    rest += eigenvalues[active - 1];
  }
  if (beta == 1.0 && latent >= dim) variance = std::min(variance, objective.decoder_variance);
  return optimum_at_variance(eigenvalues, std::max(variance, objective.variance_floor), beta, latent);
}

LinearOptimum optimum_of_column_variances(const Matrix<double>& covariance, const Objective& objective,
                                          std::size_t latent) {
  const std::size_t dim = covariance.rows();
  std::vector<double> variance(dim, std::max(objective.decoder_variance, objective.variance_floor));
  constexpr double converged = 1e-11;
  // A step is one eigenvalue problem, some 50 D^3 operations: this keeps the whole below a few seconds for
  // any D.
  const double cube = std::pow(static_cast<double>(dim), 3.0);
  const auto most_steps = static_cast<std::size_t>(std::clamp(5e7 / cube, 50.0, 100'000.0));
  for (std::size_t step = 0; step < most_steps; ++step) {
    if (refine(covariance, objective, latent, variance) < converged) break;
  }
  const std::vector<double> eigenvalues = symmetric_eigen(divided_by_deviations(covariance, variance)).values;
  LinearOptimum optimum = optimum_at_variance(eigenvalues, 1.0, objective.beta, latent);
  optimum.variance = std::move(variance);
  return optimum;
}

}  // namespace gmmvae
