#pragma once

// Tensor core products of one warp: D = A B + C with A 16xK row-major, B Kx8 column-major, C and D 16x8 in
// float. Each lane holds a fragment of each matrix (PTX ISA, "Matrix fragments for mma.m16n8k8" and
// "...m16n8k16"). With g = lane / 4 and t = lane % 4:
//
//   C, D      c[0] (g, 2t)          c[1] (g, 2t+1)     c[2] (g+8, 2t)    c[3] (g+8, 2t+1)
//   TF32      a[0] (g, t)           a[1] (g+8, t)      a[2] (g, t+4)     a[3] (g+8, t+4)
//             b[0] (t, g)           b[1] (t+4, g)
//   bf16      a[0] (g, 2t..2t+1)    a[1] (g+8, 2t..)   a[2] (g, 2t+8..)  a[3] (g+8, 2t+8..)
//             b[0] (2t..2t+1, g)    b[1] (2t+8.., g)   two elements a word, the lower index in the low half
//
// Where the instruction is not there (the emulator, before sm_80) a twin gives the same result within
// rounding: the order and the width of the sum inside the instruction are not documented, so the two agree
// within 2^-22 of the sum of |a b| and |c|. All 32 lanes call these functions together.

#include "kernels/gpu.hpp"

namespace gmmvae {

/// What one lane holds of A and B.
struct MmaOperands {
  std::uint32_t a[4], b[2];
};

/// A float rounded to TF32 (10 bits of mantissa, to nearest, ties away), as a word whose low 13 bits are 0.
__device__ inline std::uint32_t to_tf32(float value) {
#if GPU_ARCH >= 800
  std::uint32_t word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(value));
  return word & 0xffffe000u;  // the instruction leaves the low bits undefined
#else
  const std::uint32_t word = __float_as_uint(value);
  if ((word & 0x7f800000u) == 0x7f800000u) return word & 0xffffe000u;
  return (word + 0x1000u) & 0xffffe000u;
#endif
}

/// Two floats rounded to bf16 (to nearest even), `low` in the low half.
__device__ inline std::uint32_t to_bf16x2(float low, float high) {
#if GPU_ARCH >= 800
  std::uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
#else
  const auto half = [](float value) -> std::uint32_t {
    const std::uint32_t word = __float_as_uint(value);
    if ((word & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;  // NaN
    return (word + 0x7fffu + (word >> 16 & 1)) >> 16;
  };
  return half(high) << 16 | half(low);
#endif
}

/// The twin of mma_tf32: every lane gathers the fragments and forms its own four elements of D.
__device__ inline void mma_tf32_twin(float (&c)[4], const std::uint32_t (&a)[4],
                                     const std::uint32_t (&b)[2]) {
  const MmaOperands mine = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  MmaOperands all[32];
  warp_gather(mine, all);
  const unsigned g = lane_id() / 4;
  const unsigned t = lane_id() % 4;
  for (unsigned k = 0; k < 8; ++k) {
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned lower = i / 2;  // rows 8 to 15
      const unsigned column = 2 * t + i % 2;
      const float x = __uint_as_float(all[4 * g + k % 4].a[lower + 2 * (k / 4)] & 0xffffe000u);
      const float y = __uint_as_float(all[4 * column + k % 4].b[k / 4] & 0xffffe000u);
      c[i] = __fmaf_rn(x, y, c[i]);
    }
  }
}

/// c += A B, mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32. The operands are words from to_tf32.
__device__ inline void mma_tf32(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#if GPU_ARCH >= 800
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  mma_tf32_twin(c, a, b);
#endif
}

/// The twin of mma_bf16.
__device__ inline void mma_bf16_twin(float (&c)[4], const std::uint32_t (&a)[4],
                                     const std::uint32_t (&b)[2]) {
  const MmaOperands mine = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
  MmaOperands all[32];
  warp_gather(mine, all);
  const unsigned g = lane_id() / 4;
  const unsigned t = lane_id() % 4;
  const auto half = [](std::uint32_t word, unsigned k) {
    return __uint_as_float(k % 2 ? word & 0xffff0000u : word << 16);
  };
  for (unsigned k = 0; k < 16; ++k) {
    for (unsigned i = 0; i < 4; ++i) {
      const unsigned lower = i / 2;  // rows 8 to 15
      const unsigned column = 2 * t + i % 2;
      const float x = half(all[4 * g + k % 8 / 2].a[lower + 2 * (k / 8)], k);
      const float y = half(all[4 * column + k % 8 / 2].b[k / 8], k);
      c[i] = __fmaf_rn(x, y, c[i]);
    }
  }
}

/// c += A B, mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32. The operands are words from to_bf16x2.
__device__ inline void mma_bf16(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#if GPU_ARCH >= 800
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  mma_bf16_twin(c, a, b);
#endif
}

}  // namespace gmmvae
