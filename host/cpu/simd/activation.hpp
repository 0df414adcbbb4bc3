#pragma once
// Activations and their derivatives. Where the derivative follows from the output, only the output is kept;
// gelu keeps its derivative beside it.

#include "host/cpu/simd/math.hpp"

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

template <class T>
struct Activated {
  Vec<T> value;
  Vec<T> slope;  ///< set for gelu only
};

/// A NaN stays a NaN, so that divergence is seen.
template <class V>
inline V relu(V x) {
  return x < 0 ? V{} : x;
}

template <class T>
inline Activated<T> activate(Activation activation, Vec<T> x) {
  constexpr T slope = static_cast<T>(kLeakyReluSlope);
  const Vec<T> none = {};
  switch (activation) {
    case Activation::relu:
      return {relu(x), none};
    case Activation::leaky_relu:
      return {x < 0 ? slope * x : x, none};
    case Activation::elu:
      return {x < 0 ? expm1_negative(x) : x, none};
    case Activation::tanh:
      return {tanh(x), none};
    case Activation::softplus:
      return {softplus(x), none};
    case Activation::gelu: {
      constexpr T inverse_root_two_pi = static_cast<T>(0.39894228040143267794);
      const Vec<T> cdf = normal_cdf(x);
      return {x * cdf, cdf + x * inverse_root_two_pi * exp(static_cast<T>(-0.5) * x * x)};
    }
    case Activation::identity:
      break;
  }
  return {x, none};
}

/// The derivative at the point whose output was y; for gelu the stored slope.
template <class T>
inline Vec<T> activation_slope(Activation activation, Vec<T> y, const T* stored_slope) {
  const Vec<T> one = broadcast(static_cast<T>(1));
  switch (activation) {
    case Activation::relu:
      return y > 0 ? one : Vec<T>{};
    case Activation::leaky_relu:
      return y > 0 ? one : broadcast(static_cast<T>(kLeakyReluSlope));
    case Activation::elu:
      return y > 0 ? one : y + one;
    case Activation::tanh:
      return one - y * y;
    case Activation::softplus:
      return -expm1_negative(-y);  // sigmoid(x) = 1 - e^(-softplus(x))
    case Activation::gelu:
      return load(stored_slope);
    case Activation::identity:
      break;
  }
  return one;
}

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
