#pragma once

// Which sanitizer this translation unit is built with, and the annotations the emulator gives it.

#if defined(__SANITIZE_ADDRESS__)
#define EMU_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EMU_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define EMU_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define EMU_TSAN 1
#endif
#endif
#if defined(__has_feature)
#if __has_feature(memory_sanitizer)
#define EMU_MSAN 1
#endif
#endif
#ifndef EMU_ASAN
#define EMU_ASAN 0
#endif
#ifndef EMU_TSAN
#define EMU_TSAN 0
#endif
#ifndef EMU_MSAN
#define EMU_MSAN 0
#endif

#include <cstddef>

#if EMU_ASAN
#include <sanitizer/asan_interface.h>
extern "C" {
void __sanitizer_start_switch_fiber(void** fake_stack, const void* bottom, std::size_t bytes);
void __sanitizer_finish_switch_fiber(void* fake_stack, const void** old_bottom, std::size_t* old_bytes);
}
#endif
#if EMU_MSAN
#include <sanitizer/msan_interface.h>
#endif
#if EMU_TSAN
extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);  // flags 1: the switch itself orders nothing
void __tsan_acquire(void* address);
void __tsan_release(void* address);
}
#endif

// The scheduler runs on the kernel's own stacks: what it reads and writes there must not look like the
// kernel's accesses. Functions so marked call nothing that is instrumented: no std containers, no malloc, no
// memcpy.
#if defined(__clang__)
#define EMU_UNINSTRUMENTED __attribute__((no_sanitize("thread", "address", "memory", "undefined")))
#else
#define EMU_UNINSTRUMENTED __attribute__((no_sanitize("thread", "address", "undefined")))
#endif

namespace emu {

/// ThreadSanitizer: everything before a release of `object` happens before what follows an acquire of it.
EMU_UNINSTRUMENTED __attribute__((always_inline)) inline void happens_before_release(
    [[maybe_unused]] void* object) {
#if EMU_TSAN
  __tsan_release(object);
#endif
}
EMU_UNINSTRUMENTED __attribute__((always_inline)) inline void happens_before_acquire(
    [[maybe_unused]] void* object) {
#if EMU_TSAN
  __tsan_acquire(object);
#endif
}

/// AddressSanitizer: any access to the range is an error until it is opened again.
inline void forbid([[maybe_unused]] const void* p, [[maybe_unused]] std::size_t bytes) {
#if EMU_ASAN
  __asan_poison_memory_region(p, bytes);
#endif
}
inline void allow([[maybe_unused]] const void* p, [[maybe_unused]] std::size_t bytes) {
#if EMU_ASAN
  __asan_unpoison_memory_region(p, bytes);
#endif
}

}  // namespace emu
