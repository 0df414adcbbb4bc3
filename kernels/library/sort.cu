#include <cub/device/device_radix_sort.cuh>
#include <cub/device/device_scan.cuh>
#include <cuda/std/functional>

#include "kernels/library/sort.hpp"
#include "kernels/runtime/memory.hpp"

namespace gmmvae::cuda {
namespace {

/// Runs a CUB algorithm: once to learn how much scratch it needs, once for good.
template <class Algorithm>
void with_scratch(cudaStream_t stream, Algorithm algorithm) {
  std::size_t bytes = 0;
  GPU_CHECK(algorithm(nullptr, bytes));
  DeviceArray<unsigned char> scratch(bytes > 0 ? bytes : 1, stream);
  GPU_CHECK(algorithm(scratch.data(), bytes));
}

template <class Key, class Value>
void sort_with_cub(Key* keys, Value* values, std::size_t count, int bits, cudaStream_t stream) {
  DeviceArray<Key> other_keys(count, stream);
  DeviceArray<Value> other_values(count, stream);
  cub::DoubleBuffer<Key> key_buffer(keys, other_keys.data());
  cub::DoubleBuffer<Value> value_buffer(values, other_values.data());
  with_scratch(stream, [&](void* scratch, std::size_t& bytes) {
    return cub::DeviceRadixSort::SortPairs(scratch, bytes, key_buffer, value_buffer,
                                           static_cast<std::int64_t>(count), 0, bits, stream);
  });
  if (key_buffer.Current() != keys)
    GPU_CHECK(
        cudaMemcpyAsync(keys, key_buffer.Current(), count * sizeof(Key), cudaMemcpyDeviceToDevice, stream));
  if (value_buffer.Current() != values)
    GPU_CHECK(cudaMemcpyAsync(values, value_buffer.Current(), count * sizeof(Value), cudaMemcpyDeviceToDevice,
                              stream));
}

}  // namespace

void sort_pairs(std::uint32_t* keys, std::uint32_t* values, std::size_t count, int bits,
                cudaStream_t stream) {
  sort_with_cub(keys, values, count, bits, stream);
}

void sort_pairs(std::uint64_t* keys, float* values, std::size_t count, int bits, cudaStream_t stream) {
  sort_with_cub(keys, values, count, bits, stream);
}

void exclusive_sums(const std::uint32_t* in, std::uint64_t* sums, std::size_t count, cudaStream_t stream) {
  with_scratch(stream, [&](void* scratch, std::size_t& bytes) {
    return cub::DeviceScan::ExclusiveScan(scratch, bytes, in, sums, ::cuda::std::plus<>{}, std::uint64_t{0},
                                          static_cast<std::int64_t>(count + 1), stream);
  });
}

}  // namespace gmmvae::cuda
