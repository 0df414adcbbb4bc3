#pragma once

#include <cstddef>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/objective.hpp"
#include "gmmvae/training.hpp"

namespace gmmvae::test {

/// Eigenvalues of a symmetric matrix, descending, by cyclic Jacobi rotations.
std::vector<double> eigenvalues(Matrix<double> symmetric);

/// Covariance (divisor N) of the rows, in double.
Matrix<double> covariance(MatrixView<float> x);

/// `count` Gaussian points whose covariance has, to rounding, exactly these eigenvalues, with axes turned
/// away from the coordinates and a mean that is not zero.
Matrix<float> gaussian_points(std::size_t count, const std::vector<double>& variances, std::uint64_t seed);

/// What a trained model without hidden layers is worth exactly, with no sampling: the mean over its data of
///   E_q log p(x|z) = -1/2 sum_d [ ((x - W m - b)_d^2 + sum_j W_dj^2 v_j) / s2_d + log 2 pi s2_d ]
///   KL_j = (m_j^2 + v_j - 1 - log v_j) / 2
/// for q(z|x) = N(m, diag v); in scaled units.
struct LinearTerms {
  double elbo = 0.0;
  double squared_error = 0.0;  ///< E |x - y|^2
  double kl = 0.0;
  std::vector<double> kl_per_dimension;  ///< [Z]
};
LinearTerms exact_linear_terms(const TrainingJob& job);

/// The best that a linear VAE can do on data with these eigenvalues (descending) and a fixed decoder variance
/// (Tipping & Bishop 1999; Lucas et al. 2019): a = #{i <= Z: lambda_i > s2} active dimensions and
///   -1/2 [ D log 2 pi + sum_{i<=a} log lambda_i + (D - a) log s2 + a + sum_{i>a} lambda_i / s2 ].
double best_elbo(const std::vector<double>& lambda, std::size_t latent, double variance);

/// The same with the variance learned: s2 = mean of the eigenvalues beyond the Z-th.
double best_learned_variance(const std::vector<double>& lambda, std::size_t latent);

/// The least course loss of a linear model: with s2 = D / (2 Z),
///   (a s2 + sum_{i>a} lambda_i) / D + 1/Z sum_{i<=a} log(lambda_i / s2) / 2.
double best_course_loss(const std::vector<double>& lambda, std::size_t latent);

}  // namespace gmmvae::test
