#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "gmmvae/error.hpp"
#include "gmmvae/mixture.hpp"
#include "host/linalg/symmetric.hpp"
#include "host/mixture/dirichlet.hpp"
#include "tests/mixture/spec_of.hpp"

namespace gmmvae {
namespace {

TEST(DrawMixture, DefaultsAreTheCourses) {
  const Mixture mixture = draw_mixture({}, 1);
  EXPECT_EQ(mixture.components(), 10U);
  EXPECT_EQ(mixture.dim(), 3U);
  for (std::size_t k = 0; k < 10; ++k) {
    EXPECT_DOUBLE_EQ(mixture.weights()[k], 0.1);
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_LT(std::abs(mixture.means()(k, i)), 10.0);
      for (std::size_t j = 0; j < 3; ++j) EXPECT_EQ(mixture.covariances()[k](i, j), i == j ? 1.0 : 0.0);
    }
  }
  EXPECT_EQ(draw_mixture({}, 1).means(), mixture.means());
  EXPECT_NE(draw_mixture({}, 2).means(), mixture.means());
}

// A coordinate of U(-R, R) has variance R^2/3 and kurtosis 9/5, one of R N(0,1) has R^2 and 3: the mean
// square of n has variance (kurtosis - 1) variance^2 / n. Five standard errors.
TEST(DrawMixture, MeansHaveTheSpreadOfTheirLayout) {
  const auto mean_square = [](Layout layout) {
    MixtureSpec spec = spec_of(layout, 4000, 3);
    spec.spread = 2.0;
    const Mixture mixture = draw_mixture(spec, 3);
    double sum = 0.0;
    for (const double m : mixture.means().values()) sum += m * m;
    return sum / 12'000;
  };
  EXPECT_NEAR(mean_square(Layout::uniform), 4.0 / 3, 5 * (4.0 / 3) * std::sqrt(0.8 / 12'000));
  EXPECT_NEAR(mean_square(Layout::normal), 4.0, 5 * 4.0 * std::sqrt(2.0 / 12'000));
}

TEST(DrawMixture, RingPlacesMeansAtEqualAngles) {
  MixtureSpec spec = spec_of(Layout::ring, 8, 3);
  spec.spread = 2.0;
  const Mixture mixture = draw_mixture(spec, 1);
  for (std::size_t k = 0; k < 8; ++k) {
    EXPECT_NEAR(std::hypot(mixture.means()(k, 0), mixture.means()(k, 1)), 2.0, 1e-14);
    EXPECT_EQ(mixture.means()(k, 2), 0.0);
    const std::size_t next = (k + 1) % 8;
    const double chord = std::hypot(mixture.means()(k, 0) - mixture.means()(next, 0),
                                    mixture.means()(k, 1) - mixture.means()(next, 1));
    EXPECT_NEAR(chord, 4.0 * std::sin(std::numbers::pi / 8), 1e-14);
  }
  EXPECT_EQ(mixture.means()(0, 0), 2.0);
}

// The 25 modes of the literature's grid: {-4,-2,0,2,4}^2 at step 2.
TEST(DrawMixture, GridIsCentredAtItsStep) {
  MixtureSpec spec = spec_of(Layout::grid, 25, 2);
  spec.spread = 2.0;
  const Mixture mixture = draw_mixture(spec, 1);
  for (std::size_t k = 0; k < 25; ++k) {
    EXPECT_EQ(mixture.means()(k, 0), 2.0 * static_cast<double>(k / 5) - 4.0);
    EXPECT_EQ(mixture.means()(k, 1), 2.0 * static_cast<double>(k % 5) - 4.0);
  }
}

// 27 fits 3 points an axis exactly, 28 needs 4; one component sits at the origin; many axes do not overflow.
TEST(DrawMixture, GridTakesTheFewestPointsAnAxis) {
  const auto widest = [](std::size_t components, std::size_t dim) {
    MixtureSpec spec = spec_of(Layout::grid, components, dim);
    spec.spread = 1.0;
    double least = 0.0;
    const Mixture mixture = draw_mixture(spec, 1);
    for (const double m : mixture.means().values()) least = std::min(least, m);
    return -2 * least + 1;  // points an axis
  };
  EXPECT_EQ(widest(27, 3), 3);
  EXPECT_EQ(widest(28, 3), 4);
  EXPECT_EQ(widest(1, 3), 1);
  EXPECT_EQ(widest(10, 40), 2);
  EXPECT_EQ(widest(7, 1), 7);
}

// Diagonal and full covariances have eigenvalues sigma^2 exp(U(-1, 1)); a rotation keeps them and fills the
// rest.
TEST(DrawMixture, CovariancesKeepTheirScale) {
  MixtureSpec spec = spec_of(Layout::uniform, 50, 4);
  spec.sigma = 3.0;
  for (const auto kind : {CovarianceKind::diagonal, CovarianceKind::full}) {
    spec.covariance = kind;
    const Mixture mixture = draw_mixture(spec, 5);
    double logs = 0.0;
    double off_diagonal = 0.0;
    for (const Matrix<double>& covariance : mixture.covariances()) {
      for (const double value : symmetric_eigen(covariance).values) {
        EXPECT_GT(value, 9.0 * std::exp(-1.0) * (1 - 1e-12));
        EXPECT_LT(value, 9.0 * std::exp(1.0) * (1 + 1e-12));
        logs += std::log(value / 9.0) / 200;
      }
      off_diagonal += std::abs(covariance(1, 0));
    }
    EXPECT_NEAR(logs, 0.0, 5 * std::sqrt(1.0 / 3 / 200));  // the variance of U(-1, 1) is 1/3
    EXPECT_EQ(off_diagonal > 0.0, kind == CovarianceKind::full);
  }
}

// A rotation drawn uniformly favours no axis: the mean of a diagonal entry is the mean eigenvalue, sinh(1) at
// sigma 1. An eigenvalue lies within (0.37, 2.72), so an entry's standard deviation is below 1. Five standard
// errors.
TEST(DrawMixture, RotationsFavourNoAxis) {
  MixtureSpec spec = spec_of(Layout::uniform, 2000, 3);
  spec.covariance = CovarianceKind::full;
  const Mixture mixture = draw_mixture(spec, 6);
  for (std::size_t d = 0; d < 3; ++d) {
    double mean = 0.0;
    for (const Matrix<double>& covariance : mixture.covariances()) mean += covariance(d, d) / 2000;
    EXPECT_NEAR(mean, std::sinh(1.0), 5 / std::sqrt(2000.0));
  }
}

// Symmetric Dirichlet: E w^2 = (A + 1) / (K (K A + 1)), so E sum w^2 = (A + 1) / (K A + 1). The sum of
// squares lies in (0, 1), so its standard deviation is at most 1/2. Five standard errors over 4000 draws.
TEST(DrawDirichlet, HasItsSecondMoment) {
  constexpr std::size_t components = 5;
  for (const double a : {0.1, 0.7, 1.0, 4.0}) {
    double squares = 0.0;
    constexpr int draws = 4000;
    for (int seed = 0; seed < draws; ++seed) {
      const auto weights = draw_dirichlet(a, components, seed);
      EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 1.0, 1e-13);
      for (const double w : weights) squares += w * w / draws;
    }
    EXPECT_NEAR(squares, (a + 1) / (components * a + 1), 5 * 0.5 / std::sqrt(draws)) << a;
  }
}

// For K = 2 a weight is Beta(a, a): at a = 2 its distribution function is 3 x^2 - 2 x^3. Kolmogorov-Smirnov
// at one in a thousand: sqrt(n) D < 1.95.
TEST(DrawDirichlet, TwoWeightsAreBeta) {
  constexpr int draws = 20'000;
  std::vector<double> first;
  for (int seed = 0; seed < draws; ++seed) first.push_back(draw_dirichlet(2.0, 2, seed)[0]);
  std::sort(first.begin(), first.end());
  double largest = 0.0;
  for (int i = 0; i < draws; ++i) {
    const double cdf = first[i] * first[i] * (3 - 2 * first[i]);
    largest = std::max({largest, (i + 1.0) / draws - cdf, cdf - static_cast<double>(i) / draws});
  }
  EXPECT_LT(std::sqrt(draws) * largest, 1.95);
}

TEST(DrawDirichlet, ATinyConcentrationStaysPositive) {
  for (const double w : draw_dirichlet(1e-5, 20, 1)) EXPECT_GT(w, 0.0);
}

TEST(DrawMixture, TakesListedWeights) {
  MixtureSpec spec = spec_of(Layout::uniform, 3, 2);
  spec.weights = "1, 2,5";
  EXPECT_EQ(draw_mixture(spec, 1).weights(), (std::vector<double>{0.125, 0.25, 0.625}));
}

/// The message of the UsageError that drawing throws, or nothing.
std::string complaint(const MixtureSpec& spec) {
  try {
    draw_mixture(spec, 1);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(DrawMixture, NamesTheOptionThatIsWrong) {
  EXPECT_NE(complaint(spec_of(Layout::uniform, 0, 3)).find("--components"), std::string::npos);
  EXPECT_NE(complaint(spec_of(Layout::uniform, 3, 0)).find("--dim"), std::string::npos);
  EXPECT_NE(complaint(spec_of(Layout::ring, 3, 1)).find("--layout"), std::string::npos);
  MixtureSpec spec;
  spec.sigma = -1;
  EXPECT_NE(complaint(spec).find("--sigma"), std::string::npos);
  spec = {};
  spec.spread = std::nan("");
  EXPECT_NE(complaint(spec).find("--spread"), std::string::npos);
  for (const char* weights :
       {"1,2", "dirichlet:", "dirichlet:-1", "equals", "1,,2", "", "inf,1,1,1,1,1,1,1,1,1"}) {
    spec = {};
    spec.weights = weights;
    EXPECT_NE(complaint(spec).find("--weights"), std::string::npos) << weights;
  }
}

}  // namespace
}  // namespace gmmvae
