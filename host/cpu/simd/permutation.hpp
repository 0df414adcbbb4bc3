#pragma once

#include "host/cpu/simd/noise.hpp"

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

/// A whole keyed permutation. A block of positions goes through the network a vector at a time; those that
/// landed outside are put together and go through it again, until none is left.
inline void permute(const std::uint32_t* keys, keyed_permutation::Halves halves, std::uint32_t size,
                    std::uint32_t* order) {
  using detail::Words;
  constexpr std::uint32_t lanes = kLanes<float>;
  constexpr std::uint32_t block = 256;
  alignas(64) std::uint32_t position[block];
  std::uint32_t target[block];
  for (std::uint32_t first = 0; first < size; first += block) {
    std::uint32_t count = size - first < block ? size - first : block;
    for (std::uint32_t i = 0; i < block; ++i) {
      position[i] = first + i;
      target[i] = first + i;
    }
    while (count > 0) {
      for (std::uint32_t i = 0; i < count; i += lanes) {  // what lies behind the last one is harmless
        Words at;
        __builtin_memcpy(&at, position + i, sizeof at);
        at = keyed_permutation::feistel<Words>(at, halves, keys);
        __builtin_memcpy(position + i, &at, sizeof at);
      }
      std::uint32_t outside = 0;
      for (std::uint32_t i = 0; i < count; ++i) {
        order[target[i]] = position[i];
        position[outside] = position[i];
        target[outside] = target[i];
        outside += position[i] >= size ? 1 : 0;
      }
      count = outside;
    }
  }
}

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
