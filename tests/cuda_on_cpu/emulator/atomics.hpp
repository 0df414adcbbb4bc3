#pragma once

// Atomic functions: relaxed, as on the GPU.

#include <cstdint>
#include <type_traits>

#include "block.hpp"

namespace emu {

inline void maybe_give_way() {
  if (block_runner.atomic_yield) block_runner.give_way();
}

template <class T, class Change>
inline T read_modify_write(T* p, Change change) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  maybe_give_way();
  auto* bits = reinterpret_cast<Bits*>(p);
  Bits old_bits = __atomic_load_n(bits, __ATOMIC_RELAXED);
  for (;;) {
    T old_value;
    __builtin_memcpy(&old_value, &old_bits, sizeof old_value);
    const T new_value = change(old_value);
    Bits new_bits;
    __builtin_memcpy(&new_bits, &new_value, sizeof new_bits);
    if (__atomic_compare_exchange_n(bits, &old_bits, new_bits, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
      return old_value;
    }
  }
}

}  // namespace emu

#define EMU_ATOMIC(name, T, expression)                                           \
  inline T atomic##name(T* p, T value) {                                          \
    return emu::read_modify_write(p, [value](T old) -> T { return expression; }); \
  }
#define EMU_INTEGER_ATOMICS(T)                                                              \
  EMU_ATOMIC(Add, T, old + value)                                                           \
  EMU_ATOMIC(Max, T, old > value ? old : value)                                             \
  EMU_ATOMIC(Min, T, old < value ? old : value)                                             \
  EMU_ATOMIC(Or, T, old | value)                                                            \
  EMU_ATOMIC(And, T, old& value)                                                            \
  EMU_ATOMIC(Xor, T, old ^ value)                                                           \
  EMU_ATOMIC(Exch, T, (static_cast<void>(old), value))                                      \
  inline T atomicCAS(T* p, T expected, T value) {                                           \
    return emu::read_modify_write(p, [=](T old) { return old == expected ? value : old; }); \
  }
EMU_INTEGER_ATOMICS(int)
EMU_INTEGER_ATOMICS(unsigned)
EMU_INTEGER_ATOMICS(unsigned long long)
EMU_ATOMIC(Add, float, old + value)
EMU_ATOMIC(Add, double, old + value)
EMU_ATOMIC(Exch, float, (static_cast<void>(old), value))
EMU_ATOMIC(Sub, int, old - value)
EMU_ATOMIC(Sub, unsigned, old - value)
EMU_ATOMIC(Inc, unsigned, old >= value ? 0u : old + 1)
#undef EMU_INTEGER_ATOMICS
#undef EMU_ATOMIC
