#pragma once

// What becomes of a gradient once it is known: Adam is applied to its parameter at once, or it is stored.

#include "kernels/gpu.hpp"

namespace gmmvae::block {

/// Coefficients of one Adam step (Kingma & Ba 2015, as PyTorch computes it).
struct AdamStep {
  float beta1_complement;  ///< 1 - beta1
  float beta2;
  float beta2_complement;  ///< 1 - beta2
  float epsilon;
  float step_size;                ///< learning rate / (1 - beta1^t)
  float inverse_root_correction;  ///< 1 / sqrt(1 - beta2^t)
};

/// Square root within 2^-22 of the true one: PTX bounds the error of sqrt.approx by 2^-23 of it on top of
/// rounding. 0 below 2^-126, whose root no epsilon of Adam notices. The correctly rounded one is a dozen
/// instructions.
__device__ inline float approximate_root(float x) {
#if GPU_ARCH > 0
  float root;
  asm("sqrt.approx.ftz.f32 %0, %1;" : "=f"(root) : "f"(x));
  return root;
#else
  return sqrtf(x);
#endif
}

/// a / b within 2^-22 of it for b between 2^-126 and 2^126, by PTX's bound of 2^-23 for rcp.approx and a
/// rounding.
__device__ inline float approximate_quotient(float a, float b) {
#if GPU_ARCH > 0
  float reciprocal;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(reciprocal) : "f"(b));
  return a * reciprocal;
#else
  return a / b;
#endif
}

/// Four neighbouring numbers as floats.
struct Four {
  float at[4];
};
__device__ inline Four load4(const float* p) {
  const float4 v = *reinterpret_cast<const float4*>(p);
  return {{v.x, v.y, v.z, v.w}};
}
__device__ inline void store4(float* p, const Four& v) {
  *reinterpret_cast<float4*>(p) = make_float4(v.at[0], v.at[1], v.at[2], v.at[3]);
}

/// Takes every gradient of a step once. One object a thread; offsets are those of the packed layout.
struct Update {
  float* parameters;
  const float* first_in;  ///< Adam's m and v as they were, and where they go; may be the same places
  const float* second_in;
  float* first_out;
  float* second_out;
  float* gradient;  ///< null: Adam is applied; else gradients are stored here and nothing else happens
  AdamStep step;
  float squared_norm;  ///< of the gradients that this thread was given

  /// The new value of a parameter; the moments are replaced.
  __device__ float moved(float parameter, float g, float& m, float& v) const {
    m = m + step.beta1_complement * (g - m);
    v = step.beta2 * v + step.beta2_complement * (g * g);
    const float denominator = approximate_root(v) * step.inverse_root_correction + step.epsilon;
    return parameter - step.step_size * approximate_quotient(m, denominator);
  }

  __device__ void apply(int offset, float g) {
    squared_norm += g * g;
    if (gradient != nullptr) {
      gradient[offset] = g;
      return;
    }
    float m = first_in[offset];
    float v = second_in[offset];
    parameters[offset] = moved(parameters[offset], g, m, v);
    first_out[offset] = m;
    second_out[offset] = v;
  }

  /// Four neighbours as they were.
  struct Quad {
    Four first;
    Four second;
    Four parameter;
  };
  /// Four neighbours, where Adam is applied; `offset` is a multiple of four.
  [[nodiscard]] __device__ Quad load(int offset) const {
    return {load4(first_in + offset), load4(second_in + offset), load4(parameters + offset)};
  }
  /// Takes four neighbours' gradients; `before` is what load() gave, nothing where gradients are stored.
  __device__ void apply4(int offset, const Four& g, Quad before) {
#pragma unroll
    for (int j = 0; j < 4; ++j) squared_norm += g.at[j] * g.at[j];
    if (gradient != nullptr) {
      store4(gradient + offset, g);
      return;
    }
#pragma unroll
    for (int j = 0; j < 4; ++j)
      before.parameter.at[j] =
          moved(before.parameter.at[j], g.at[j], before.first.at[j], before.second.at[j]);
    store4(parameters + offset, before.parameter);
    store4(first_out + offset, before.first);
    store4(second_out + offset, before.second);
  }
};

}  // namespace gmmvae::block
