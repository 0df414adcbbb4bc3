#include "block.hpp"
#include "runtime_state.hpp"

namespace emu {
namespace {

constexpr std::size_t shared_without_opt_in = 48 << 10;

std::size_t& shared_limit(const void* kernel) {
  for (auto& [known, limit] : runtime().shared_limits) {
    if (known == kernel) return limit;
  }
  runtime().shared_limits.emplace_back(kernel, shared_without_opt_in);
  return runtime().shared_limits.back().second;
}

bool shape_good(dim3 grid, dim3 block) {
  const std::size_t threads = std::size_t(block.x) * block.y * block.z;
  return threads >= 1 && threads <= 1024 && block.z <= 64 && grid.x >= 1 && grid.y >= 1 && grid.z >= 1 &&
         grid.x <= 0x7fffffffu && grid.y <= 65535 && grid.z <= 65535;
}

// Null, device memory of this device that is not given back, or pinned memory; one past the end is a legal
// pointer.
bool pointer_good(const void* p, int on_device) {
  if (!p) return true;
  if (const Allocation* a = runtime().device_memory.around(p))
    return a->device == on_device && !a->free_pending;
  return runtime().pinned.around(p) != nullptr;
}

}  // namespace

cudaError_t launch(const cudaLaunchConfig_t& shape, Launch what) {
  Lock lock(runtime().mutex);
  const dim3 grid = shape.gridDim;
  const dim3 block = shape.blockDim;
  const std::size_t shared = shape.dynamicSmemBytes;
  if (!shape_good(grid, block)) return fail(cudaErrorInvalidConfiguration);
  if (shared > shared_limit(what.kernel)) {
    return refuse(cudaErrorInvalidValue, "launch with " + std::to_string(shared) +
                                             " bytes of dynamic shared memory; " + "the kernel may have " +
                                             std::to_string(shared_limit(what.kernel)) +
                                             " (cudaFuncSetAttribute not called?)");
  }
  if (!is_stream(shape.stream) || resolve(shape.stream)->device != current_device()) {
    return refuse(cudaErrorInvalidResourceHandle, "launch into a stream of another device");
  }
  if (config().strict) {
    for (std::size_t i = 0; i < what.pointer_count; ++i) {
      if (pointer_good(what.pointers[i], current_device())) continue;
      return refuse(cudaErrorInvalidValue,
                    "launch: argument " + std::to_string(i) + " points to no memory of this device");
    }
  }
  const int index = current_device();
  return enqueue(shape.stream, [grid, block, shared, index, run = what.run, arguments = what.arguments] {
    Device& owner = runtime().devices[static_cast<std::size_t>(index)];
    if (owner.sticky) return;
    DeviceAccess access;
    if (!block_runner.run_grid(grid, block, shared, {run, arguments.get()}))
      owner.sticky = cudaErrorLaunchFailure;
  });
}

}  // namespace emu

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  emu::Lock lock(emu::runtime().mutex);
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<std::size_t>(value) > emu::device().spec.shared_per_block) {
    return emu::fail(cudaErrorInvalidValue);
  }
  emu::shared_limit(kernel) = static_cast<std::size_t>(value);
  return cudaSuccess;
}
