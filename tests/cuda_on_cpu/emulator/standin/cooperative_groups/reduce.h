#pragma once

#include <cooperative_groups.h>

namespace cooperative_groups {

template <unsigned lanes, class Parent, class T, class Operation>
inline T reduce(const thread_block_tile<lanes, Parent>& tile, T value, Operation operation, EMU_PLACE) {
  for (unsigned step = lanes / 2; step; step /= 2) {
    value = operation(value, tile.shfl_xor(value, static_cast<int>(step), file, line));
  }
  return value;
}

}  // namespace cooperative_groups
