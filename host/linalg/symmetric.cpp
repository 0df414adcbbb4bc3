#include "host/linalg/symmetric.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace gmmvae {
namespace {

/// Rotates rows and columns p and q of `a` so that a(p,q) vanishes, and the columns of `vectors` with them.
void rotate(Matrix<double>& a, Matrix<double>& vectors, std::size_t p, std::size_t q) {
  const double theta = (a(q, q) - a(p, p)) / (2.0 * a(p, q));
  const double tangent = std::copysign(1.0, theta) / (std::abs(theta) + std::hypot(theta, 1.0));
  const double cosine = 1.0 / std::hypot(tangent, 1.0);
  const double sine = tangent * cosine;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const double left = a(i, p);
    const double right = a(i, q);
    a(i, p) = cosine * left - sine * right;
    a(i, q) = sine * left + cosine * right;
  }
  for (std::size_t i = 0; i < a.rows(); ++i) {
    const double upper = a(p, i);
    const double lower = a(q, i);
    a(p, i) = cosine * upper - sine * lower;
    a(q, i) = sine * upper + cosine * lower;
    const double first = vectors(i, p);
    const double second = vectors(i, q);
    vectors(i, p) = cosine * first - sine * second;
    vectors(i, q) = sine * first + cosine * second;
  }
  a(p, q) = 0.0;
  a(q, p) = 0.0;
}

/// One sweep over all pairs; false where every off-diagonal entry was already below `negligible`.
bool sweep(Matrix<double>& a, Matrix<double>& vectors, double negligible) {
  bool rotated = false;
  for (std::size_t p = 0; p + 1 < a.rows(); ++p) {
    for (std::size_t q = p + 1; q < a.rows(); ++q) {
      if (std::abs(a(p, q)) <= negligible) continue;
      rotate(a, vectors, p, q);
      rotated = true;
    }
  }
  return rotated;
}

}  // namespace

bool is_symmetric(const Matrix<double>& a) {
  constexpr double rounding = 1e-8;
  for (std::size_t i = 0; i < a.rows(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double scale = std::sqrt(std::abs(a(i, i) * a(j, j)));
      if (!(std::abs(a(i, j) - a(j, i)) <= rounding * scale)) return false;
    }
  }
  return true;
}

std::optional<Matrix<double>> cholesky(const Matrix<double>& a) {
  const std::size_t n = a.rows();
  Matrix<double> lower(n, n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = a(i, j);
      for (std::size_t k = 0; k < j; ++k) sum -= lower(i, k) * lower(j, k);
      if (i != j) {
        lower(i, j) = sum / lower(j, j);
      } else if (sum > 0.0 && std::isfinite(sum)) {
        lower(i, i) = std::sqrt(sum);
      } else {
        return std::nullopt;
      }
    }
  }
  return lower;
}

std::vector<double> solve_lower(const Matrix<double>& lower, std::span<const double> b) {
  std::vector<double> y(b.begin(), b.end());
  for (std::size_t i = 0; i < y.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) y[i] -= lower(i, k) * y[k];
    y[i] /= lower(i, i);
  }
  return y;
}

std::vector<double> solve_lower_transposed(const Matrix<double>& lower, std::span<const double> b) {
  std::vector<double> y(b.begin(), b.end());
  for (std::size_t i = y.size(); i-- > 0;) {
    for (std::size_t k = i + 1; k < y.size(); ++k) y[i] -= lower(k, i) * y[k];
    y[i] /= lower(i, i);
  }
  return y;
}

double log_determinant_of_factor(const Matrix<double>& lower) {
  double sum = 0.0;
  for (std::size_t i = 0; i < lower.rows(); ++i) sum += std::log(lower(i, i));
  return 2.0 * sum;
}

EigenDecomposition symmetric_eigen(Matrix<double> a) {
  const std::size_t n = a.rows();
  Matrix<double> vectors(n, n);
  double largest = 0.0;
  for (std::size_t i = 0; i < n; ++i) vectors(i, i) = 1.0;
  for (const double value : a.values()) largest = std::max(largest, std::abs(value));
  // Jacobi converges quadratically, in six to ten sweeps; the bound is there for input that is not a number.
  constexpr int most_sweeps = 60;
  const double negligible = largest * std::numeric_limits<double>::epsilon() / 16.0;
  for (int i = 0; i < most_sweeps && sweep(a, vectors, negligible); ++i) {
  }

  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t l, std::size_t r) { return a(l, l) > a(r, r); });
  EigenDecomposition result{std::vector<double>(n), Matrix<double>(n, n)};
  for (std::size_t i = 0; i < n; ++i) {
    result.values[i] = a(order[i], order[i]);
    for (std::size_t row = 0; row < n; ++row) result.vectors(row, i) = vectors(row, order[i]);
  }
  return result;
}

}  // namespace gmmvae
