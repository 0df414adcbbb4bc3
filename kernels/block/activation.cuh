#pragma once

// Activations and their derivatives, one number at a time. A derivative is taken from the output where it
// follows from it; gelu's is stored in the forward pass.

#include "gmmvae/activation.hpp"
#include "kernels/gpu.hpp"

namespace gmmvae::block {

/// Whether value and slope are a few instructions, to be inlined into the epilogue of a product.
__device__ inline bool is_piecewise_linear(Activation activation) {
  return activation == Activation::relu || activation == Activation::leaky_relu ||
         activation == Activation::identity;
}

/// The factor of negative numbers in a piecewise linear activation.
__device__ inline float negative_slope(Activation activation) {
  if (activation == Activation::relu) return 0.0f;
  return activation == Activation::leaky_relu ? static_cast<float>(kLeakyReluSlope) : 1.0f;
}

/// Value of a piecewise linear activation. A NaN stays a NaN, so that divergence is seen; relu(-inf) is 0.
__device__ inline float bend(float x, float negative) {
  return x < 0.0f ? (negative == 0.0f ? 0.0f : negative * x) : x;
}

__device__ inline float softplus(float x) {
  return (x > 0.0f ? x : 0.0f) + log1pf(expf(-fabsf(x)));
}

__device__ inline float activate(Activation activation, float x) {
  switch (activation) {
    case Activation::elu:
      return x < 0.0f ? expm1f(x) : x;
    case Activation::tanh:
      return tanhf(x);
    case Activation::softplus:
      return x != x ? x : softplus(x);
    case Activation::gelu:
      return x * normcdff(x);
    default:
      return bend(x, negative_slope(activation));
  }
}

/// The derivative of gelu at the pre-activation x.
__device__ inline float gelu_slope(float x) {
  constexpr float inverse_root_two_pi = 0.39894228040143267794f;
  return normcdff(x) + x * inverse_root_two_pi * expf(-0.5f * x * x);
}

/// The derivative at the point whose output was y; gelu has none here.
__device__ inline float activation_slope(Activation activation, float y) {
  switch (activation) {
    case Activation::elu:
      return y > 0.0f ? 1.0f : y + 1.0f;
    case Activation::tanh:
      return 1.0f - y * y;
    case Activation::softplus:
      return -expm1f(-y);  // sigmoid(x) = 1 - e^(-softplus(x))
    default:
      return y > 0.0f ? 1.0f : negative_slope(activation);
  }
}

}  // namespace gmmvae::block
