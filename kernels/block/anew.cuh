#pragma once

#include "kernels/gpu.hpp"

namespace gmmvae::block {

/// x, of which the compiler does not know that it has it already. What follows from the result is worked out
/// where it is used, and not kept in registers through a loop before that needs them all.
__device__ inline int anew(int x) {
#if GPU_ARCH > 0
  int same;
  asm volatile("mov.b32 %0, %1;" : "=r"(same) : "r"(x));
  return same;
#else
  return x;
#endif
}

}  // namespace gmmvae::block
