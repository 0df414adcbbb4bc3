#include "fiber.hpp"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

#if !defined(__x86_64__)
#error "the fiber switch is written for x86-64"
#endif

// Saves the callee-saved registers and the stack pointer of one fiber and takes up those of another.
extern "C" void emu_switch_stacks(void** save, void* to);
asm(R"(
.text
.local emu_switch_stacks
.type emu_switch_stacks,@function
emu_switch_stacks:
 pushq %rbp
 pushq %rbx
 pushq %r12
 pushq %r13
 pushq %r14
 pushq %r15
 movq %rsp,(%rdi)
 movq %rsi,%rsp
 popq %r15
 popq %r14
 popq %r13
 popq %r12
 popq %rbx
 popq %rbp
 popq %rcx
 jmp *%rcx
.size emu_switch_stacks,.-emu_switch_stacks
)");

namespace emu {
namespace {
constexpr std::size_t page = 4096;
constexpr std::size_t guard_pages = 2;  // one below the stack, one of slack for the colour
constexpr int saved_registers = 6;
constexpr bool instrumented = EMU_ASAN || EMU_TSAN || EMU_MSAN;
constexpr std::size_t instrumented_factor = 4;  // sanitizers make frames larger
}  // namespace

void restart_fiber(Fiber& fiber, void (*entry)()) {
  auto** top = reinterpret_cast<void**>(fiber.stack + fiber.stack_bytes);
  // at a function's entry the stack pointer is 8 modulo 16, and a return address of 0 ends unwinding
  for (int i = 0; i < 3; ++i) *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < saved_registers; ++i) *--top = nullptr;
  fiber.stack_pointer = top;
  fiber.asan_fake_stack = nullptr;
  allow(fiber.stack, fiber.stack_bytes);
#if EMU_TSAN
  if (fiber.tsan_fiber) __tsan_destroy_fiber(fiber.tsan_fiber);
  fiber.tsan_fiber = __tsan_create_fiber(0);
#endif
}

Fiber* create_fiber(std::size_t stack_bytes, std::size_t colour, void (*entry)()) {
  auto* fiber = new Fiber;
  fiber->stack_bytes = stack_bytes * (instrumented ? instrumented_factor : 1);
  fiber->mapped_bytes = fiber->stack_bytes + guard_pages * page;
  void* memory = mmap(nullptr, fiber->mapped_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("cuda on cpu: no memory for a fiber's stack");
    std::abort();
  }
  mprotect(memory, page, PROT_NONE);
  fiber->stack = static_cast<char*>(memory) + page;
  fiber->stack_bytes += colour % (page / 64) * 64;
  restart_fiber(*fiber, entry);
  return fiber;
}

void destroy_fiber(Fiber* fiber) {
#if EMU_TSAN
  __tsan_destroy_fiber(fiber->tsan_fiber);
#endif
  munmap(fiber->stack - page, fiber->mapped_bytes);
  delete fiber;
}

void adopt_host_stack([[maybe_unused]] Fiber& fiber) {
#if EMU_TSAN
  fiber.tsan_fiber = __tsan_get_current_fiber();
#endif
#if EMU_ASAN
  pthread_attr_t attributes;
  void* stack = nullptr;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &stack, &fiber.stack_bytes);
  pthread_attr_destroy(&attributes);
  fiber.stack = static_cast<char*>(stack);
#endif
}

EMU_UNINSTRUMENTED __attribute__((noinline)) void switch_fiber(Fiber* from, Fiber* to) {
#if EMU_ASAN
  __sanitizer_start_switch_fiber(&from->asan_fake_stack, to->stack, to->stack_bytes);
#endif
#if EMU_TSAN
  __tsan_switch_to_fiber(to->tsan_fiber, 1);
#endif
  emu_switch_stacks(&from->stack_pointer, to->stack_pointer);
#if EMU_ASAN
  __sanitizer_finish_switch_fiber(from->asan_fake_stack, nullptr, nullptr);
#endif
}

EMU_UNINSTRUMENTED void fiber_entered() {
#if EMU_ASAN
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

}  // namespace emu
