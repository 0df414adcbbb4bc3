#pragma once

// cuRAND's device generator Philox4_32_10, bit for bit, on Random123: curand_init, curand, curand4 and
// skipahead. Normals are the project's own, so cuRAND's are not here.

#include <Random123/philox.h>
#include <cuda_runtime.h>

#include <cstdint>

struct curandStatePhilox4_32_10 {
  r123::Philox4x32::ctr_type counter;
  r123::Philox4x32::key_type key;
  r123::Philox4x32::ctr_type output;
  unsigned position;  ///< words of `output` already given out, 0 to 3
};
using curandStatePhilox4_32_10_t = curandStatePhilox4_32_10;

namespace emu {

// The counter's low 64 bits count blocks of four words within a subsequence; the carry goes on into the
// subsequence.
inline void advance(curandStatePhilox4_32_10& state, std::uint64_t blocks) {
  const std::uint64_t low = state.counter[0] | std::uint64_t(state.counter[1]) << 32;
  const std::uint64_t sum = low + blocks;
  state.counter[0] = static_cast<std::uint32_t>(sum);
  state.counter[1] = static_cast<std::uint32_t>(sum >> 32);
  if (sum < low && ++state.counter[2] == 0) ++state.counter[3];
  state.output = r123::Philox4x32()(state.counter, state.key);
}

}  // namespace emu

inline void skipahead(unsigned long long words, curandStatePhilox4_32_10* state) {
  const unsigned position = state->position + static_cast<unsigned>(words % 4);
  state->position = position % 4;
  emu::advance(*state, words / 4 + position / 4);
}

inline void curand_init(unsigned long long seed, unsigned long long subsequence, unsigned long long offset,
                        curandStatePhilox4_32_10* state) {
  state->counter = {
      {0, 0, static_cast<std::uint32_t>(subsequence), static_cast<std::uint32_t>(subsequence >> 32)}};
  state->key = {{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  state->position = 0;
  skipahead(offset, state);
}

inline unsigned curand(curandStatePhilox4_32_10* state) {
  const unsigned word = state->output[state->position++];
  if (state->position == 4) {
    state->position = 0;
    emu::advance(*state, 1);
  }
  return word;
}

inline uint4 curand4(curandStatePhilox4_32_10* state) {
  const unsigned x = curand(state);
  const unsigned y = curand(state);
  const unsigned z = curand(state);
  return {x, y, z, curand(state)};
}
