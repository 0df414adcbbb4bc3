// The emulator's twin of sort.cu: its device memory is the host's.
#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/library/sort.hpp"
#include "runtime_state.hpp"

namespace gmmvae::cuda {
namespace {

template <class Key, class Value>
void stable_sort_pairs(Key* keys, Value* values, std::size_t count, int bits, cudaStream_t stream) {
  GPU_CHECK(cudaStreamSynchronize(stream));
  const emu::DeviceAccess access;
  const Key mask = bits >= static_cast<int>(8 * sizeof(Key)) ? ~Key{0} : (Key{1} << bits) - 1;
  std::vector<std::pair<Key, Value>> pairs(count);
  for (std::size_t i = 0; i < count; ++i) pairs[i] = {keys[i], values[i]};
  std::stable_sort(pairs.begin(), pairs.end(),
                   [&](const auto& a, const auto& b) { return (a.first & mask) < (b.first & mask); });
  for (std::size_t i = 0; i < count; ++i) {
    keys[i] = pairs[i].first;
    values[i] = pairs[i].second;
  }
}

}  // namespace

void sort_pairs(std::uint32_t* keys, std::uint32_t* values, std::size_t count, int bits,
                cudaStream_t stream) {
  stable_sort_pairs(keys, values, count, bits, stream);
}

void sort_pairs(std::uint64_t* keys, float* values, std::size_t count, int bits, cudaStream_t stream) {
  stable_sort_pairs(keys, values, count, bits, stream);
}

void exclusive_sums(const std::uint32_t* in, std::uint64_t* sums, std::size_t count, cudaStream_t stream) {
  GPU_CHECK(cudaStreamSynchronize(stream));
  const emu::DeviceAccess access;
  sums[0] = 0;
  for (std::size_t i = 0; i < count; ++i) sums[i + 1] = sums[i] + in[i];
}

}  // namespace gmmvae::cuda
