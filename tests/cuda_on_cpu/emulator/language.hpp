#pragma once

// CUDA C++'s keywords and vector types for a host compiler.

#define __global__
#define __device__
#define __host__
#define __constant__
#define __managed__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) __attribute__((aligned(n)))
// Blocks run one after another, so a block's shared variable can be a static one. Kernels use GPU_SHARED,
// whose variables are fresh and fenced for each block; this is for code that cannot.
#define __shared__ static

#define EMU_VECTOR(T, N, A1, A2, A3, A4)        \
  struct alignas(A1) N##1 {                     \
    T x;                                        \
  };                                            \
  struct alignas(A2) N##2 {                     \
    T x, y;                                     \
  };                                            \
  struct alignas(A3) N##3 {                     \
    T x, y, z;                                  \
  };                                            \
  struct alignas(A4) N##4 {                     \
    T x, y, z, w;                               \
  };                                            \
  inline N##1 make_##N##1(T x) {                \
    return {x};                                 \
  }                                             \
  inline N##2 make_##N##2(T x, T y) {           \
    return {x, y};                              \
  }                                             \
  inline N##3 make_##N##3(T x, T y, T z) {      \
    return {x, y, z};                           \
  }                                             \
  inline N##4 make_##N##4(T x, T y, T z, T w) { \
    return {x, y, z, w};                        \
  }
EMU_VECTOR(signed char, char, 1, 2, 1, 4)
EMU_VECTOR(unsigned char, uchar, 1, 2, 1, 4)
EMU_VECTOR(short, short, 2, 4, 2, 8)
EMU_VECTOR(unsigned short, ushort, 2, 4, 2, 8)
EMU_VECTOR(int, int, 4, 8, 4, 16)
EMU_VECTOR(unsigned int, uint, 4, 8, 4, 16)
EMU_VECTOR(long long, longlong, 8, 16, 8, 16)
EMU_VECTOR(unsigned long long, ulonglong, 8, 16, 8, 16)
EMU_VECTOR(float, float, 4, 8, 4, 16)
EMU_VECTOR(double, double, 8, 16, 8, 16)
#undef EMU_VECTOR

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};

// Objects, not macros: cudaLaunchConfig_t has members called gridDim and blockDim.
extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
constexpr int warpSize = 32;
