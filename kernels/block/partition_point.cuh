#pragma once

#include <cstddef>

#include "kernels/gpu.hpp"

namespace gmmvae::block {

/// The first of 0 … count - 1 for which `below` does not hold, or count; it holds for all before that one.
template <class Below>
__device__ inline std::size_t partition_point(std::size_t count, Below below) {
  std::size_t low = 0;
  std::size_t high = count;
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (below(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace gmmvae::block
