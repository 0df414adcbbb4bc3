#pragma once

#include "host/cpu/simd/noise.hpp"

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

/// A whole keyed permutation, a vector of positions at a time: lanes that have landed inside wait for the
/// others.
inline void permute(const std::uint32_t* keys, keyed_permutation::Halves halves, std::uint32_t size,
                    std::uint32_t* order) {
  using detail::Words;
  constexpr std::uint32_t lanes = kLanes<float>;
  const Words lane = bit_cast<Words>(lane_index<float>());
  for (std::uint32_t first = 0; first < size; first += lanes) {
    Words position = keyed_permutation::feistel<Words>(lane + first, halves, keys);
    const std::uint32_t count = size - first < lanes ? size - first : lanes;
    for (std::uint32_t i = 0; i < count;) {  // walk all lanes on while one that counts is outside
      if (position[i] < size) {
        ++i;
        continue;
      }
      position = position < size ? position : keyed_permutation::feistel<Words>(position, halves, keys);
      i = 0;
    }
    for (std::uint32_t i = 0; i < count; ++i) order[first + i] = position[i];
  }
}

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
