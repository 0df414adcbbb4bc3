#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "config.hpp"
#include "kernels/gpu.hpp"

namespace gmmvae::test {

/// Device memory for a test, copied in and out whole.
template <class T>
class Buffer {
 public:
  explicit Buffer(const std::vector<T>& values) : size_(values.size()) {
    GPU_CHECK(cudaMalloc(&data_, size_ * sizeof(T)));
    GPU_CHECK(cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice));
  }
  ~Buffer() { cudaFree(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* data() { return data_; }
  std::vector<T> host() const {
    std::vector<T> values(size_);
    GPU_CHECK(cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost));
    return values;
  }

 private:
  T* data_ = nullptr;
  std::size_t size_;
};

/// Leaves the emulator as a test found it.
class EmulatorTest : public testing::Test {
 protected:
  void SetUp() override {
    before_ = emu::config();
    emu::config().quiet = true;
    emu::clear_reports();
  }
  void TearDown() override {
    emu::config() = before_;
    emu::reset();
  }
  static bool reported(const std::string& words) { return emu::reports().find(words) != std::string::npos; }
  /// Runs `check` with the threads in ascending, descending and three random orders.
  template <class Check>
  void in_every_order(Check check) {
    for (emu::Order order : {emu::Order::forward, emu::Order::reverse}) {
      emu::config().order = order;
      check();
    }
    emu::config().order = emu::Order::random;
    for (emu::config().seed = 1; emu::config().seed <= 3; ++emu::config().seed) check();
  }

 private:
  emu::Config before_;
};

}  // namespace gmmvae::test
