#pragma once
// Philox4x32-10 and Box-Muller on vectors: lane i of a call works on block first + i.

#include "host/cpu/plan.hpp"
#include "host/cpu/simd/math.hpp"

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

namespace detail {

typedef std::uint32_t Words __attribute__((vector_size(GMMVAE_VECTOR_BYTES)));
typedef std::uint64_t WideWords __attribute__((vector_size(GMMVAE_VECTOR_BYTES)));

struct PhiloxWords {
  Words word[4];
};

/// High and low halves of the 32 x 32 bit products.
inline void multiply_wide(Words a, std::uint32_t constant, Words& high, Words& low) {
  const WideWords pairs = bit_cast<WideWords>(a);
  const WideWords even = (pairs & 0xffffffffu) * static_cast<std::uint64_t>(constant);
  const WideWords odd = (pairs >> 32) * static_cast<std::uint64_t>(constant);
  low = bit_cast<Words>((even & 0xffffffffu) | (odd << 32));
  high = bit_cast<Words>((even >> 32) | (odd & 0xffffffff00000000u));
}

/// Ten rounds (Salmon et al., SC 2011) on counters {first_block + lane, step, model, purpose}.
inline PhiloxWords philox(const NoiseKey& key, std::uint32_t first_block) {
  const Words lane = bit_cast<Words>(lane_index<float>());
  Words c[4] = {lane + first_block, Words{} + key.step, Words{} + key.model, Words{} + key.purpose};
  std::uint32_t k0 = static_cast<std::uint32_t>(key.seed);
  std::uint32_t k1 = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    Words high0, low0, high1, low1;
    multiply_wide(c[0], 0xD2511F53u, high0, low0);
    multiply_wide(c[2], 0xCD9E8D57u, high1, low1);
    const Words next0 = high1 ^ c[1] ^ k0;
    const Words next2 = high0 ^ c[3] ^ k1;
    c[0] = next0;
    c[1] = low1;
    c[2] = next2;
    c[3] = low0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return {{c[0], c[1], c[2], c[3]}};
}

/// 32 random bits to a float in (0, 1]: u * 2^-32 + 2^-33.
inline Vec<float> to_uniform(Words bits) {
  return __builtin_convertvector(bits, Vec<float>) * 2.3283064365386963e-10f + 1.1641532182693481e-10f;
}

/// Box & Muller 1958.
inline void box_muller(Words first, Words second, float* cosine, float* sine) {
  const Vec<float> radius = square_root<float>(-2.0f * log(to_uniform(first)));
  const CosSin<float> turn = cos_sin_two_pi(to_uniform(second));
  store(cosine, Vec<float>(radius * turn.cos));
  store(sine, Vec<float>(radius * turn.sin));
}

}  // namespace detail

namespace detail {

/// a and b with their lanes in turns: the first half of the lanes, and the second.
inline void interleave(Vec<float> a, Vec<float> b, float* out) {
  constexpr int lanes = kLanes<float>;
  Mask<float> low = {}, high = {};
  for (int lane = 0; lane < lanes; ++lane) {
    low[lane] = lane / 2 + (lane % 2) * lanes;
    high[lane] = low[lane] + lanes / 2;
  }
  store(out, __builtin_shuffle(a, b, low));
  store(out + lanes, __builtin_shuffle(a, b, high));
}

/// The same for two latent dimensions from the stream's beginning: block i holds both numbers of samples 2 i
/// and 2 i + 1, so that whole vectors go to their places.
inline void fill_two(const ModelPlan<float>& plan, const NoiseKey& key, std::ptrdiff_t batch) {
  constexpr std::ptrdiff_t lanes = kLanes<float>;
  for (std::ptrdiff_t b = 0; b < batch; b += 2 * lanes) {
    const PhiloxWords random = philox(key, static_cast<std::uint32_t>(b / 2));
    alignas(64) float normals[4][lanes];
    box_muller(random.word[0], random.word[1], normals[0], normals[1]);
    box_muller(random.word[2], random.word[3], normals[2], normals[3]);
    for (std::ptrdiff_t j = 0; j < 2; ++j) {
      float* const row = plan.noise + j * plan.batch_stride + b;
      if (b + 2 * lanes <= plan.batch_stride) {
        interleave(load(normals[j]), load(normals[j + 2]), row);
      } else {  // an odd number of vectors: the last has no pair
        alignas(64) float both[2 * lanes];
        interleave(load(normals[j]), load(normals[j + 2]), both);
        store(row, load(both));
      }
    }
  }
}

}  // namespace detail

/// noise(b, j) <- normal number first_element + b * Z + j of the stream, planar [Z][batch_stride]. Element e
/// is number e % 4 of Philox block e / 4: words 0 and 1 make normals 0 (cosine) and 1 (sine), words 2 and 3
/// the other two.
template <class T>
void fill_noise(const ModelPlan<T>& plan, const NoiseKey& key, std::uint64_t first_element,
                std::ptrdiff_t batch) {
  if constexpr (sizeof(T) == sizeof(float)) {
    if (plan.latent == 2 && first_element == 0) {
      detail::fill_two(plan, key, batch);
      return;
    }
  }
  constexpr int lanes = kLanes<float>;
  const std::uint64_t first_block = first_element / 4;
  const std::uint64_t end_block = (first_element + static_cast<std::uint64_t>(batch * plan.latent) + 3) / 4;
  for (std::uint64_t block = first_block; block < end_block; block += lanes) {
    const detail::PhiloxWords random = detail::philox(key, static_cast<std::uint32_t>(block));
    float normals[4][lanes];
    detail::box_muller(random.word[0], random.word[1], normals[0], normals[1]);
    detail::box_muller(random.word[2], random.word[3], normals[2], normals[3]);
    T* out = plan.scratch + 4 * (block - first_block);
    for (int lane = 0; lane < lanes; ++lane) {
      for (int i = 0; i < 4; ++i) out[4 * lane + i] = static_cast<T>(normals[i][lane]);
    }
  }
  const T* element = plan.scratch + first_element % 4;
  for (std::ptrdiff_t b = 0; b < batch; ++b) {
    for (std::ptrdiff_t j = 0; j < plan.latent; ++j) plan.noise[j * plan.batch_stride + b] = *element++;
  }
}

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
