#pragma once

#include <cstdint>

#ifdef __CUDACC__
#define GMMVAE_HOST_DEVICE __host__ __device__
#else
#define GMMVAE_HOST_DEVICE
#endif

// The arithmetic of KeyedPermutation, in integers of 32 bits only, so that a kernel repeats it bit for bit.
// `Word` is std::uint32_t or a vector of them.
namespace gmmvae::keyed_permutation {

inline constexpr int rounds = 8;

/// How the bits of a position are cut into the two halves of the Feistel network.
struct Halves {
  std::uint32_t low_bits;
  std::uint32_t high_bits;
};

/// The smallest domain 2^(low + high) that holds `size`, but at least 256: a network whose halves have one to
/// three bits has too few distinct round functions, and some orders of a few elements would come up more
/// often than others.
GMMVAE_HOST_DEVICE inline Halves halves_of(std::uint32_t size) {
  std::uint32_t bits = 8;
  while (bits < 32 && ((size - 1) >> bits) != 0) ++bits;
  return {bits - bits / 2, bits / 2};
}

/// The function of the network: a 32-bit mix whose constants are Wellons' "lowbias32" (hash prospector,
/// 2018).
template <class Word>
GMMVAE_HOST_DEVICE inline Word mix(Word half, std::uint32_t key) {
  Word h = half ^ key;
  h ^= h >> 16;
  h *= 0x7feb352dU;
  h ^= h >> 15;
  h *= 0x846ca68bU;
  h ^= h >> 16;
  return h;
}

/// One pass through the network: a bijection of 0 .. 2^(low + high) - 1. The halves need not be equally long,
/// because each round changes one half in place by a function of the other.
template <class Word>
GMMVAE_HOST_DEVICE inline Word feistel(Word position, Halves halves, const std::uint32_t* keys) {
  const std::uint32_t low_mask = (1U << halves.low_bits) - 1;
  const std::uint32_t high_mask = (1U << halves.high_bits) - 1;
  Word low = position & low_mask;
  Word high = position >> halves.low_bits;
  for (int round = 0; round < rounds; round += 2) {
    high ^= mix(low, keys[round]) & high_mask;
    low ^= mix(high, keys[round + 1]) & low_mask;
  }
  return (high << halves.low_bits) | low;
}

/// The permutation of 0 .. size - 1: walks along the cycle of `position` until it is inside again (Black &
/// Rogaway 2002). Fewer than two passes on average for a size above 128.
GMMVAE_HOST_DEVICE inline std::uint32_t permute(std::uint32_t position, std::uint32_t size, Halves halves,
                                                const std::uint32_t* keys) {
  do {
    position = feistel(position, halves, keys);
  } while (position >= size);
  return position;
}

}  // namespace gmmvae::keyed_permutation
