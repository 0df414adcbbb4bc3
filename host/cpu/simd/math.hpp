#pragma once
// Elementary functions on vectors. In single precision: range reduction and minimax polynomials (fitted by
// Lawson's reweighted least squares), within a few units in the last place; tests/cpu compares every one with
// libm in double. In double, which only gradients in tests and studies use: libm, lane by lane.

#include <math.h>

#include "host/cpu/simd/vector.hpp"

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

namespace detail {

template <class F>
inline Vec<double> each_lane(Vec<double> x, F function) {
  for (int i = 0; i < kLanes<double>; ++i) x[i] = function(x[i]);
  return x;
}

/// Coefficients from the lowest power on, by Horner's rule.
template <int N>
inline Vec<float> polynomial(Vec<float> x, const float (&coefficients)[N]) {
  Vec<float> sum = broadcast(coefficients[N - 1]);
  for (int i = N - 2; i >= 0; --i) sum = sum * x + coefficients[i];
  return sum;
}

/// (e^r - 1) / r for |r| <= ln 2 / 2, relative error 1.2e-8.
inline Vec<float> expm1_over_r(Vec<float> r) {
  constexpr float c[] = {1.000000011e+00f, 5.000000086e-01f, 1.666649875e-01f,
                         4.166622361e-02f, 8.369863799e-03f, 1.394976789e-03f};
  return polynomial(r, c);
}

/// Nearest integer, for |x| < 2^22, by the rounding of the addition itself.
inline Vec<float> round_to_integer(Vec<float> x) {
  constexpr float shift = 12582912.0f;  // 1.5 * 2^23
  const Vec<float> shifted = x + shift;
  return shifted - shift;
}

/// 2^n for integers -126 <= n <= 127.
inline Vec<float> power_of_two(Vec<float> n) {
  const Mask<float> exponent = __builtin_convertvector(n, Mask<float>);
  return bit_cast<Vec<float>>((exponent + 127) << 23);
}

}  // namespace detail

/// e^x. Below -87 it fades to 0 without denormals, above 88.7 it is infinite; NaN stays NaN.
inline Vec<float> exp(Vec<float> x) {
  const Vec<float> bounded = minimum(maximum(x, broadcast(-88.0f)), broadcast(88.7f));
  const Vec<float> n = detail::round_to_integer(bounded * 1.44269504f);
  const Vec<float> r = (bounded - n * 0.693145752f) - n * 1.42860677e-6f;
  const Vec<float> half =
      detail::round_to_integer(n * 0.5f);  // in two steps, so that 2^128 does not overflow early
  const Vec<float> value =
      (1.0f + r * detail::expm1_over_r(r)) * detail::power_of_two(half) * detail::power_of_two(n - half);
  const Vec<float> infinite = broadcast(__builtin_inff());
  const Vec<float> inside = x < -87.3f ? Vec<float>{} : (x > 88.7f ? infinite : value);
  return x != x ? x : inside;
}
inline Vec<double> exp(Vec<double> x) {
  return detail::each_lane(x, [](double v) { return ::exp(v); });
}

/// Natural logarithm of positive normal numbers; 0 gives a large negative number, NaN stays NaN.
inline Vec<float> log(Vec<float> x) {
  constexpr float c[] = {3.333333171e-01f, -2.500082106e-01f, 2.000122667e-01f, -1.662335648e-01f,
                         1.420176247e-01f, -1.316019505e-01f, 1.276155036e-01f, -7.634429907e-02f};
  const Mask<float> bits = bit_cast<Mask<float>>(x);
  const Mask<float> above_root_half =
      bits - 0x3f3504f3;  // sqrt(1/2): the mantissa then lies in [sqrt 1/2, sqrt 2)
  const Mask<float> exponent = above_root_half >> 23;
  const Vec<float> t = bit_cast<Vec<float>>((above_root_half & 0x007fffff) + 0x3f3504f3) - 1.0f;
  const Vec<float> n = __builtin_convertvector(exponent, Vec<float>);
  const Vec<float> t2 = t * t;
  const Vec<float> tail = t2 * t * detail::polynomial(t, c) - 0.5f * t2;
  const Vec<float> value = n * 0.693145752f + (t + (n * 1.42860677e-6f + tail));
  return (x != x || x > 3.4e38f) ? x : value;
}
inline Vec<double> log(Vec<double> x) {
  return detail::each_lane(x, [](double v) { return ::log(v); });
}

/// log(1 + u) for 0 <= u, with full relative accuracy near 0 (Kahan's correction of the rounded sum).
inline Vec<float> log1p_positive(Vec<float> u) {
  const Vec<float> sum = 1.0f + u;
  const Vec<float> rounded = sum - 1.0f;
  return rounded == 0.0f ? u : log(sum) * (u / rounded);
}
inline Vec<double> log1p_positive(Vec<double> u) {
  return detail::each_lane(u, [](double v) { return ::log1p(v); });
}

