#pragma once

#include <cstddef>

#include "kernels/gpu.hpp"

// Sums in double with a fixed order.
namespace gmmvae::cuda {

inline constexpr int sum_threads = 256;

/// Sum over a block of sum_threads threads, for every thread; the whole block comes.
__device__ inline double block_sum(double value) {
  GPU_SHARED(double, parts, [sum_threads / 32]);
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(full_warp, value, step);
  __syncthreads();  // nobody reads the parts of an earlier sum any more
  if (lane_id() == 0) parts[warp_id()] = value;
  __syncthreads();
  double sum = 0.0;
#pragma unroll
  for (int w = 0; w < sum_threads / 32; ++w) sum += parts[w];
  return sum;
}

/// Sum of numbers [count] by one block, for every thread.
__device__ inline double block_sum_of(const double* numbers, std::size_t count) {
  double sum = 0.0;
  for (std::size_t i = threadIdx.x; i < count; i += sum_threads) sum += numbers[i];
  return block_sum(sum);
}

}  // namespace gmmvae::cuda
