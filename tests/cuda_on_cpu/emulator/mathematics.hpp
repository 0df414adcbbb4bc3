#pragma once

// Intrinsics and the mathematical functions that CUDA has beyond <cmath>. Where the GPU's are approximate
// (__expf,
// __fdividef) these are the host's accurate ones: tests compare with tolerances that hold for both.

#include <cmath>
#include <cstdint>
#include <cstdlib>

namespace emu {
template <class To, class From>
inline To bit_copy(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}
constexpr double pi = 3.14159265358979323846;
}  // namespace emu

template <class T>
inline T __ldg(const T* p) {
  return *p;
}
template <class T>
inline T __ldcs(const T* p) {
  return *p;
}
template <class T>
inline T __ldcg(const T* p) {
  return *p;
}
template <class T>
inline void __stcs(T* p, T value) {
  *p = value;
}
template <class T>
inline void __stcg(T* p, T value) {
  *p = value;
}

inline int __float_as_int(float v) {
  return emu::bit_copy<int>(v);
}
inline unsigned __float_as_uint(float v) {
  return emu::bit_copy<unsigned>(v);
}
inline float __int_as_float(int v) {
  return emu::bit_copy<float>(v);
}
inline float __uint_as_float(unsigned v) {
  return emu::bit_copy<float>(v);
}
inline long long __double_as_longlong(double v) {
  return emu::bit_copy<long long>(v);
}
inline double __longlong_as_double(long long v) {
  return emu::bit_copy<double>(v);
}

inline unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>(std::uint64_t(a) * b >> 32);
}
__extension__ typedef unsigned __int128 emu_uint128;
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>(emu_uint128(a) * b >> 64);
}
inline int __popc(unsigned v) {
  return __builtin_popcount(v);
}
inline int __popcll(unsigned long long v) {
  return __builtin_popcountll(v);
}
inline int __ffs(int v) {
  return __builtin_ffs(v);
}
inline int __clz(int v) {
  return v ? __builtin_clz(static_cast<unsigned>(v)) : 32;
}
inline int __clzll(long long v) {
  return v ? __builtin_clzll(static_cast<unsigned long long>(v)) : 64;
}
inline unsigned __brev(unsigned v) {
  v = (v >> 1 & 0x55555555u) | (v & 0x55555555u) << 1;
  v = (v >> 2 & 0x33333333u) | (v & 0x33333333u) << 2;
  v = (v >> 4 & 0x0f0f0f0fu) | (v & 0x0f0f0f0fu) << 4;
  return __builtin_bswap32(v);
}

inline float __fdividef(float a, float b) {
  return a / b;
}
inline float __fdiv_rn(float a, float b) {
  return a / b;
}
inline float __frcp_rn(float a) {
  return 1.f / a;
}
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
// not contracted into a fused multiply-add, whatever the compiler's flags
inline float __fmul_rn(float a, float b) {
  volatile float r = a * b;
  return r;
}
inline float __fadd_rn(float a, float b) {
  volatile float r = a + b;
  return r;
}
inline float __fsub_rn(float a, float b) {
  volatile float r = a - b;
  return r;
}
inline float __fsqrt_rn(float a) {
  return std::sqrt(a);
}
inline float __frsqrt_rn(float a) {
  return static_cast<float>(1. / std::sqrt(static_cast<double>(a)));
}
inline float __saturatef(float a) {
  return a > 0 ? (a < 1 ? a : 1.f) : 0.f;
}
inline float __expf(float a) {
  return std::exp(a);
}
inline float __exp2f(float a) {
  return std::exp2(a);
}
inline float __logf(float a) {
  return std::log(a);
}
inline float __log2f(float a) {
  return std::log2(a);
}
inline float __sinf(float a) {
  return std::sin(a);
}
inline float __cosf(float a) {
  return std::cos(a);
}
inline float __tanf(float a) {
  return std::tan(a);
}
inline void __sincosf(float a, float* s, float* c) {
  *s = std::sin(a);
  *c = std::cos(a);
}
inline float __powf(float a, float b) {
  return std::pow(a, b);
}
inline float rsqrtf(float a) {
  return 1.f / std::sqrt(a);
}
inline double rsqrt(double a) {
  return 1. / std::sqrt(a);
}
inline float sinpif(float a) {
  return static_cast<float>(std::sin(emu::pi * a));
}
inline float cospif(float a) {
  return static_cast<float>(std::cos(emu::pi * a));
}
inline double cospi(double a) {
  return std::cos(emu::pi * a);
}
inline void sincospif(float a, float* s, float* c) {
  *s = sinpif(a);
  *c = cospif(a);
}
inline void sincospi(double a, double* s, double* c) {
  *s = std::sin(emu::pi * a);
  *c = std::cos(emu::pi * a);
}
inline float normcdff(float a) {
  return static_cast<float>(0.5 * std::erfc(-a * 0.70710678118654752440));
}
inline double normcdf(double a) {
  return 0.5 * std::erfc(-a * 0.70710678118654752440);
}

inline int __float2int_rn(float a) {
  return static_cast<int>(std::nearbyint(a));
}
inline int __float2int_rd(float a) {
  return static_cast<int>(std::floor(a));
}
inline int __float2int_ru(float a) {
  return static_cast<int>(std::ceil(a));
}
inline int __float2int_rz(float a) {
  return static_cast<int>(a);
}
inline float __int2float_rn(int a) {
  return static_cast<float>(a);
}
inline float __uint2float_rn(unsigned a) {
  return static_cast<float>(a);
}

inline long long clock64() {
  return static_cast<long long>(__builtin_ia32_rdtsc());
}

using std::abs;
using std::isfinite;
using std::isinf;
using std::isnan;
inline float min(float a, float b) {
  return std::fmin(a, b);
}
inline float max(float a, float b) {
  return std::fmax(a, b);
}
inline double min(double a, double b) {
  return std::fmin(a, b);
}
inline double max(double a, double b) {
  return std::fmax(a, b);
}
#define EMU_MIN_MAX(T)     \
  inline T min(T a, T b) { \
    return a < b ? a : b;  \
  }                        \
  inline T max(T a, T b) { \
    return a > b ? a : b;  \
  }
EMU_MIN_MAX(int)
EMU_MIN_MAX(unsigned)
EMU_MIN_MAX(long)
EMU_MIN_MAX(unsigned long)
EMU_MIN_MAX(long long)
EMU_MIN_MAX(unsigned long long)
#undef EMU_MIN_MAX
