#pragma once

// Random numbers of a block, the same as the CPU's: see include/gmmvae/random.hpp for the streams and
// host/cpu/simd/noise.hpp for the order of normals in a block of four words.

#include <curand_kernel.h>

#include "gmmvae/random.hpp"
#include "host/random/keyed_permutation.hpp"
#include "kernels/gpu.hpp"

namespace gmmvae::block {

/// Philox block `number` of the stream (seed, purpose, model, step).
__device__ inline uint4 philox_words(std::uint64_t seed, Purpose purpose, std::uint32_t model,
                                     std::uint32_t step, std::uint32_t number) {
  curandStatePhilox4_32_10_t state;
  const auto subsequence = static_cast<unsigned long long>(purpose) << 32 | model;
  const auto blocks = static_cast<unsigned long long>(step) << 32 | number;
  curand_init(seed, subsequence, 4 * blocks, &state);
  return curand4(&state);
}

/// 32 random bits to a float in (0, 1]: u 2^-32 + 2^-33.
__device__ inline float to_uniform(std::uint32_t bits) {
  return __uint2float_rn(bits) * 2.3283064365386963e-10f + 1.1641532182693481e-10f;
}

/// Two standard normals, the cosine's and the sine's (Box & Muller 1958).
__device__ inline float2 box_muller(std::uint32_t first, std::uint32_t second) {
  const float radius = sqrtf(-2.0f * logf(to_uniform(first)));
  float sine;
  float cosine;
  sincospif(2.0f * to_uniform(second), &sine, &cosine);
  return make_float2(radius * cosine, radius * sine);
}

/// Element `element` of RandomStream::normal, in double: two elements share a Philox block.
__device__ inline double stream_normal(std::uint64_t seed, Purpose purpose, std::uint32_t model,
                                       std::uint32_t step, std::uint64_t element) {
  const uint4 words = philox_words(seed, purpose, model, step, static_cast<std::uint32_t>(element / 2));
  const auto uniform = [](std::uint32_t high, std::uint32_t low) {
    const std::uint64_t cell = (static_cast<std::uint64_t>(high) << 32 | low) >> 12;
    return (static_cast<double>(cell) + 0.5) * 0x1p-52;
  };
  constexpr double two_pi = 6.283185307179586476925;
  const double radius = sqrt(-2.0 * log(uniform(words.x, words.y)));
  const double angle = two_pi * uniform(words.z, words.w);
  return radius * (element % 2 == 0 ? cos(angle) : sin(angle));
}

/// noise(b, j) <- normal number first_element + b * latent + j of the stream, for rows 0..count of
/// [batch][stride]. Where first_element is inside a Philox block, only the rest of that block is used. The
/// work is shared by `workers` threads, of which this one is number `worker`.
__device__ inline void fill_noise(std::uint64_t seed, Purpose purpose, std::uint32_t model,
                                  std::uint32_t step, std::uint64_t first_element, float* noise, int stride,
                                  int latent, int count, unsigned worker, unsigned workers) {
  const std::uint64_t end =
      first_element + static_cast<std::uint64_t>(count) * static_cast<std::uint64_t>(latent);
  const auto put = [&](std::uint64_t element, float normal) {
    if (element < first_element || element >= end) return;
    const auto at = static_cast<unsigned>(element - first_element);
    const unsigned b = at / static_cast<unsigned>(latent);
    noise[static_cast<std::ptrdiff_t>(b) * stride + (at - b * static_cast<unsigned>(latent))] = normal;
  };
  for (std::uint64_t number = first_element / 4 + worker; 4 * number < end; number += workers) {
    const uint4 words = philox_words(seed, purpose, model, step, static_cast<std::uint32_t>(number));
    const float2 low = box_muller(words.x, words.y);
    const float2 high = box_muller(words.z, words.w);
    put(4 * number, low.x);
    put(4 * number + 1, low.y);
    put(4 * number + 2, high.x);
    put(4 * number + 3, high.y);
  }
}
/// The same by all threads of the block.
__device__ inline void fill_noise(std::uint64_t seed, Purpose purpose, std::uint32_t model,
                                  std::uint32_t step, std::uint64_t first_element, float* noise, int stride,
                                  int latent, int count) {
  fill_noise(seed, purpose, model, step, first_element, noise, stride, latent, count, thread_rank(),
             block_threads());
}

/// Word i of the round keys of an epoch's KeyedPermutation, i below 8.
__device__ inline std::uint32_t permutation_key(std::uint64_t seed, Purpose purpose, std::uint32_t model,
                                                std::uint32_t step, unsigned i) {
  const uint4 words = philox_words(seed, purpose, model, step, i / 4);
  const std::uint32_t low = i % 2 == 0 ? words.x : words.y;
  const std::uint32_t high = i % 2 == 0 ? words.z : words.w;
  return i % 4 < 2 ? low : high;
}

}  // namespace gmmvae::block
