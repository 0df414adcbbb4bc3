#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "block.hpp"
#include "runtime_state.hpp"
#include "sanitizers.hpp"

namespace emu {
namespace {
constexpr std::size_t allocation_alignment = 256;
// so that one past the end of an allocation is not the start of the next; AddressSanitizer has red zones of its own
constexpr std::size_t gap_after = EMU_ASAN ? 0 : 64;

bool range_in(AddressMap& map, const void* p, std::size_t bytes) {
  const Allocation* a = map.around(p);
  return a && static_cast<const char*>(p) + bytes <= a->first + a->bytes;
}

// A range that must lie in device memory, or in host memory: pinned or any other.
bool range_good(const void* p, std::size_t bytes, bool on_device) {
  if (on_device) return range_in(runtime().device_memory, p, bytes);
  const Allocation* a = runtime().device_memory.around(p);
  const bool inside = a && static_cast<const char*>(p) < a->first + a->bytes;
  return !inside;
}

cudaError_t check_copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (kind == cudaMemcpyDefault) return cudaSuccess;
  const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (range_good(to, bytes, to_device) && range_good(from, bytes, from_device)) return cudaSuccess;
  return refuse(cudaErrorInvalidValue,
                "cudaMemcpy of " + std::to_string(bytes) +
                    " bytes: outside a device allocation, or host and device mixed up");
}
}  // namespace

void AddressMap::add(const Allocation& allocation) {
  const auto place =
      std::upper_bound(all.begin(), all.end(), allocation,
                       [](const Allocation& a, const Allocation& b) { return a.first < b.first; });
  all.insert(place, allocation);
}

Allocation* AddressMap::around(const void* p) {
  const auto* address = static_cast<const char*>(p);
  const auto after = std::upper_bound(all.begin(), all.end(), address,
                                      [](const char* x, const Allocation& a) { return x < a.first; });
  if (after == all.begin()) return nullptr;
  Allocation& a = *(after - 1);
  return address <= a.first + a.bytes ? &a : nullptr;
}

Allocation* AddressMap::starting_at(const void* p) {
  Allocation* a = around(p);
  return a && a->first == p ? a : nullptr;
}

void AddressMap::remove(const void* first) {
  if (Allocation* a = starting_at(first)) all.erase(all.begin() + (a - all.data()));
}

DeviceAccess::DeviceAccess() : guarded_(EMU_ASAN && config().guard_device) {
  if (!guarded_) return;
  for (const Allocation& a : runtime().device_memory.all) allow(a.first, a.bytes);
}

DeviceAccess::~DeviceAccess() {
  if (!guarded_) return;
  for (const Allocation& a : runtime().device_memory.all) forbid(a.first, a.bytes);
}

cudaError_t copy_to_symbol(void* symbol, std::size_t symbol_bytes, const void* from, std::size_t bytes,
                           std::size_t offset) {
  Lock lock(runtime().mutex);
  if (offset + bytes > symbol_bytes) return fail(cudaErrorInvalidValue);
  drain_device(device());
  std::memcpy(static_cast<char*>(symbol) + offset, from, bytes);
  return cudaSuccess;
}

namespace {
cudaError_t allocate_on_device(void** memory, std::size_t bytes) {
  Device& owner = device();
  if (owner.sticky) return fail(owner.sticky);
  if (bytes > owner.spec.memory - owner.used) return fail(cudaErrorMemoryAllocation);
  void* p = nullptr;
  if (posix_memalign(&p, allocation_alignment, bytes ? bytes + gap_after : 1)) return fail(cudaErrorMemoryAllocation);
  make_fresh(p, bytes, config().poison);
  runtime().device_memory.add({static_cast<char*>(p), bytes, current_device(), false});
  owner.used += bytes;
  if (config().guard_device) forbid(p, bytes);
  *memory = p;
  return cudaSuccess;
}

void release_on_device(void* memory) {
  const Allocation a = *runtime().device_memory.starting_at(memory);
  allow(memory, a.bytes);
  runtime().devices[static_cast<std::size_t>(a.device)].used -= a.bytes;
  runtime().device_memory.remove(memory);
  std::free(memory);
}
}  // namespace
}  // namespace emu

using emu::fail;
using emu::runtime;

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  emu::Lock lock(runtime().mutex);
  if (const cudaError_t error = emu::forbid_in_capture()) return error;
  return emu::allocate_on_device(memory, bytes);
}

