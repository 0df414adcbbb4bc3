#pragma once

#include <optional>
#include <span>
#include <vector>

#include "gmmvae/matrix.hpp"

// Dense linear algebra for symmetric matrices of some tens of rows, in double, with a fixed order of sums.
namespace gmmvae {

/// Whether a(i,j) = a(j,i) within 1e-8 of sqrt(a(i,i) a(j,j)): written decimals and rotations leave rounding
/// between the triangles; more than that is a mistake. False where an entry is not a number.
bool is_symmetric(const Matrix<double>& a);

/// The lower factor L of a = L L', [D,D] with zeros above the diagonal; reads the lower triangle of `a`.
/// Empty where a pivot is not positive or not finite: `a` is not positive definite in double precision.
std::optional<Matrix<double>> cholesky(const Matrix<double>& a);

/// Solves L y = b by forward substitution.
std::vector<double> solve_lower(const Matrix<double>& lower, std::span<const double> b);
/// Solves L' y = b by backward substitution.
std::vector<double> solve_lower_transposed(const Matrix<double>& lower, std::span<const double> b);

/// log det(L L').
double log_determinant_of_factor(const Matrix<double>& lower);

/// Eigenvalues in descending order, and column i of `vectors` [D,D] is the unit eigenvector of values[i].
struct EigenDecomposition {
  std::vector<double> values;
  Matrix<double> vectors;
};
/// Cyclic Jacobi rotations (Golub & Van Loan, section 8.5); `a` is symmetric and finite. O(D^3) a sweep, some
/// ten sweeps; the error is a small multiple of 2^-53 times the largest absolute eigenvalue.
EigenDecomposition symmetric_eigen(Matrix<double> a);

}  // namespace gmmvae
