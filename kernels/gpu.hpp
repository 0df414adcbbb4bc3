#pragma once

// The one file that knows which compiler is at work: nvcc for the GPU, or a host compiler for the emulator in
// tests/cuda_on_cpu, whose headers stand in for the toolkit's. Kernels include this and test no compiler
// macro.
//
//   GPU_SHARED(float, tile, [32][33]);    a shared array of this block
//   GPU_DYNAMIC_SHARED(buffer);           the launch's dynamic shared memory, for a SharedArena
//   launch(kernel, grid, block, shared_bytes, stream, arguments...);
//   GPU_CHECK(cudaMemsetAsync(p, 0, bytes, stream));

#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>

#include "gmmvae/error.hpp"

#if defined(__CUDACC__)
#define GPU_EMULATED 0
#define GPU_SHARED(type, name, ...) __shared__ type name __VA_ARGS__
#define GPU_DYNAMIC_SHARED(name)                                          \
  extern __shared__ __align__(128) unsigned char gmmvae_dynamic_shared[]; \
  unsigned char* const name = gmmvae_dynamic_shared
#else
#define GPU_EMULATED 1
#define GPU_SHARED(type, name, ...) EMU_SHARED(type, name, __VA_ARGS__)
#define GPU_DYNAMIC_SHARED(name) EMU_DYNAMIC_SHARED(name)
#endif

// The architecture that this pass of nvcc generates code for (800 is sm_80), 0 on the host and in the
// emulator. A function with inline PTX has it under `#if GPU_ARCH >= ...` and its portable twin under
// `#else`.
#if defined(__CUDA_ARCH__)
#define GPU_ARCH __CUDA_ARCH__
#else
#define GPU_ARCH 0
#endif

#define GPU_CHECK(call) ::gmmvae::check_cuda((call), #call, __FILE__, __LINE__)

namespace gmmvae {

/// Throws DeviceError with what was called, where, why it failed and how much device memory is free.
inline void check_cuda(cudaError_t error, const char* what, const char* file, int line) {
  if (error == cudaSuccess) return;
  std::string text = std::string(file) + ":" + std::to_string(line) + ": " + what + ": " +
                     cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")";
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  if (error == cudaErrorMemoryAllocation && cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess) {
    text += "; " + std::to_string(free_bytes) + " of " + std::to_string(total_bytes) + " bytes are free";
  }
  cudaGetLastError();  // what has been thrown is not reported again by the next check
  throw DeviceError(text);
}

/// A grid and the place that launches it; made from a dim3 or from a number of blocks.
struct Grid {
  dim3 blocks;
  const char* file;
  int line;

  Grid(dim3 blocks_, const char* file_ = __builtin_FILE(), int line_ = __builtin_LINE())
      : blocks(blocks_), file(file_), line(line_) {}
  template <class Integer, std::enable_if_t<std::is_integral_v<Integer>, int> = 0>
  Grid(Integer blocks_, const char* file_ = __builtin_FILE(), int line_ = __builtin_LINE())
      : blocks(static_cast<unsigned>(blocks_)), file(file_), line(line_) {
    if (blocks_ < 1 || static_cast<std::uint64_t>(blocks_) > std::numeric_limits<std::int32_t>::max()) {
      throw Error(ExitCode::failed, std::string(file) + ":" + std::to_string(line) + ": a grid of " +
                                        std::to_string(blocks_) + " blocks; there may be 1 to 2147483647");
    }
  }
};

/// Bytes of shared memory that one block may have on the current device.
inline std::size_t shared_limit() {
  int device = 0;
  int bytes = 0;
  GPU_CHECK(cudaGetDevice(&device));
  GPU_CHECK(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
  return static_cast<std::size_t>(bytes);
}

/// Starts a kernel in a stream. Above 48 kB of dynamic shared memory it opts in for the kernel first. Throws
/// Error with the place, the sizes asked for and, where it is the reason, what the device has.
template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), Grid grid, dim3 block, std::size_t shared_bytes,
            cudaStream_t stream, Arguments&&... arguments) {
  constexpr std::size_t without_opt_in = 48 << 10;
  const std::string shape = "launch of " + std::to_string(grid.blocks.x) + "x" +
                            std::to_string(grid.blocks.y) + "x" + std::to_string(grid.blocks.z) +
                            " blocks of " + std::to_string(block.x) + "x" + std::to_string(block.y) + "x" +
                            std::to_string(block.z) + " threads with " + std::to_string(shared_bytes) +
                            " bytes of shared memory";
  if (shared_bytes > without_opt_in) {
    const std::size_t available = shared_limit();
    if (shared_bytes > available) {
      throw Error(ExitCode::failed, std::string(grid.file) + ":" + std::to_string(grid.line) + ": " + shape +
                                        "; a block of this device may have " + std::to_string(available));
    }
    check_cuda(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                    static_cast<int>(shared_bytes)),
               shape.c_str(), grid.file, grid.line);
  }
  cudaLaunchConfig_t config{};
  config.gridDim = grid.blocks;
  config.blockDim = block;
  config.dynamicSmemBytes = shared_bytes;
  config.stream = stream;
  check_cuda(cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...), shape.c_str(),
             grid.file, grid.line);
}

