#pragma once

#include "kernels/gpu.hpp"

namespace gmmvae::cuda {

/// Adds what another point does to one: q^2 (y - other) to the force and q to Z, q = 1 / (1 + |y - other|^2).
template <int Dim>
__device__ inline void add_pair(const float (&y)[Dim], const float* other, float (&force)[Dim], float& z) {
  float apart[Dim];
  float squared = 1.0f;
#pragma unroll
  for (int d = 0; d < Dim; ++d) {
    apart[d] = y[d] - other[d];
    squared += apart[d] * apart[d];
  }
  const float q = 1.0f / squared;
  z += q;
#pragma unroll
  for (int d = 0; d < Dim; ++d) force[d] += q * q * apart[d];
}

}  // namespace gmmvae::cuda
