#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "runtime_state.hpp"
#include "sanitizers.hpp"

namespace emu {
namespace {
thread_local cudaError_t last_error = cudaSuccess;
thread_local int device_of_thread = 0;
constexpr int registers = 65536;
constexpr std::size_t without_opt_in = 48 << 10;
constexpr std::size_t reserved_shared = 1 << 10;
constexpr int emulated_version = 12040;

Device make_device(const DeviceSpec& spec, int index) {
  Device device;
  device.spec = spec;
  device.null_stream = std::make_shared<Stream>();
  device.null_stream->device = index;
  return device;
}
}  // namespace

Runtime::Runtime() {
  for (const DeviceSpec& spec : config().devices) {
    devices.push_back(make_device(spec, static_cast<int>(devices.size())));
  }
}

Runtime& runtime() {
  static Runtime state;
  return state;
}

int current_device() {
  return device_of_thread;
}
Device& device() {
  return runtime().devices[static_cast<std::size_t>(device_of_thread)];
}

cudaError_t fail(cudaError_t error) {
  if (error != cudaSuccess) last_error = error;
  return error;
}

cudaError_t refuse(cudaError_t error, const std::string& sentence) {
  report(sentence);
  return fail(error);
}

void reset(std::vector<DeviceSpec> devices) {
  Lock lock(runtime().mutex);
  for (Device& each : runtime().devices) {
    drain_device(each);
    for (Stream* stream : each.streams) delete stream;
  }
  for (Event* event : std::exchange(runtime().events, {})) delete event;
  auto memory = std::move(runtime().device_memory.all);
  runtime().device_memory.all.clear();
  for (const Allocation& allocation : memory) {
    allow(allocation.first, allocation.bytes);
    std::free(allocation.first);
  }
  config().devices = std::move(devices);
  runtime().devices.clear();
  runtime().captures.clear();
  runtime().shared_limits.clear();
  for (const DeviceSpec& spec : config().devices) {
    runtime().devices.push_back(make_device(spec, static_cast<int>(runtime().devices.size())));
  }
  last_error = cudaSuccess;
  device_of_thread = 0;
  clear_reports();
}

}  // namespace emu

using emu::fail;
using emu::runtime;

cudaError_t cudaGetLastError() {
  return std::exchange(emu::last_error, cudaSuccess);
}
cudaError_t cudaPeekAtLastError() {
  return emu::last_error;
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorInvalidValue:
      return "cudaErrorInvalidValue";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorInsufficientDriver:
      return "cudaErrorInsufficientDriver";
    case cudaErrorInvalidDevice:
      return "cudaErrorInvalidDevice";
    case cudaErrorNoKernelImageForDevice:
      return "cudaErrorNoKernelImageForDevice";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    case cudaErrorInvalidResourceHandle:
      return "cudaErrorInvalidResourceHandle";
    case cudaErrorNotReady:
      return "cudaErrorNotReady";
    case cudaErrorIllegalAddress:
      return "cudaErrorIllegalAddress";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorStreamCaptureUnsupported:
      return "cudaErrorStreamCaptureUnsupported";
    case cudaErrorStreamCaptureInvalidated:
      return "cudaErrorStreamCaptureInvalidated";
    case cudaErrorStreamCaptureUnjoined:
      return "cudaErrorStreamCaptureUnjoined";
  }
  return "unrecognized error code";
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorInvalidValue:
      return "invalid argument";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorInsufficientDriver:
      return "CUDA driver version is insufficient for CUDA runtime version";
    case cudaErrorInvalidDevice:
      return "invalid device ordinal";
    case cudaErrorNoKernelImageForDevice:
      return "no kernel image is available for execution on the device";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    case cudaErrorInvalidResourceHandle:
      return "invalid resource handle";
    case cudaErrorNotReady:
      return "device not ready";
    case cudaErrorIllegalAddress:
      return "an illegal memory access was encountered";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    case cudaErrorStreamCaptureUnsupported:
      return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated:
      return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureUnjoined:
      return "capturing stream has unjoined work";
  }
  return "unrecognized error code";
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = static_cast<int>(runtime().devices.size());
  return *count ? cudaSuccess : fail(cudaErrorNoDevice);
}

