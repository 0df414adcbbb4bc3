#pragma once

#include "kernels/block/tiling.cuh"

namespace gmmvae::block {

/// Sum over the block in a fixed order, for thread 0 alone. `parts` holds one number a warp; a barrier has to
/// come before it is used again. Blocks are whole warps.
template <class T>
__device__ inline T block_sum(T mine, T* parts) {
  const T of_warp = warp_sum(mine);
  if (lane_id() == 0) parts[warp_id()] = of_warp;
  __syncthreads();
  T total = T{};
  if (thread_rank() == 0) {
    for (unsigned w = 0; w < block_threads() / 32; ++w) total += parts[w];
  }
  return total;
}

/// The largest over the block, for every thread; else as block_sum.
__device__ inline double block_largest(double mine, double* parts) {
#pragma unroll
  for (int mask = 16; mask > 0; mask /= 2) mine = fmax(mine, __shfl_xor_sync(full_warp, mine, mask));
  if (lane_id() == 0) parts[warp_id()] = mine;
  __syncthreads();
  for (unsigned w = 0; w < block_threads() / 32; ++w) mine = fmax(mine, parts[w]);
  __syncthreads();
  return mine;
}

}  // namespace gmmvae::block