cudaError_t cudaFree(void* memory) {
  emu::Lock lock(runtime().mutex);
  if (const cudaError_t error = emu::forbid_in_capture()) return error;
  if (!memory) return cudaSuccess;
  for (emu::Device& each : runtime().devices) emu::drain_device(each);
  const emu::Allocation* a = runtime().device_memory.starting_at(memory);
  if (!a || a->free_pending) {
    return emu::refuse(cudaErrorInvalidValue, "cudaFree of something that is not a device allocation");
  }
  emu::release_on_device(memory);
  return fail(emu::device().sticky);
}

cudaError_t cudaMallocAsync(void** memory, std::size_t bytes, cudaStream_t stream) {
  emu::Lock lock(runtime().mutex);
  if (!emu::is_stream(stream)) return fail(cudaErrorInvalidResourceHandle);
  if (emu::resolve(stream)->capture) return emu::forbid_in_capture();
  return emu::allocate_on_device(memory, bytes);
}

cudaError_t cudaFreeAsync(void* memory, cudaStream_t stream) {
  emu::Lock lock(runtime().mutex);
  if (!memory) return cudaSuccess;
  emu::Allocation* a = runtime().device_memory.starting_at(memory);
  if (!a || a->free_pending) {
    return emu::refuse(cudaErrorInvalidValue, "cudaFreeAsync of something that is not a device allocation");
  }
  if (emu::is_stream(stream) && emu::resolve(stream)->capture) return emu::forbid_in_capture();
  a->free_pending = true;
  return emu::enqueue(stream, [memory] { emu::release_on_device(memory); });
}

cudaError_t cudaMallocHost(void** memory, std::size_t bytes, unsigned) {
  emu::Lock lock(runtime().mutex);
  *memory = std::malloc(bytes ? bytes : 1);
  if (!*memory) return fail(cudaErrorMemoryAllocation);
  runtime().pinned.add({static_cast<char*>(*memory), bytes, 0, false});
  return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** memory, std::size_t bytes, unsigned flags) {
  return cudaMallocHost(memory, bytes, flags);
}

cudaError_t cudaFreeHost(void* memory) {
  emu::Lock lock(runtime().mutex);
  if (!memory) return cudaSuccess;
  if (!runtime().pinned.starting_at(memory)) return fail(cudaErrorInvalidValue);
  for (emu::Device& each : runtime().devices) emu::drain_device(each);
  runtime().pinned.remove(memory);
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  emu::Lock lock(runtime().mutex);
  if (const cudaError_t error = emu::check_copy(to, from, bytes, kind)) return error;
  if (bytes == 0) return cudaSuccess;
  // As the GPU does: pageable memory is read during the call, pinned memory when the stream gets there. A
  // captured copy reads at every launch of its graph.
  const bool capturing = emu::is_stream(stream) && emu::resolve(stream)->capture;
  if (kind == cudaMemcpyHostToDevice && !capturing && !emu::range_in(runtime().pinned, from, bytes)) {
    const auto* first = static_cast<const char*>(from);
    return emu::enqueue(stream, [to, staged = std::vector<char>(first, first + bytes)] {
      emu::DeviceAccess access;
      std::memcpy(to, staged.data(), staged.size());
    });
  }
  return emu::enqueue(stream, [=] {
    emu::DeviceAccess access;
    std::memcpy(to, from, bytes);
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  emu::Lock lock(runtime().mutex);
  if (const cudaError_t error = emu::forbid_in_capture()) return error;
  if (const cudaError_t error = cudaMemcpyAsync(to, from, bytes, kind, nullptr)) return error;
  emu::drain(emu::device().null_stream.get());
  return fail(emu::device().sticky);
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  emu::Lock lock(runtime().mutex);
  if (!emu::range_good(memory, bytes, true)) {
    return emu::refuse(cudaErrorInvalidValue,
                       "cudaMemset of " + std::to_string(bytes) + " bytes: outside a device allocation");
  }
  return emu::enqueue(stream, [=] {
    emu::DeviceAccess access;
    std::memset(memory, value, bytes);
  });
}

cudaError_t cudaMemset(void* memory, int value, std::size_t bytes) {
  return cudaMemsetAsync(memory, value, bytes);
}
