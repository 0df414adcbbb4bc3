#pragma once

#include <cstddef>

#include "kernels/gpu.hpp"

namespace gmmvae::library {

/// Sorts `segments` rows of `length` floats each, ascending, on the current device, in the order of a stream.
/// `sorted` must be another buffer. Keys are not numbers that are none. The GPU's is CUB's segmented sort.
void sort_segments(const float* keys, float* sorted, int segments, int length, cudaStream_t stream);

}  // namespace gmmvae::library
