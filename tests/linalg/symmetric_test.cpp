#include "host/linalg/symmetric.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "gmmvae/random.hpp"

namespace gmmvae {
namespace {

/// A A' + I/10 with entries of A drawn from a stream.
Matrix<double> some_positive_matrix(std::size_t n, std::uint64_t seed) {
  const RandomStream stream(seed, Purpose::evaluation);
  Matrix<double> a(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t k = 0; k < n; ++k) a(i, j) += stream.normal(i * n + k) * stream.normal(j * n + k);
    }
    a(i, i) += 0.1;
  }
  return a;
}

// Tolerances below: n^2 roundings of 2^-53 on entries of order n leave less than 1e-11 for n up to 20.
TEST(Cholesky, MultipliesBack) {
  for (const std::size_t n : {1U, 2U, 5U, 20U}) {
    const Matrix<double> a = some_positive_matrix(n, n);
    const Matrix<double> lower = cholesky(a).value();
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        double sum = 0.0;
        for (std::size_t k = 0; k < n; ++k) sum += lower(i, k) * lower(j, k);
        EXPECT_NEAR(sum, a(i, j), 1e-11);
        if (j > i) {
          EXPECT_EQ(lower(i, j), 0.0);
        }
      }
    }
  }
}

TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  EXPECT_FALSE(cholesky(Matrix<double>(2, 2, std::vector<double>{1, 2, 2, 1})));
  EXPECT_FALSE(cholesky(Matrix<double>(2, 2, std::vector<double>{1, 1, 1, 1})));
  EXPECT_FALSE(cholesky(Matrix<double>(1, 1, std::vector<double>{std::nan("")})));
}

TEST(TriangularSolves, InvertTheFactor) {
  const Matrix<double> a = some_positive_matrix(6, 3);
  const Matrix<double> lower = cholesky(a).value();
  const std::vector<double> b = {1, -2, 3, 0.5, -0.25, 4};
  const std::vector<double> x = solve_lower_transposed(lower, solve_lower(lower, b));
  for (std::size_t i = 0; i < 6; ++i) {
    double sum = 0.0;
    for (std::size_t j = 0; j < 6; ++j) sum += a(i, j) * x[j];
    EXPECT_NEAR(sum, b[i], 1e-10);
  }
}

TEST(LogDeterminant, OfTwoByTwo) {
  const Matrix<double> a(2, 2, std::vector<double>{3, 1, 1, 2});
  EXPECT_NEAR(log_determinant_of_factor(cholesky(a).value()), std::log(5.0), 1e-15);
}

TEST(SymmetricEigen, SatisfiesItsDefinition) {
  for (const std::size_t n : {1U, 2U, 3U, 10U, 40U}) {
    const Matrix<double> a = some_positive_matrix(n, 7 + n);
    const EigenDecomposition eigen = symmetric_eigen(a);
    // 2^-53 times the largest eigenvalue, at most 4 n, times some n roundings
    const double allowed = 1e-14 * static_cast<double>(n * n);
    for (std::size_t c = 0; c < n; ++c) {
      if (c > 0) {
        EXPECT_GE(eigen.values[c - 1], eigen.values[c]);
      }
      for (std::size_t i = 0; i < n; ++i) {
        double image = 0.0;
        double product = 0.0;
        for (std::size_t j = 0; j < n; ++j) {
          image += a(i, j) * eigen.vectors(j, c);
          product += eigen.vectors(j, i) * eigen.vectors(j, c);
        }
        EXPECT_NEAR(image, eigen.values[c] * eigen.vectors(i, c), allowed);
        EXPECT_NEAR(product, i == c ? 1.0 : 0.0, allowed);
      }
    }
  }
}

// The second difference matrix has the eigenvalues 2 - 2 cos(pi k / (n + 1)).
TEST(SymmetricEigen, KnowsTheSecondDifferences) {
  constexpr std::size_t n = 12;
  Matrix<double> a(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    a(i, i) = 2;
    if (i > 0) a(i, i - 1) = a(i - 1, i) = -1;
  }
  const auto values = symmetric_eigen(a).values;
  for (std::size_t k = 1; k <= n; ++k) {
    EXPECT_NEAR(values[n - k], 2 - 2 * std::cos(std::numbers::pi * static_cast<double>(k) / (n + 1)), 1e-14);
  }
}

TEST(SymmetricEigen, LeavesZeroAndDiagonalAlone) {
  EXPECT_EQ(symmetric_eigen(Matrix<double>(2, 2)).values, (std::vector<double>{0, 0}));
  EXPECT_EQ(symmetric_eigen(Matrix<double>(2, 2, std::vector<double>{1, 0, 0, 3})).values,
            (std::vector<double>{3, 1}));
}

}  // namespace
}  // namespace gmmvae
