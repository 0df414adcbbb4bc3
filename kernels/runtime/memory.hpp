#pragma once

#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/gpu.hpp"
#include "kernels/runtime/device.hpp"

// Device memory and page-locked host memory that are given back at the end of their scope.
namespace gmmvae {

/// Throws DeviceError for an allocation that failed: what was asked for, what is free, what to do.
[[noreturn]] inline void throw_out_of_memory(cudaError_t error, const char* kind, std::size_t bytes,
                                             const char* file, int line) {
  std::size_t free_bytes = 0;
  std::size_t total_bytes = 0;
  const bool known = cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess;
  cudaGetLastError();  // reported here, not again by the next check
  std::string text = std::string(file) + ":" + std::to_string(line) + ": " + std::to_string(bytes) +
                     " bytes of " + kind + " memory asked for: " + cudaGetErrorString(error) + " (" +
                     cudaGetErrorName(error) + ")";
  if (known)
    text += "; " + std::to_string(free_bytes) + " of " + std::to_string(total_bytes) +
            " bytes of the device are free";
  text +=
      "; train fewer models at once, use a smaller batch, end other programs on this device, or use --device "
      "cpu";
  throw DeviceError(text);
}

/// Whether the current device can allocate in the order of a stream. (Some virtual GPUs and old drivers
/// cannot.)
inline bool has_memory_pools() {
  int supported = 0;
  GPU_CHECK(cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, current_device()));
  return supported != 0;
}

/// `size()` elements on the device, uninitialised, allocated and freed in the order of one stream: whoever
/// uses it in another stream has to order the two by an event. Destroyed on the device it was made on, before
/// its stream is.
template <class T>
class DeviceArray {
  static_assert(std::is_trivially_copyable_v<T>, "device memory holds plain data");

 public:
  DeviceArray() = default;
  DeviceArray(std::size_t count, cudaStream_t stream, const char* file = __builtin_FILE(),
              int line = __builtin_LINE())
      : count_(count), stream_(stream), pooled_(has_memory_pools()) {
    if (count == 0) return;
    void* memory = nullptr;
    const cudaError_t error =
        pooled_ ? cudaMallocAsync(&memory, bytes(), stream) : cudaMalloc(&memory, bytes());
    if (error != cudaSuccess) throw_out_of_memory(error, "device", bytes(), file, line);
    data_ = static_cast<T*>(memory);
  }
  DeviceArray(DeviceArray&& other) noexcept { swap(other); }
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    DeviceArray old(std::move(*this));
    swap(other);
    return *this;
  }
  ~DeviceArray() {
    if (data_ == nullptr) return;
    if (pooled_) {
      cudaFreeAsync(data_, stream_);
    } else {
      cudaFree(data_);
    }
  }

  T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] std::size_t bytes() const { return count_ * sizeof(T); }
  [[nodiscard]] cudaStream_t stream() const { return stream_; }

  void fill_with_zeros() {
    if (count_ > 0) GPU_CHECK(cudaMemsetAsync(data_, 0, bytes(), stream_));
  }

 private:
  void swap(DeviceArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    std::swap(stream_, other.stream_);
    std::swap(pooled_, other.pooled_);
  }

  T* data_ = nullptr;
  std::size_t count_ = 0;
  cudaStream_t stream_ = nullptr;
  bool pooled_ = false;
};

/// Page-locked host memory: copies from and to it run beside the host. Value-initialised.
template <class T>
class PinnedArray {
  static_assert(std::is_trivially_copyable_v<T>, "it is copied to a device");

 public:
  PinnedArray() = default;
  explicit PinnedArray(std::size_t count, const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : count_(count) {
    if (count == 0) return;
    void* memory = nullptr;
    const cudaError_t error = cudaHostAlloc(&memory, count * sizeof(T), cudaHostAllocDefault);
    if (error != cudaSuccess) throw_out_of_memory(error, "page-locked host", count * sizeof(T), file, line);
    data_ = static_cast<T*>(memory);
    for (std::size_t i = 0; i < count; ++i) new (data_ + i) T{};
  }
  PinnedArray(PinnedArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), count_(std::exchange(other.count_, 0)) {}
  PinnedArray& operator=(PinnedArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(count_, other.count_);
    return *this;
  }
  ~PinnedArray() {
    if (data_ != nullptr) cudaFreeHost(data_);
  }

  T* data() { return data_; }
  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  [[nodiscard]] std::span<T> span() { return {data_, count_}; }
  [[nodiscard]] std::span<const T> span() const { return {data_, count_}; }

 private:
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

/// Copies in the order of a stream. Page-locked host memory must live until the stream has come past; of
/// other memory the runtime takes its copy before it returns (to the device) or waits (to the host).
template <class T>
inline void copy_to_device(T* device, std::span<const std::type_identity_t<T>> host, cudaStream_t stream) {
  if (!host.empty()) {
    GPU_CHECK(cudaMemcpyAsync(device, host.data(), host.size_bytes(), cudaMemcpyHostToDevice, stream));
  }
}
template <class T>
inline void copy_to_host(std::span<T> host, const T* device, cudaStream_t stream) {
  if (!host.empty()) {
    GPU_CHECK(cudaMemcpyAsync(host.data(), device, host.size_bytes(), cudaMemcpyDeviceToHost, stream));
  }
}

/// Host values on the device.
template <class T>
inline DeviceArray<T> to_device(std::span<const T> host, cudaStream_t stream,
                                const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  DeviceArray<T> device(host.size(), stream, file, line);
  copy_to_device(device.data(), host, stream);
  return device;
}
template <class T>
inline DeviceArray<T> to_device(const std::vector<T>& host, cudaStream_t stream,
                                const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return to_device(std::span<const T>(host), stream, file, line);
}

/// Device values on the host; waits for the stream.
template <class T>
inline std::vector<T> to_host(const DeviceArray<T>& device, cudaStream_t stream) {
  std::vector<T> host(device.size());
  copy_to_host(std::span<T>(host), device.data(), stream);
  GPU_CHECK(cudaStreamSynchronize(stream));
  return host;
}

}  // namespace gmmvae
