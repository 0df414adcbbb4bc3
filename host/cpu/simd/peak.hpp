#pragma once
// What the core could do at most, for measurements to be held against.

#include "host/cpu/plan.hpp"
#include "host/cpu/simd/vector.hpp"

namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE {

/// Chains of dependent multiply-adds: enough to hide the latency (4 clocks, two units), few enough for the
/// registers.
inline constexpr int kChains = GMMVAE_VECTOR_BYTES == 64 ? 24 : 12;

inline float multiply_adds(std::size_t rounds) {
  Vec<float> chain[kChains];
  for (int i = 0; i < kChains; ++i) chain[i] = broadcast(static_cast<float>(i));
  const Vec<float> factor = broadcast(0.999F), term = broadcast(0.001F);
  for (std::size_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) chain[i] = chain[i] * factor + term;
  }
  Vec<float> sum = {};
  for (int i = 0; i < kChains; ++i) sum += chain[i];
  return static_cast<float>(sum_of_lanes<float>(sum));
}

inline void copy(const float* from, float* to, std::size_t count) {
  for (std::size_t i = 0; i < count; i += 4 * kLanes<float>) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) store(to + i + v * kLanes<float>, load(from + i + v * kLanes<float>));
  }
}

inline PeakLoops peak_loops() {
  return {2.0 * kChains * kLanes<float>, multiply_adds, copy};
}

}  // namespace gmmvae::cpu::GMMVAE_ISA_NAMESPACE
