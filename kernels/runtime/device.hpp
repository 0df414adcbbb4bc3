#pragma once

#include <string>

#include "kernels/gpu.hpp"

namespace gmmvae {

/// What layouts are chosen by. Sizes in bytes.
struct DeviceProperties {
  int ordinal = 0;
  std::string name;
  int major = 0;  ///< compute capability
  int minor = 0;
  int multiprocessors = 0;
  std::size_t shared_per_block = 0;  ///< with the opt-in above 48 kB
  std::size_t shared_per_multiprocessor = 0;
  std::size_t shared_reserved = 0;  ///< that the system takes of it for each block
  int registers_per_multiprocessor = 0;
  int threads_per_multiprocessor = 0;
  std::size_t l2_bytes = 0;
  std::size_t memory_bytes = 0;
};

inline DeviceProperties device_properties(int ordinal) {
  cudaDeviceProp found{};
  GPU_CHECK(cudaGetDeviceProperties(&found, ordinal));
  return {ordinal,
          found.name,
          found.major,
          found.minor,
          found.multiProcessorCount,
          found.sharedMemPerBlockOptin,
          found.sharedMemPerMultiprocessor,
          found.reservedSharedMemPerBlock,
          found.regsPerMultiprocessor,
          found.maxThreadsPerMultiProcessor,
          static_cast<std::size_t>(found.l2CacheSize),
          found.totalGlobalMem};
}

inline int current_device() {
  int ordinal = 0;
  GPU_CHECK(cudaGetDevice(&ordinal));
  return ordinal;
}

/// Makes a device the calling thread's current one until the end of the scope.
class DeviceScope {
 public:
  explicit DeviceScope(int ordinal) : previous_(current_device()) { GPU_CHECK(cudaSetDevice(ordinal)); }
  DeviceScope(const DeviceScope&) = delete;
  DeviceScope& operator=(const DeviceScope&) = delete;
  ~DeviceScope() { cudaSetDevice(previous_); }

 private:
  int previous_;
};

}  // namespace gmmvae
