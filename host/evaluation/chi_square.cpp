#include "host/evaluation/chi_square.hpp"

#include <cmath>
#include <limits>

#include "gmmvae/error.hpp"

namespace gmmvae {

namespace {

constexpr int kMaxTerms = 100000;
constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

// x^a e^-x / Gamma(a), the factor both expansions share.
double gamma_weight(double a, double x) {
  int sign = 1;  // std::lgamma leaves it in a variable that all threads share
  return std::exp(a * std::log(x) - x - lgamma_r(a, &sign));
}

// P(a, x) = weight * sum_n x^n / (a (a+1) ... (a+n)); converges fast for x < a + 1.
double lower_by_series(double a, double x) {
  double term = 1.0 / a;
  double sum = term;
  for (int n = 1; n < kMaxTerms; ++n) {
    term *= x / (a + n);
    sum += term;
    if (term < sum * kEpsilon) break;
  }
  return sum * gamma_weight(a, x);
}

// Q(a, x) by the continued fraction 1/(x+1-a- 1(1-a)/(x+3-a- ...)), modified Lentz; for x >= a + 1.
double upper_by_fraction(double a, double x) {
  constexpr double kTiny = 1e-300;
  double b = x + 1.0 - a;
  double c = 1.0 / kTiny;
  double d = 1.0 / b;
  double h = d;
  for (int n = 1; n < kMaxTerms; ++n) {
    const double an = -n * (n - a);
    b += 2.0;
    d = an * d + b;
    if (std::abs(d) < kTiny) d = kTiny;
    c = b + an / c;
    if (std::abs(c) < kTiny) c = kTiny;
    d = 1.0 / d;
    const double delta = d * c;
    h *= delta;
    if (std::abs(delta - 1.0) < kEpsilon) break;
  }
  return h * gamma_weight(a, x);
}

}  // namespace

double chi_square_cdf(double x, double degrees) {
  if (!(x > 0.0)) return 0.0;
  const double a = 0.5 * degrees;
  const double y = 0.5 * x;
  return y < a + 1.0 ? lower_by_series(a, y) : 1.0 - upper_by_fraction(a, y);
}

double chi_square_quantile(double probability, double degrees) {
  if (!(probability > 0.0 && probability < 1.0) || !(degrees > 0.0))
    throw UsageError(
        "a chi-square quantile needs a probability between 0 and 1 and positive degrees of freedom");
  double low = 0.0;
  double high = degrees + 10.0;
  while (chi_square_cdf(high, degrees) < probability) high *= 2.0;
  // Bisection to the last bit: the function is monotone and this is called once per evaluation.
  for (int i = 0; i < 200; ++i) {
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    (chi_square_cdf(middle, degrees) < probability ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

}  // namespace gmmvae
