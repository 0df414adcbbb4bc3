#include <cub/device/device_segmented_sort.cuh>
#include <vector>

#include "kernels/library/segmented_sort.hpp"
#include "kernels/runtime/memory.hpp"

namespace gmmvae::library {

void sort_segments(const float* keys, float* sorted, int segments, int length, cudaStream_t stream) {
  if (segments == 0 || length == 0) return;
  std::vector<int> offsets;
  for (int s = 0; s <= segments; ++s) offsets.push_back(s * length);
  const DeviceArray<int> ends = to_device(offsets, stream);
  std::size_t bytes = 0;
  GPU_CHECK(cub::DeviceSegmentedSort::SortKeys(nullptr, bytes, keys, sorted, segments * length, segments,
                                               ends.data(), ends.data() + 1, stream));
  DeviceArray<unsigned char> scratch(bytes, stream);
  GPU_CHECK(cub::DeviceSegmentedSort::SortKeys(scratch.data(), bytes, keys, sorted, segments * length,
                                               segments, ends.data(), ends.data() + 1, stream));
}

}  // namespace gmmvae::library
