#pragma once

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/matrix.hpp"
#include "kernels/runtime/memory.hpp"

namespace gmmvae::cuda {

/// Points [count][dim] on the device as [dim][count], so that neighbouring threads read neighbouring numbers.
class DevicePoints {
 public:
  DevicePoints(MatrixView<float> x, cudaStream_t stream) : count_(to_int(x.rows)), dim_(to_int(x.cols)) {
    std::vector<float> turned(x.size());
    for (std::size_t i = 0; i < x.rows; ++i)
      for (std::size_t d = 0; d < x.cols; ++d) turned[d * x.rows + i] = x(i, d);
    values_ = to_device(turned, stream);
  }
  [[nodiscard]] const float* data() const { return values_.data(); }
  [[nodiscard]] int count() const { return count_; }
  [[nodiscard]] int dim() const { return dim_; }

  static int to_int(std::size_t count) {
    if (count <= static_cast<std::size_t>(std::numeric_limits<int>::max())) return static_cast<int>(count);
    throw DataError(std::to_string(count) + " rows or columns; a device takes 2147483647 at most");
  }

 private:
  int count_;
  int dim_;
  DeviceArray<float> values_;
};

/// Appends device values to a host vector; waits for the stream.
template <class T>
void append_to(std::vector<T>& host, const DeviceArray<T>& device, std::size_t count, cudaStream_t stream) {
  const std::size_t before = host.size();
  host.resize(before + count);
  copy_to_host(std::span<T>(host).subspan(before), device.data(), stream);
  GPU_CHECK(cudaStreamSynchronize(stream));
}

}  // namespace gmmvae::cuda
