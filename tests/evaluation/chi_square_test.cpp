#include "host/evaluation/chi_square.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "gmmvae/error.hpp"
#include "gmmvae/evaluation.hpp"

namespace gmmvae {
namespace {

// With an even number of degrees 2m the law is a Poisson tail: P(chi2 <= x) = 1 - sum_{i<m} e^{-x/2} (x/2)^i
// / i!.
double even_cdf(double x, int degrees) {
  double term = std::exp(-0.5 * x), sum = 0.0;
  for (int i = 0; i < degrees / 2; ++i) {
    sum += term;
    term *= 0.5 * x / (i + 1);
  }
  return 1.0 - sum;
}

TEST(ChiSquare, MatchesThePoissonTailForEvenDegrees) {
  for (int degrees : {2, 4, 10, 64, 200})
    for (double x : {0.1, 1.0, 5.0, 9.0, 50.0, 150.0, 300.0})
      // 1 - sum cancels for small x: the oracle itself is good to a few units of 2^-52.
      EXPECT_NEAR(chi_square_cdf(x, degrees), even_cdf(x, degrees), 1e-13) << x << " " << degrees;
}

TEST(ChiSquare, MatchesTheErrorFunctionForOneAndThreeDegrees) {
  for (double x : {0.01, 0.5, 1.0, 3.0, 9.0, 25.0}) {
    const double one = std::erf(std::sqrt(0.5 * x));
    EXPECT_NEAR(chi_square_cdf(x, 1), one, 1e-14);
    EXPECT_NEAR(chi_square_cdf(x, 3), one - std::sqrt(2.0 * x / M_PI) * std::exp(-0.5 * x), 1e-14);
  }
}

TEST(ChiSquare, QuantilesAreThePublishedOnes) {
  EXPECT_NEAR(chi_square_quantile(0.95, 1), 3.841458820694124, 1e-11);
  EXPECT_NEAR(chi_square_quantile(0.95, 3), 7.814727903251179, 1e-11);
  EXPECT_NEAR(chi_square_quantile(0.99, 10), 23.209251158954356, 1e-10);
  EXPECT_NEAR(chi_square_quantile(kHighQualityMass, 2), 9.0,
              1e-12);  // three standard deviations in the plane
  for (double degrees : {1.0, 7.0, 1200.0})
    for (double p : {1e-6, 0.2, 0.9, 0.999})
      EXPECT_NEAR(chi_square_cdf(chi_square_quantile(p, degrees), degrees), p, 1e-12);
  EXPECT_THROW(chi_square_quantile(1.0, 2), UsageError);
  EXPECT_THROW(chi_square_quantile(0.5, 0), UsageError);
}

}  // namespace
}  // namespace gmmvae
