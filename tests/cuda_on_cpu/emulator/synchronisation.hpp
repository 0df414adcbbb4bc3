#pragma once

// Barriers, warp collectives and fences as kernels call them.

#include <cstdint>
#include <type_traits>

#include "block.hpp"

// the caller's place, so that two barriers in the source are told apart
#define EMU_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

inline void __syncthreads(EMU_PLACE) {
  emu::block_runner.block_barrier(1, file, line);
}
inline int __syncthreads_and(int predicate, EMU_PLACE) {
  emu::block_runner.block_barrier(predicate, file, line);
  return emu::block_runner.all_of_predicates;
}
inline int __syncthreads_or(int predicate, EMU_PLACE) {
  emu::block_runner.block_barrier(predicate, file, line);
  return emu::block_runner.any_of_predicates;
}
inline int __syncthreads_count(int predicate, EMU_PLACE) {
  emu::block_runner.block_barrier(predicate, file, line);
  return emu::block_runner.count_of_predicates;
}
inline void __syncwarp(unsigned mask = 0xffffffffu, EMU_PLACE) {
  emu::block_runner.warp_collective(emu::WarpOp::sync, mask, file, line);
}

EMU_UNINSTRUMENTED inline void __threadfence() {
#if EMU_TSAN
  emu::happens_before_acquire(&emu::block_runner.fence_object);
  emu::happens_before_release(&emu::block_runner.fence_object);
#else
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}
inline void __threadfence_block() {
  __threadfence();
}
inline void __threadfence_system() {
  __threadfence();
}

namespace emu {

EMU_UNINSTRUMENTED inline int lane() {
  return block_runner.current->rank & 31;
}

template <class T>
EMU_UNINSTRUMENTED inline T shuffle(unsigned mask, T value, int source, const char* file, int line) {
  static_assert(sizeof(T) <= 16 && std::is_trivially_copyable_v<T>, "a shuffle moves up to 16 plain bytes");
  CudaThread* thread = block_runner.current;
  thread->source = source;
  __builtin_memcpy(thread->value, &value, sizeof value);
  block_runner.warp_collective(WarpOp::shuffle, mask, file, line);
  T result;
  __builtin_memcpy(&result, thread->result, sizeof result);
  return result;
}

/// Every lane of a full warp gets every lane's `mine`: all[i] is lane i's.
template <class T>
EMU_UNINSTRUMENTED inline void gather(const T& mine, T (&all)[32], const char* file, int line) {
  static_assert(sizeof(T) % 4 == 0 && sizeof(T) <= 4 * gather_words && std::is_trivially_copyable_v<T>,
                "a gather moves up to 64 plain bytes, in words");
  constexpr std::size_t words = sizeof(T) / 4;
  CudaThread* thread = block_runner.current;
  const CudaThread* lanes = thread - (thread->rank & 31);
  // two buffers in turn: nobody is two gathers ahead of a lane that still reads
  const unsigned turn = thread->gathers++ & 1;
  const auto* in = reinterpret_cast<const std::uint32_t __attribute__((may_alias))*>(&mine);
  // atomic accesses, so that no compiler makes these loops a memcpy, which the sanitizers would watch
  for (std::size_t i = 0; i < words; ++i) __atomic_store_n(&thread->posted[turn][i], in[i], __ATOMIC_RELAXED);
  block_runner.warp_collective(WarpOp::shuffle, 0xffffffffu, file, line);
  for (int from = 0; from < 32; ++from) {
    auto* out = reinterpret_cast<std::uint32_t __attribute__((may_alias))*>(&all[from]);
    for (std::size_t i = 0; i < words; ++i)
      out[i] = __atomic_load_n(&lanes[from].posted[turn][i], __ATOMIC_RELAXED);
  }
}

EMU_UNINSTRUMENTED inline unsigned ballot(unsigned mask, int predicate, const char* file, int line) {
  CudaThread* thread = block_runner.current;
  thread->predicate = predicate;
  block_runner.warp_collective(WarpOp::ballot, mask, file, line);
  return static_cast<unsigned>(thread->result[0]);
}

/// Folds the lanes of the mask that are there, in the order of the lanes.
template <class T, class Operation>
inline T reduce(unsigned mask, T value, Operation operation, const char* file, int line) {
  T folded{};
  bool first = true;
  for (int i = 0; i < 32; ++i) {
    if (!(mask >> i & 1)) continue;
    const T other = shuffle(mask, value, i, file, line);
    if (!block_runner.current->source_valid) continue;
    folded = first ? other : operation(folded, other);
    first = false;
  }
  return folded;
}

}  // namespace emu

/// The answer that the standard allows and that breaks most assumptions: this lane alone.
inline unsigned __activemask() {
  return 1u << emu::lane();
}

template <class T>
inline T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMU_PLACE) {
  return emu::shuffle(mask, value, (emu::lane() & ~(width - 1)) | (source & (width - 1)), file, line);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, EMU_PLACE) {
  const int lane = emu::lane();
  const int source = lane ^ lane_mask;
  return emu::shuffle(mask, value, source >= (lane & ~(width - 1)) + width ? lane : source, file, line);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, EMU_PLACE) {
  const int lane = emu::lane();
  const int step = (lane & (width - 1)) + static_cast<int>(delta) >= width ? 0 : static_cast<int>(delta);
  return emu::shuffle(mask, value, lane + step, file, line);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, EMU_PLACE) {
  const int lane = emu::lane();
  const int step = (lane & (width - 1)) < static_cast<int>(delta) ? 0 : static_cast<int>(delta);
  return emu::shuffle(mask, value, lane - step, file, line);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, EMU_PLACE) {
  return emu::ballot(mask, predicate, file, line);
}
inline int __any_sync(unsigned mask, int predicate, EMU_PLACE) {
  return emu::ballot(mask, predicate, file, line) != 0;
}
inline int __all_sync(unsigned mask, int predicate, EMU_PLACE) {
  return emu::ballot(mask, !predicate, file, line) == 0;
}
template <class T>
EMU_UNINSTRUMENTED inline unsigned __match_any_sync(unsigned mask, T value, EMU_PLACE) {
  emu::CudaThread* thread = emu::block_runner.current;
  thread->value[0] = 0;
  __builtin_memcpy(thread->value, &value, sizeof value);
  emu::block_runner.warp_collective(emu::WarpOp::match, mask, file, line);
  return static_cast<unsigned>(thread->result[0]);
}

#define EMU_REDUCE(name, T, expression)                                     \
  inline T __reduce_##name##_sync(unsigned mask, T value, EMU_PLACE) {      \
    return emu::reduce(                                                     \
        mask, value, [](T a, T b) -> T { return expression; }, file, line); \
  }
EMU_REDUCE(add, unsigned, a + b)
EMU_REDUCE(add, int, a + b)
EMU_REDUCE(max, unsigned, a > b ? a : b)
EMU_REDUCE(max, int, a > b ? a : b)
EMU_REDUCE(min, unsigned, a < b ? a : b)
EMU_REDUCE(min, int, a < b ? a : b)
EMU_REDUCE(and, unsigned, a& b)
EMU_REDUCE(or, unsigned, a | b)
EMU_REDUCE(xor, unsigned, a ^ b)
#undef EMU_REDUCE

inline void __nanosleep(unsigned) {
  emu::block_runner.give_way();
}
inline void __trap() {
  emu::block_runner.stop({emu::Fault::trap, 0, 0, 0, 0, nullptr, 0, nullptr, 0});
}
