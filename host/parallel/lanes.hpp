#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "gmmvae/matrix.hpp"

/// The compiler builds a function with this mark once per instruction set and the program picks one when it
/// starts. Sanitizers run before the picking is possible, and clang spells the levels differently: one plain
/// build there.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define GMMVAE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define GMMVAE_CLONES
#endif
/// A helper must become part of the clone that calls it, or it would be built for the oldest processor.
#define GMMVAE_INLINE __attribute__((always_inline)) inline

namespace gmmvae {

/// Sixteen points are worked on side by side. The number is the same on every machine, each lane has sums of
/// its own, and these rooms are compiled without contraction to fused multiply-add: so every instruction set
/// gives the same bits. The vector types are the compiler's own; helpers take them by reference, because how
/// one is passed by value depends on the instruction set.
inline constexpr std::size_t kLanes = 16;
using Lanes = float __attribute__((vector_size(64)));
using IntLanes = std::int32_t __attribute__((vector_size(64)));

/// Points [N,D] regrouped as [ceil(N/16)][D][16]; the last block is filled up with copies of the last point.
class LaneBlocks {
 public:
  explicit LaneBlocks(MatrixView<float> x)
      : rows_(x.rows), dim_(x.cols), values_(blocks() * x.cols * kLanes) {
    for (std::size_t b = 0; b < blocks(); ++b)
      for (std::size_t d = 0; d < dim_; ++d)
        for (std::size_t l = 0; l < kLanes; ++l)
          values_[(b * dim_ + d) * kLanes + l] = x(std::min(b * kLanes + l, rows_ - 1), d);
  }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t dim() const { return dim_; }
  [[nodiscard]] std::size_t blocks() const { return (rows_ + kLanes - 1) / kLanes; }
  /// Points of block b that are real, 1 to 16.
  [[nodiscard]] std::size_t filled(std::size_t b) const { return std::min(kLanes, rows_ - b * kLanes); }
  [[nodiscard]] const float* block(std::size_t b) const { return values_.data() + b * dim_ * kLanes; }

 private:
  std::size_t rows_;
  std::size_t dim_;
  std::vector<float> values_;
};

GMMVAE_INLINE void load(const float* from, Lanes& to) {
  std::memcpy(&to, from, sizeof to);
}
GMMVAE_INLINE void store(const Lanes& from, float* to) {
  std::memcpy(to, &from, sizeof from);
}

/// Squared distances of the sixteen points of a block to one row [D].
GMMVAE_INLINE void squared_distances(const float* block, const float* row, std::size_t dim, Lanes& out) {
  Lanes x;
  load(block, x);
  x -= row[0];
  out = x * x;
  for (std::size_t d = 1; d < dim; ++d) {
    load(block + d * kLanes, x);
    x -= row[d];
    out += x * x;
  }
}

GMMVAE_INLINE void square_root(Lanes& x) {
  for (std::size_t l = 0; l < kLanes; ++l) x[l] = __builtin_sqrtf(x[l]);
}

/// e^x for x <= 88, 0 below -87; relative error below 2e-7 (reduction by ln 2 in two parts, Cephes'
/// polynomial).
GMMVAE_INLINE void exponential(Lanes& x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding and taking it away rounds to an integer
  const IntLanes tiny = x < -87.0f;
  Lanes clamped = tiny ? Lanes{} - 87.0f : x;
  clamped = clamped > 88.0f ? Lanes{} + 88.0f : clamped;
  const Lanes n = (clamped * 1.44269504088896341f + kRound) - kRound;
  const Lanes r = (clamped - n * 0.693359375f) + n * 2.12194440e-4f;
  Lanes p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + r + 1.0f;
  const IntLanes bits = (__builtin_convertvector(n, IntLanes) + 127) << 23;
  Lanes scale;
  std::memcpy(&scale, &bits, sizeof scale);
  x = tiny ? Lanes{} : p * scale;
}

/// Natural logarithm of positive, normal numbers; absolute error below 1e-7 near 1 and relative error below
/// 2e-7 elsewhere (Cephes' polynomial for the mantissa in [sqrt(1/2), sqrt(2)), exponent times ln 2 in two
/// parts).
GMMVAE_INLINE void logarithm(Lanes& x) {
  IntLanes bits;
  std::memcpy(&bits, &x, sizeof bits);
  IntLanes exponent = (bits >> 23) - 126;
  bits = (bits & 0x007fffff) | 0x3f000000;
  Lanes mantissa;
  std::memcpy(&mantissa, &bits, sizeof mantissa);  // in [1/2, 1)
  const IntLanes low = mantissa < 0.707106781186547524f;
  exponent += low;  // a true lane is -1
  mantissa = low ? mantissa + mantissa : mantissa;
  const Lanes r = mantissa - 1.0f;
  const Lanes n = __builtin_convertvector(exponent, Lanes);
  Lanes p = r * 7.0376836292e-2f - 1.1514610310e-1f;
  p = p * r + 1.1676998740e-1f;
  p = p * r - 1.2420140846e-1f;
  p = p * r + 1.4249322787e-1f;
  p = p * r - 1.6668057665e-1f;
  p = p * r + 2.0000714765e-1f;
  p = p * r - 2.4999993993e-1f;
  p = p * r + 3.3333331174e-1f;
  const Lanes square = r * r;
  Lanes small = p * r * square - n * 2.12194440e-4f;
  small = small - 0.5f * square;
  x = (r + small) + n * 0.693359375f;
}

/// Eight double-precision lanes.
inline constexpr std::size_t kDoubleLanes = 8;
using DoubleLanes = double __attribute__((vector_size(64)));
using LongLanes = std::int64_t __attribute__((vector_size(64)));

GMMVAE_INLINE void load(const double* from, DoubleLanes& to) {
  std::memcpy(&to, from, sizeof to);
}
GMMVAE_INLINE void store(const DoubleLanes& from, double* to) {
  std::memcpy(to, &from, sizeof from);
}

/// e^x in double for x <= 709, 0 below -708; relative error below 1e-15 (Taylor polynomial of degree 13 on
/// |r| <= ln(2)/2, whose remainder is below 5e-18).
GMMVAE_INLINE void exponential(DoubleLanes& x) {
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: the integer ends up in the low bits
  const LongLanes tiny = x < -708.0;
  DoubleLanes clamped = tiny ? DoubleLanes{} - 708.0 : x;
  clamped = clamped > 709.0 ? DoubleLanes{} + 709.0 : clamped;
  const DoubleLanes shifted = clamped * 1.4426950408889634074 + kRound;
  const DoubleLanes n = shifted - kRound;
  const DoubleLanes r = (clamped - n * 0.693147180369123816490) - n * 1.90821492927058770002e-10;
  DoubleLanes p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * (r * r) + r + 1.0;
  LongLanes bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 52) + (std::int64_t{1023} << 52);
  DoubleLanes scale;
  std::memcpy(&scale, &bits, sizeof scale);
  x = tiny ? DoubleLanes{} : p * scale;
}

}  // namespace gmmvae