/// Hands out sub-arrays of one buffer of dynamic shared memory. A kernel's layout is one function of an
/// arena, run twice: on the host with SharedArena() to learn how many bytes to launch with, in the kernel
/// with SharedArena(buffer) to get the pointers. In the emulator a red zone follows every sub-array, in room
/// of its own: bytes() is what the GPU needs. All threads take the same sub-arrays in the same order; one
/// arena a kernel.
class SharedArena {
 public:
  static constexpr std::size_t alignment = 16;  ///< of every sub-array, so that float4 loads are legal

  /// Counts only; every pointer is null.
  __host__ __device__ SharedArena() : buffer_(nullptr) {}
  __device__ explicit SharedArena(unsigned char* buffer) : buffer_(buffer) {}

  /// `count` elements, uninitialised.
  template <class T>
  __host__ __device__ T* take(std::size_t count) {
    static_assert(alignof(T) <= alignment, "sub-arrays are aligned to 16 bytes");
    const std::size_t bytes = count * sizeof(T);
#if GPU_EMULATED
    if (buffer_) {
      return static_cast<T*>(emu::block_runner.take_shared(bytes_, pieces_, bytes, alignment));
    }
#endif
    const std::size_t first = (bytes_ + alignment - 1) / alignment * alignment;
    bytes_ = first + bytes;
#if GPU_ARCH > 0
    return reinterpret_cast<T*>(buffer_ + first);  // not null: an address of shared memory for certain
#else
    return buffer_ ? reinterpret_cast<T*>(buffer_ + first) : nullptr;
#endif
  }
  /// Bytes of dynamic shared memory to launch with, once everything is taken.
  [[nodiscard]] __host__ __device__ std::size_t bytes() const {
    return bytes_;
  }

 private:
  unsigned char* buffer_;
  std::size_t bytes_ = 0;
#if GPU_EMULATED
  int pieces_ = 0;
#endif
};

constexpr unsigned full_warp = 0xffffffffu;

/// Number of this thread in its block, with x the fastest.
__device__ inline unsigned thread_rank() {
  return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
}
__device__ inline unsigned block_threads() {
  return blockDim.x * blockDim.y * blockDim.z;
}
__device__ inline unsigned lane_id() {
  return thread_rank() % 32;
}
__device__ inline unsigned warp_id() {
  return thread_rank() / 32;
}
/// The lanes that this thread's warp has: all 32 but for the last warp of an odd block. The exact mask of a
/// collective that the whole warp takes part in.
__device__ inline unsigned warp_mask() {
  const unsigned lanes = block_threads() - 32 * warp_id();
  return lanes >= 32 ? full_warp : (1u << lanes) - 1;
}

/// Every lane of a full warp gets every lane's `mine` (plain data, up to 64 bytes, whole words): all[i] is
/// lane i's. What the portable twins of warp-wide instructions are made of.
template <class T>
__device__ inline void warp_gather(const T& mine, T (&all)[32]) {
  static_assert(sizeof(T) % 4 == 0 && sizeof(T) <= 64 && std::is_trivially_copyable_v<T>);
#if GPU_EMULATED
  emu::gather(mine, all, __FILE__, __LINE__);
#else
  constexpr unsigned words = sizeof(T) / 4;
  unsigned in[words];
  memcpy(in, &mine, sizeof mine);
  for (int lane = 0; lane < 32; ++lane) {
    unsigned out[words];
    for (unsigned i = 0; i < words; ++i) out[i] = __shfl_sync(full_warp, in[i], lane);
    memcpy(&all[lane], out, sizeof out);
  }
#endif
}

}  // namespace gmmvae
