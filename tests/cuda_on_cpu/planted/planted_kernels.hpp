#pragma once

// Kernels with one bug each, and the controls that have none. Every thread writes 1 to out when nothing goes
// wrong.

#include "kernels/gpu.hpp"

namespace planted {

constexpr int threads = 128;

// ---- memory out of bounds ----
__global__ void oob_global_write(float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i <= n) out[i] = 1;
}
__global__ void oob_global_read(const float* in, float* out, int n) {
  const int i = threadIdx.x;
  if (i < n) out[i] = in[i] + 0 * in[i + 1];
}
__global__ void oob_shared(float* out) {
  GPU_SHARED(float, a, [threads]);
  a[threadIdx.x + 1] = 1;
  __syncthreads();
  out[threadIdx.x] = a[threadIdx.x] * 0 + 1;
}
__global__ void oob_shared_ptr(float* out, int shift) {
  GPU_SHARED(float, a, [threads]);
  float* p = a;
  p[threadIdx.x + shift] = 1;
  __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void oob_plain_shared_ptr(float* out, int shift) {
  __shared__ float a[threads];
  float* p = a;
  p[threadIdx.x + shift] = 1;
  __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void oob_dynamic(float* out, int shift) {
  GPU_DYNAMIC_SHARED(buffer);
  float* a = reinterpret_cast<float*>(buffer);
  a[threadIdx.x + shift] = 1;
  __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void oob_sub_array(float* out, int shift) {
  GPU_DYNAMIC_SHARED(buffer);
  gmmvae::SharedArena arena(buffer);
  float* a = arena.take<float>(threads);
  float* b = arena.take<float>(threads);
  b[threadIdx.x] = 1;
  a[threadIdx.x + shift] = 1;
  __syncthreads();
  out[threadIdx.x] = b[threadIdx.x];
}
__global__ void oob_row(float* out, int shift) {
  GPU_SHARED(float, a, [4][threads + 1]);
  for (int row = 0; row < 4; row++) a[row][threadIdx.x] = 1;
  __syncthreads();
  a[0][threadIdx.x + shift] = 1;
  out[threadIdx.x] = 1;
}
__global__ void oob_stack(float* out, int k) {
  float v[4] = {1, 1, 1, 1};
  v[k] = 1;
  out[threadIdx.x] = v[threadIdx.x & 3];
}
__global__ void misaligned(const float* in, float4* out, int shift) {
  out[threadIdx.x] = *reinterpret_cast<const float4*>(in + 4 * threadIdx.x + shift);
}
__global__ void int_overflow(float* out, int big) {
  const int i = big * static_cast<int>(threadIdx.x + 1);
  out[threadIdx.x] = i == 12345 ? 2 : 1;
}

// ---- never written ----
__global__ void uninit_shared(float* out) {
  GPU_SHARED(float, a, [threads]);
  if (threadIdx.x != 5) a[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = a[threads - 1 - threadIdx.x] > 0 ? 1 : 2;
}
__global__ void uninit_global(const float* in, float* out) {
  out[threadIdx.x] = in[threadIdx.x] > 0 ? 1 : 2;
}

// ---- missing synchronisation ----
__global__ void missing_sync_raw(float* out) {
  GPU_SHARED(float, a, [threads]);
  a[threadIdx.x] = 1;
  out[threadIdx.x] = a[threads - 1 - threadIdx.x];
}
__global__ void missing_sync_next(float* out) {  // right as long as threads run in ascending order
  GPU_SHARED(float, a, [threads]);
  a[threadIdx.x] = 1;
  out[threadIdx.x] = threadIdx.x ? a[threadIdx.x - 1] : 1.f;
}
__global__ void missing_sync_war(float* out) {
  GPU_SHARED(float, a, [threads]);
  float sum = 0;
  for (int k = 0; k < 4; k++) {
    a[threadIdx.x] = static_cast<float>(k);
    __syncthreads();
    sum += a[(threadIdx.x + 1) % threads];
  }
  out[threadIdx.x] = sum == 6 ? 1 : 2;
}
__global__ void missing_syncwarp(float* out) {
  GPU_SHARED(float, a, [threads]);
  a[threadIdx.x] = 1;
  __shfl_xor_sync(~0u, 1, 1);  // meets the other lanes, but orders nothing in memory
  out[threadIdx.x] = a[threadIdx.x ^ 1];
}
__global__ void ok_syncwarp(float* out) {
  GPU_SHARED(float, a, [threads]);
  a[threadIdx.x] = 1;
  __syncwarp();
  out[threadIdx.x] = a[threadIdx.x ^ 1];
}
__global__ void nonatomic_shared(float* out) {
  GPU_SHARED(int, count, );
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  count++;
  __syncthreads();
  out[threadIdx.x] = count == threads ? 1 : 2;
}
__global__ void nonatomic_global(float* out, int* count) {
  count[threadIdx.x] += 1;
  out[threadIdx.x] = 1;
}
__global__ void same_write(float* out, int* flag) {
  *flag = 3;
  out[threadIdx.x] = 1;
}
__global__ void ok_atomic(float* out, int* count) {
  atomicAdd(count, 1);
  out[threadIdx.x] = 1;
}

// ---- divergence ----
__global__ void barrier_in_if(float* out) {
  if (threadIdx.x < threads / 2) __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void barrier_two_places(float* out) {
  if (threadIdx.x < threads / 2) {
    __syncthreads();
    out[threadIdx.x] = 1;
  } else {
    out[threadIdx.x] = 1;
    __syncthreads();
  }
}
__global__ void barrier_count(float* out) {
  for (unsigned i = 0; i < threadIdx.x % 2 + 1; i++) __syncthreads();
  out[threadIdx.x] = 1;
}
__global__ void shfl_divergent(float* out) {
  float v = 1;
  if (threadIdx.x % 32 < 16) {
    v = __shfl_xor_sync(~0u, v, 1);
  } else {
    v = __shfl_xor_sync(~0u, v, 2);
  }
  out[threadIdx.x] = v;
}
__global__ void shfl_dead_lane(float* out) {
  if (threadIdx.x % 32 >= 16) {
    out[threadIdx.x] = 1;
    return;
  }
  out[threadIdx.x] = __shfl_xor_sync(~0u, 1.f, 16);
}
__global__ void shfl_wrong_mask(float* out) {
  out[threadIdx.x] = __shfl_xor_sync(0xffffu, 1.f, 1);
}
__global__ void shfl_lanes_not_there(float* out) {
  out[threadIdx.x] = __shfl_sync(~0u, 1.f, 0);
}

__global__ void fill(float* out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = 1;
}

}  // namespace planted
