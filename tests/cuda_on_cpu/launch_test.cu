// launch(), its checks and shared memory, as kernels use them through gpu.hpp.
#include <gtest/gtest.h>

#include <vector>

#include "kernels/gpu.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"

namespace gmmvae {
namespace {

using test::Buffer;
class Launch : public test::EmulatorTest {};

struct TwoArrays {
  float* first;
  int* second;
  __host__ __device__ TwoArrays(SharedArena& arena, unsigned count)
      : first(arena.take<float>(count)), second(arena.take<int>(count)) {}
};

// out[i] is the value of the thread at the other end of the block plus its rank; `beyond` writes past the
// first array
__global__ void reverse(const float* in, float* out, unsigned beyond) {
  GPU_DYNAMIC_SHARED(buffer);
  SharedArena arena(buffer);
  const TwoArrays shared(arena, blockDim.x);
  shared.first[threadIdx.x + beyond] = in[threadIdx.x];
  shared.second[threadIdx.x] = static_cast<int>(threadIdx.x);
  __syncthreads();
  const unsigned other = blockDim.x - 1 - threadIdx.x;
  out[threadIdx.x] = shared.first[other] + static_cast<float>(shared.second[other]);
}

std::size_t bytes_of_reverse(unsigned count) {
  SharedArena arena;
  TwoArrays(arena, count);
  return arena.bytes();
}

TEST_F(Launch, ArenaCountsAsTheGpuLaysOut) {
  EXPECT_EQ(bytes_of_reverse(64), 512u);
  EXPECT_EQ(bytes_of_reverse(33), 144u + 132u);  // the second array starts at a multiple of 16
}

TEST_F(Launch, ExchangesThroughSharedMemory) {
  Buffer<float> in({10, 20, 30});
  Buffer<float> out({0, 0, 0});
  launch(reverse, 1, 3, bytes_of_reverse(3), nullptr, in.data(), out.data(), 0);
  EXPECT_EQ(out.host(), (std::vector<float>{32, 21, 10}));
}

TEST_F(Launch, RefusesMoreSharedMemoryThanTheDeviceHas) {
  emu::reset({emu::device_spec("sm_86")});
  Buffer<float> x({0});
  try {
    launch(reverse, 1, 1, 200000, nullptr, x.data(), x.data(), 0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("200000 bytes of shared memory"), std::string::npos)
        << error.what();
    EXPECT_NE(std::string(error.what()).find("may have 101376"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("launch_test.cu"), std::string::npos) << error.what();
  }
}

TEST_F(Launch, TellsWhenTheLayoutNeedsMoreThanTheLaunchGave) {
  Buffer<float> x(std::vector<float>(32));
  EXPECT_THROW(launch(reverse, 1, 32, bytes_of_reverse(32) - 4, nullptr, x.data(), x.data(), 0), Error);
  EXPECT_NE(emu::reports().find("ends at byte 256"), std::string::npos) << emu::reports();
}

}  // namespace
}  // namespace gmmvae
