#pragma once

#include <cstddef>

#include "sanitizers.hpp"

namespace emu {

/// A stack and the place where it was left. One CUDA thread runs on one fiber until it ends.
struct Fiber {
  void* stack_pointer = nullptr;
  char* stack = nullptr;
  std::size_t stack_bytes = 0;
  std::size_t mapped_bytes = 0;
  void* asan_fake_stack = nullptr;
  void* tsan_fiber = nullptr;
};

/// `entry` never returns. There is a guard page below the stack; `colour` shifts its top, so that the hot
/// tops of many stacks do not share the same cache sets. Aborts when no memory can be mapped.
Fiber* create_fiber(std::size_t stack_bytes, std::size_t colour, void (*entry)());
/// The fiber will start at `entry` again; what stood on its stack is forgotten.
void restart_fiber(Fiber& fiber, void (*entry)());
void destroy_fiber(Fiber* fiber);
/// Fills in what the sanitizers must know of the stack this function is called on.
void adopt_host_stack(Fiber& fiber);

/// Leaves `from` and goes on with `to`. Returns when somebody switches back.
void switch_fiber(Fiber* from, Fiber* to);
/// First thing in a fiber's entry function.
void fiber_entered();

}  // namespace emu
