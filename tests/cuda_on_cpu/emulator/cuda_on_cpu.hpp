#pragma once

// Everything that stands in for <cuda_runtime.h> and the compiler's built-in names.

#if defined(__CUDACC__)
#error "the emulator is for host compilers"
#endif

#include "atomics.hpp"
#include "block.hpp"
#include "device_macros.hpp"
#include "language.hpp"
#include "mathematics.hpp"
#include "runtime.hpp"
#include "sanitizers.hpp"
#include "synchronisation.hpp"
