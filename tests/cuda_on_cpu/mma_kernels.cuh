#pragma once

// The kernels of mma_test.cu, compiled by nvcc too.

#include "kernels/block/mma.cuh"

namespace gmmvae::test {

// One warp: a [32,4], b [32,2], c [32,4] as the lanes hold them; c is replaced by the product.
static __global__ void multiply(const std::uint32_t* a, const std::uint32_t* b, float* c, bool bf16) {
  const unsigned lane = threadIdx.x;
  std::uint32_t mine_a[4], mine_b[2];
  float mine_c[4];
  for (int i = 0; i < 4; ++i) mine_a[i] = a[4 * lane + i];
  for (int i = 0; i < 2; ++i) mine_b[i] = b[2 * lane + i];
  for (int i = 0; i < 4; ++i) mine_c[i] = c[4 * lane + i];
  if (bf16) {
    mma_bf16(mine_c, mine_a, mine_b);
  } else {
    mma_tf32(mine_c, mine_a, mine_b);
  }
  for (int i = 0; i < 4; ++i) c[4 * lane + i] = mine_c[i];
}

// out[0..31] is to_tf32, out[32..63] is to_bf16x2 of in[i] and in[i + 32]
static __global__ void convert(const float* in, std::uint32_t* out) {
  out[threadIdx.x] = to_tf32(in[threadIdx.x]);
  out[threadIdx.x + 32] = to_bf16x2(in[threadIdx.x], in[threadIdx.x + 32]);
}

}  // namespace gmmvae::test
