#pragma once
// Fixed-width vectors on the compiler's vector extension. Everything in host/cpu/simd/ is compiled once per
// instruction set, inside a namespace of that set's name: no symbol may be shared between two sets, so only
// plain data and C functions come from outside.

#include <cstddef>
#include <cstdint>

#include "gmmvae/activation.hpp"

#if !defined(GMMVAE_ISA_NAMESPACE) || !defined(GMMVAE_VECTOR_BYTES)
#error "include host/cpu/simd/ only from host/cpu/isa_*.cpp"
#endif

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

/// The integer type as wide as T: what comparisons of Vec<T> yield.
template <class T>
struct IntegerOf;
template <>
struct IntegerOf<float> {
  using type = std::int32_t;
};
template <>
struct IntegerOf<double> {
  using type = std::int64_t;
};
template <class T>
using Integer = typename IntegerOf<T>::type;

template <class T>
struct VectorOf {
  typedef T type __attribute__((vector_size(GMMVAE_VECTOR_BYTES)));
};
template <class T>
using Vec = typename VectorOf<T>::type;
template <class T>
using Mask = Vec<Integer<T>>;

template <class T>
inline constexpr int kLanes = GMMVAE_VECTOR_BYTES / static_cast<int>(sizeof(T));

template <class T>
inline Vec<T> load(const T* p) {
  Vec<T> v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
inline void store(T* p, Vec<T> v) {
  __builtin_memcpy(p, &v, sizeof v);
}

template <class T>
inline Vec<T> broadcast(T x) {
  return x - Vec<T>{};  // x - 0 is x for every x, -0 included
}

/// The same bits as another vector type.
template <class To, class From>
inline To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  __builtin_memcpy(&to, &from, sizeof to);
  return to;
}

/// 0, 1, 2, ... in the lanes.
template <class T>
inline Mask<T> lane_index() {
  Mask<T> lanes = {};
  for (int i = 0; i < kLanes<T>; ++i) lanes[i] = i;
  return lanes;
}

template <class V>
inline V maximum(V a, V b) {
  return a > b ? a : b;
}

template <class V>
inline V minimum(V a, V b) {
  return a < b ? a : b;
}

template <class V>
inline V absolute(V x) {
  return x < 0 ? -x : x;
}

/// Lanes 0..count-1 of v, zero behind them.
template <class T>
inline Vec<T> keep_first(Vec<T> v, std::ptrdiff_t count) {
  return lane_index<T>() < static_cast<Integer<T>>(count) ? v : Vec<T>{};
}

/// Sum of the lanes in double: neighbours are added in pairs, then the pairs' sums, and so on.
template <class T>
inline double sum_of_lanes(Vec<T> v) {
  double sums[kLanes<T>];
  for (int i = 0; i < kLanes<T>; ++i) sums[i] = static_cast<double>(v[i]);
  for (int count = kLanes<T>; count > 1; count /= 2) {
    for (int i = 0; i < count / 2; ++i) sums[i] = sums[2 * i] + sums[2 * i + 1];
  }
  return sums[0];
}

inline std::ptrdiff_t round_up(std::ptrdiff_t n, std::ptrdiff_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
