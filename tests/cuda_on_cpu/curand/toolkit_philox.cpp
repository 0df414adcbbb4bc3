// The toolkit's header as host code, in a translation unit of its own: its names are those of the stand-in.
#include "tests/cuda_on_cpu/curand/toolkit_philox.hpp"

#ifdef GMMVAE_TOOLKIT_CURAND
#define QUALIFIERS static inline
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <cuda_runtime.h>
#include <curand_kernel.h>
#pragma GCC diagnostic pop
#endif

namespace gmmvae::test {

#ifdef GMMVAE_TOOLKIT_CURAND
bool toolkit_philox(std::uint64_t seed, std::uint64_t subsequence, std::uint64_t offset,
                    std::uint32_t* words) {
  curandStatePhilox4_32_10_t state;
  curand_init(seed, subsequence, offset, &state);
  for (int i = 0; i < 2; ++i) {
    const uint4 four = curand4(&state);
    *words++ = four.x;
    *words++ = four.y;
    *words++ = four.z;
    *words++ = four.w;
  }
  return true;
}
#else
bool toolkit_philox(std::uint64_t, std::uint64_t, std::uint64_t, std::uint32_t*) {
  return false;
}
#endif

}  // namespace gmmvae::test
