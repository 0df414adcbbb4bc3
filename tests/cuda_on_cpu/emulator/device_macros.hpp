#pragma once

// The emulator's side of kernels/gpu.hpp's macros.

#include "synchronisation.hpp"

// a shared variable that is fresh, poisoned, exactly sized and fenced for each block
#define EMU_SHARED(type, name, ...)                                                                \
  using emu_type_##name = type __VA_ARGS__;                                                        \
  static const char emu_key_##name = 0;                                                            \
  emu_type_##name& name = *reinterpret_cast<emu_type_##name*>(::emu::block_runner.shared_variable( \
      &emu_key_##name, sizeof(emu_type_##name), alignof(emu_type_##name)))
#define EMU_DYNAMIC_SHARED(name) \
  unsigned char* const name = reinterpret_cast<unsigned char*>(::emu::block_runner.dynamic_shared())
