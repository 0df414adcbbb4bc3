// The polynomials behind the vectors' elementary functions against libm in double precision. They are the
// same source for every instruction set; here they run in SSE2's width.
#define GMMVAE_ISA_NAMESPACE math_under_test
#define GMMVAE_VECTOR_BYTES 16
#include "host/cpu/simd/math.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

namespace gmmvae::cpu::math_under_test {
namespace {

constexpr double kUlp = 1.0 / (1 << 23);  // spacing of floats relative to their size, at most

float lane(Vec<float> v) {
  return v[0];
}

/// Largest error of `function` on [from, to], relative to |reference| + floor.
template <class Function, class Reference>
double largest_error(Function function, Reference reference, double from, double to, double floor = 0.0) {
  double largest = 0.0;
  constexpr int steps = 200000;
  for (int i = 0; i <= steps; ++i) {
    const auto x = static_cast<float>(from + (to - from) * i / steps);
    const double exact = reference(static_cast<double>(x));
    const double error = std::abs(static_cast<double>(lane(function(broadcast(x)))) - exact);
    largest = std::max(largest, error / (std::abs(exact) + floor));
  }
  return largest;
}

// Bounds: the fitted polynomials are within 2e-8 (0.17 ulp); the roundings of the steps around them add a few
// halves.

TEST(VectorMath, ExponentialIsWithinTwoUlp) {
  EXPECT_LT(
      largest_error([](Vec<float> x) { return exp(x); }, [](double x) { return std::exp(x); }, -87.0, 88.6),
      2 * kUlp);
}

TEST(VectorMath, ExponentialFadesOverflowsAndKeepsNaN) {
  EXPECT_EQ(lane(exp(broadcast(-1000.0f))), 0.0f);
  EXPECT_EQ(lane(exp(broadcast(1000.0f))), std::numeric_limits<float>::infinity());
  EXPECT_EQ(lane(exp(broadcast(-std::numeric_limits<float>::infinity()))), 0.0f);
  EXPECT_TRUE(std::isnan(lane(exp(broadcast(std::numeric_limits<float>::quiet_NaN())))));
  EXPECT_EQ(lane(exp(broadcast(0.0f))), 1.0f);
}

TEST(VectorMath, LogarithmIsWithinTwoUlp) {
  const auto function = [](Vec<float> x) { return log(x); };
  const auto reference = [](double x) { return std::log(x); };
  EXPECT_LT(largest_error(function, reference, 1e-30, 1e-28), 2 * kUlp);
  EXPECT_LT(largest_error(function, reference, 1.5, 1000.0), 2 * kUlp);
  EXPECT_LT(largest_error(function, reference, 0.3, 1.5),
            2 * kUlp);  // through the zero at 1, relative error too
}

TEST(VectorMath, LogarithmKeepsNaNAndInfinity) {
  EXPECT_TRUE(std::isnan(lane(log(broadcast(std::numeric_limits<float>::quiet_NaN())))));
  EXPECT_EQ(lane(log(broadcast(std::numeric_limits<float>::infinity()))),
            std::numeric_limits<float>::infinity());
}

TEST(VectorMath, SoftplusKeepsItsRelativeAccuracyInTheTail) {
  EXPECT_LT(largest_error([](Vec<float> x) { return softplus(x); },
                          [](double x) { return std::log1p(std::exp(x)); }, -80.0, 80.0),
            4 * kUlp);
}

TEST(VectorMath, SigmoidIsWithinFourUlp) {
  EXPECT_LT(largest_error([](Vec<float> x) { return sigmoid(x); },
                          [](double x) { return 1.0 / (1.0 + std::exp(-x)); }, -80.0, 80.0),
            4 * kUlp);
}

TEST(VectorMath, HyperbolicTangentIsWithinFourUlp) {
  EXPECT_LT(largest_error([](Vec<float> x) { return tanh(x); }, [](double x) { return std::tanh(x); }, -12.0,
                          12.0, 1e-30),
            4 * kUlp);
}

TEST(VectorMath, ExponentialMinusOneIsWithinFourUlp) {
  EXPECT_LT(largest_error([](Vec<float> x) { return expm1_negative(x); },
                          [](double x) { return std::expm1(x); }, -20.0, -1e-6),
            4 * kUlp);
}

TEST(VectorMath, NormalDistributionFunctionKeepsBothTails) {
  const auto function = [](Vec<float> x) { return normal_cdf(x); };
  const auto reference = [](double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); };
  // x^2 / 2 is rounded before it is an exponent: at |x| = 6 that alone is 18 half units
  EXPECT_LT(largest_error(function, reference, -6.0, 6.0), 24 * kUlp);
  EXPECT_LT(largest_error(function, reference, -1.0, 1.0), 4 * kUlp);
}

TEST(VectorMath, CosineAndSineOfTurns) {
  const auto cosine = [](Vec<float> u) { return cos_sin_two_pi(u).cos; };
  const auto sine = [](Vec<float> u) { return cos_sin_two_pi(u).sin; };
  // absolute error: near a zero the angle's own rounding is what is left
  EXPECT_LT(largest_error(
                cosine, [](double u) { return std::cos(2 * std::numbers::pi * u); }, 0.0, 1.0, 1.0),
            kUlp);
  EXPECT_LT(largest_error(
                sine, [](double u) { return std::sin(2 * std::numbers::pi * u); }, 0.0, 1.0, 1.0),
            kUlp);
}

}  // namespace
}  // namespace gmmvae::cpu::math_under_test