cudaError_t cudaSetDevice(int index) {
  if (index < 0 || index >= static_cast<int>(runtime().devices.size())) return fail(cudaErrorInvalidDevice);
  emu::device_of_thread = index;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* index) {
  *index = emu::device_of_thread;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int index) {
  if (index < 0 || index >= static_cast<int>(runtime().devices.size())) return fail(cudaErrorInvalidDevice);
  const emu::DeviceSpec& spec = runtime().devices[static_cast<std::size_t>(index)].spec;
  *p = {};
  std::strncpy(p->name, spec.name.c_str(), sizeof p->name - 1);
  p->totalGlobalMem = spec.memory;
  p->sharedMemPerBlock = emu::without_opt_in;
  p->sharedMemPerBlockOptin = spec.shared_per_block;
  p->sharedMemPerMultiprocessor = spec.shared_per_multiprocessor;
  p->reservedSharedMemPerBlock = emu::reserved_shared;
  p->major = spec.major;
  p->minor = spec.minor;
  p->multiProcessorCount = spec.multiprocessors;
  p->warpSize = warpSize;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsPerMultiProcessor = spec.threads_per_multiprocessor;
  p->regsPerBlock = p->regsPerMultiprocessor = emu::registers;
  p->l2CacheSize = 50 << 20;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int index) {
  cudaDeviceProp p;
  if (const cudaError_t error = cudaGetDeviceProperties(&p, index)) return error;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
      *value = p.maxThreadsPerBlock;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
      *value = static_cast<int>(p.sharedMemPerBlock);
      break;
    case cudaDevAttrWarpSize:
      *value = p.warpSize;
      break;
    case cudaDevAttrMaxRegistersPerBlock:
      *value = p.regsPerBlock;
      break;
    case cudaDevAttrMultiProcessorCount:
      *value = p.multiProcessorCount;
      break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
      *value = p.maxThreadsPerMultiProcessor;
      break;
    case cudaDevAttrComputeCapabilityMajor:
      *value = p.major;
      break;
    case cudaDevAttrComputeCapabilityMinor:
      *value = p.minor;
      break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
      *value = static_cast<int>(p.sharedMemPerMultiprocessor);
      break;
    case cudaDevAttrMaxRegistersPerMultiprocessor:
      *value = p.regsPerMultiprocessor;
      break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(p.sharedMemPerBlockOptin);
      break;
    case cudaDevAttrReservedSharedMemoryPerBlock:
      *value = static_cast<int>(p.reservedSharedMemPerBlock);
      break;
    case cudaDevAttrMemoryPoolsSupported:
      *value = 1;
      break;
    default:
      return fail(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  emu::Lock lock(runtime().mutex);
  if (const cudaError_t error = emu::forbid_in_capture()) return error;
  emu::drain_device(emu::device());
  return fail(emu::device().sticky);
}

cudaError_t cudaDeviceReset() {
  emu::Lock lock(runtime().mutex);
  emu::drain_device(emu::device());
  emu::device().sticky = emu::last_error = cudaSuccess;
  return cudaSuccess;
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  emu::Lock lock(runtime().mutex);
  *total_bytes = emu::device().spec.memory;
  *free_bytes = *total_bytes - emu::device().used;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = emu::emulated_version;
  return cudaSuccess;
}
cudaError_t cudaDriverGetVersion(int* version) {
  return cudaRuntimeGetVersion(version);
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int threads,
                                                          std::size_t dynamic_shared) {
  const emu::DeviceSpec& spec = emu::device().spec;
  if (threads < 1 || threads > 1024) return fail(cudaErrorInvalidValue);
  // registers are unknown here: what shared memory and threads allow, at most 32 blocks
  const std::size_t by_shared = spec.shared_per_multiprocessor / (dynamic_shared + emu::reserved_shared);
  *blocks = std::min(
      {static_cast<int>(by_shared), spec.threads_per_multiprocessor / ((threads + 31) / 32 * 32), 32});
  if (dynamic_shared > spec.shared_per_block) *blocks = 0;
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void* kernel) {
  const emu::DeviceSpec& spec = emu::device().spec;
  if (attributes == nullptr || kernel == nullptr) return fail(cudaErrorInvalidValue);
  if (10 * spec.major + spec.minor < 75) return fail(cudaErrorNoKernelImageForDevice);
  *attributes = {};
  attributes->binaryVersion = 10 * spec.major + spec.minor;
  attributes->maxThreadsPerBlock = 1024;
  return cudaSuccess;
}
