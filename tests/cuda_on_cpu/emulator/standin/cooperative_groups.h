#pragma once

// The parts of cooperative groups that stay inside a block: the block and tiles of 1 to 32 lanes.

#include <cuda_runtime.h>

namespace cooperative_groups {

struct thread_block {
  static void sync(EMU_PLACE) { emu::block_runner.block_barrier(1, file, line); }
  static unsigned thread_rank() { return static_cast<unsigned>(emu::block_runner.current->rank); }
  static unsigned size() { return static_cast<unsigned>(emu::block_runner.thread_count); }
  static unsigned num_threads() { return size(); }
  static dim3 group_index() { return blockIdx; }
  static dim3 thread_index() { return threadIdx; }
};
inline thread_block this_thread_block() {
  return {};
}

template <unsigned lanes, class Parent = void>
struct thread_block_tile {
  static_assert(lanes >= 1 && lanes <= 32 && (lanes & (lanes - 1)) == 0,
                "a tile has 1, 2, 4, 8, 16 or 32 lanes");

  static unsigned thread_rank() { return static_cast<unsigned>(emu::lane()) % lanes; }
  static constexpr unsigned size() { return lanes; }
  static constexpr unsigned num_threads() { return lanes; }
  static unsigned meta_group_rank() { return thread_block::thread_rank() / lanes; }
  static unsigned meta_group_size() { return (thread_block::size() + lanes - 1) / lanes; }

  void sync(EMU_PLACE) const { __syncwarp(mask(), file, line); }
  template <class T>
  T shfl(T value, int source, EMU_PLACE) const {
    return __shfl_sync(mask(), value, source, lanes, file, line);
  }
  template <class T>
  T shfl_xor(T value, int lane_mask, EMU_PLACE) const {
    return __shfl_xor_sync(mask(), value, lane_mask, lanes, file, line);
  }
  template <class T>
  T shfl_down(T value, unsigned delta, EMU_PLACE) const {
    return __shfl_down_sync(mask(), value, delta, lanes, file, line);
  }
  template <class T>
  T shfl_up(T value, unsigned delta, EMU_PLACE) const {
    return __shfl_up_sync(mask(), value, delta, lanes, file, line);
  }
  unsigned ballot(int predicate, EMU_PLACE) const {
    return __ballot_sync(mask(), predicate, file, line) >> first_lane();
  }
  int any(int predicate, EMU_PLACE) const { return ballot(predicate, file, line) != 0; }
  int all(int predicate, EMU_PLACE) const { return ballot(!predicate, file, line) == 0; }

 private:
  static unsigned first_lane() { return static_cast<unsigned>(emu::lane()) & ~(lanes - 1); }
  static unsigned mask() {
    if constexpr (lanes == 32)
      return 0xffffffffu;
    else
      return ((1u << lanes) - 1) << first_lane();
  }
};

template <unsigned lanes, class Parent>
inline thread_block_tile<lanes, Parent> tiled_partition(const Parent&) {
  return {};
}

template <class T>
struct plus {
  T operator()(T a, T b) const { return a + b; }
};
template <class T>
struct less {
  T operator()(T a, T b) const { return b < a ? b : a; }
};
template <class T>
struct greater {
  T operator()(T a, T b) const { return a < b ? b : a; }
};

template <class Group>
inline void sync(const Group& group, EMU_PLACE) {
  group.sync(file, line);
}

}  // namespace cooperative_groups