/// log(1 + e^x).
template <class V>
inline V softplus(V x) {
  const V positive = x > 0 ? x : V{};
  return positive + log1p_positive(exp(-absolute(x)));
}
template <class V>
inline V sigmoid(V x) {
  return 1 / (1 + exp(-x));
}

/// Square root, correctly rounded: the compiler's own loop becomes one instruction.
template <class T>
inline Vec<T> square_root(Vec<T> x) {
  for (int i = 0; i < kLanes<T>; ++i) x[i] = __builtin_sqrt(x[i]);
  return x;
}
template <>
inline Vec<float> square_root<float>(Vec<float> x) {
#if defined(__AVX512F__)
  return __builtin_ia32_sqrtps512_mask(x, Vec<float>{}, static_cast<std::uint16_t>(-1), 4);
#elif defined(__AVX__)
  return __builtin_ia32_sqrtps256(x);
#else
  return __builtin_ia32_sqrtps(x);
#endif
}

inline Vec<float> tanh(Vec<float> x) {
  constexpr float c[] = {9.999999963e-01f,  -3.333326338e-01f, 1.333118577e-01f,
                         -5.372523159e-02f, 2.060314708e-02f,  -5.672421675e-03f};
  const Vec<float> magnitude = absolute(x);
  const Vec<float> e = exp(-2.0f * magnitude);
  const Vec<float> far = (1.0f - e) / (1.0f + e);
  const Vec<float> near = x * detail::polynomial<6>(x * x, c);
  return magnitude < 0.625f ? near : (x < 0.0f ? -far : far);
}
inline Vec<double> tanh(Vec<double> x) {
  return detail::each_lane(x, [](double v) { return ::tanh(v); });
}

/// e^x - 1 for x <= 0.
inline Vec<float> expm1_negative(Vec<float> x) {
  return x > -0.34f ? x * detail::expm1_over_r(x) : exp(x) - 1.0f;
}
inline Vec<double> expm1_negative(Vec<double> x) {
  return detail::each_lane(x, [](double v) { return ::expm1(v); });
}

/// The standard normal distribution function. For a = |x|/sqrt 2: erfc(a) = e^(-a^2) erfcx(a), and erfcx is a
/// polynomial in t = 1 / (1 + 0.35 a) times t, within 8e-9; both tails keep their relative accuracy.
inline Vec<float> normal_cdf(Vec<float> x) {
  constexpr float c[] = {1.974661894e-01f,  1.974767189e-01f, 1.851358494e-01f,  1.638225047e-01f,
                         1.104241308e-01f,  1.514568284e-01f, -1.027582948e-01f, 2.358927108e-01f,
                         -1.812962203e-01f, 4.237959046e-02f};
  const Vec<float> a = absolute(x) * 0.707106781f;
  const Vec<float> t = 1.0f / (1.0f + 0.35f * a);
  const Vec<float> tail = 0.5f * exp(-0.5f * x * x) * t * detail::polynomial(t, c);
  return x < 0.0f ? tail : 1.0f - tail;
}
inline Vec<double> normal_cdf(Vec<double> x) {
  return detail::each_lane(x, [](double v) { return 0.5 * ::erfc(-v * 0.70710678118654752440); });
}

/// cos and sin of 2 pi u for 0 <= u <= 1.
template <class T>
struct CosSin {
  Vec<T> cos, sin;
};
inline CosSin<float> cos_sin_two_pi(Vec<float> u) {
  constexpr float sine[] = {6.283185288e+00f, -4.134166263e+01f, 8.159255354e+01f, -7.540206780e+01f};
  constexpr float cosine[] = {1.0f, -1.973920865e+01f, 6.493931621e+01f, -8.544285212e+01f, 5.922040711e+01f};
  const Vec<float> quarter = detail::round_to_integer(u * 4.0f);
  const Vec<float> r = u - quarter * 0.25f;  // exact; |r| <= 1/8
  const Vec<float> r2 = r * r;
  const Vec<float> s = r * detail::polynomial(r2, sine);
  const Vec<float> c = detail::polynomial(r2, cosine);
  const Mask<float> q = __builtin_convertvector(quarter, Mask<float>);
  const Vec<float> swapped_cos = (q & 1) != 0 ? s : c;
  const Vec<float> swapped_sin = (q & 1) != 0 ? c : s;
  return {((q + 1) & 2) != 0 ? -swapped_cos : swapped_cos, (q & 2) != 0 ? -swapped_sin : swapped_sin};
}

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
