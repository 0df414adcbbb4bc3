#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/gpu.hpp"

// Sorting and scanning whole arrays on the device: CUB in sort.cu, the standard library in sort_on_cpu.cpp
// for the emulator. Both allocate scratch in the order of the stream, so neither may be recorded in a graph.
namespace gmmvae::cuda {

/// Sorts keys [count] and their values by the lowest `bits` bits of the keys; equal ones keep their order.
void sort_pairs(std::uint32_t* keys, std::uint32_t* values, std::size_t count, int bits, cudaStream_t stream);
void sort_pairs(std::uint64_t* keys, float* values, std::size_t count, int bits, cudaStream_t stream);

/// sums[i] = in[0] + … + in[i - 1] for i = 0 … count: sums [count+1] ends with the total. `in` has count + 1
/// numbers too, whatever the last one is.
void exclusive_sums(const std::uint32_t* in, std::uint64_t* sums, std::size_t count, cudaStream_t stream);

/// Bits that hold numbers below `count`, at least 1.
inline int bits_below(std::size_t count) {
  int bits = 1;
  while (bits < 32 && (std::size_t{1} << bits) < count) ++bits;
  return bits;
}

}  // namespace gmmvae::cuda
