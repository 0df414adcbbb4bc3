// What the emulator links in place of CUB.
#include <algorithm>
#include <cstddef>
#include <cstring>

#include "kernels/library/segmented_sort.hpp"
#include "runtime_state.hpp"

namespace gmmvae::library {

void sort_segments(const float* keys, float* sorted, int segments, int length, cudaStream_t stream) {
  GPU_CHECK(cudaStreamSynchronize(stream));
  const emu::DeviceAccess access;
  for (int s = 0; s < segments; ++s) {
    const std::ptrdiff_t first = static_cast<std::ptrdiff_t>(s) * length;
    std::copy_n(keys + first, length, sorted + first);
    std::sort(sorted + first, sorted + first + length);
  }
}

}  // namespace gmmvae::library
