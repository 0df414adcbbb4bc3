// Devices, memory, streams, events, graphs and errors of the emulated runtime.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cuda_on_cpu/test_device.hpp"

namespace gmmvae {
namespace {

using test::Buffer;
class Runtime : public test::EmulatorTest {};

__global__ void add(int* x, int value) {
  x[threadIdx.x] = 2 * x[threadIdx.x] + value;
}
__global__ void never_ends_well(int*) {
  __trap();
}

cudaStream_t new_stream() {
  cudaStream_t stream = nullptr;
  GPU_CHECK(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  return stream;
}

TEST_F(Runtime, DevicesAreAsConfigured) {
  emu::reset({emu::device_spec("sm_90"), emu::device_spec("sm_75")});
  int count = 0;
  GPU_CHECK(cudaGetDeviceCount(&count));
  EXPECT_EQ(count, 2);
  EXPECT_EQ(shared_limit(), 232448u);
  GPU_CHECK(cudaSetDevice(1));
  EXPECT_EQ(shared_limit(), 65536u);
  EXPECT_EQ(cudaSetDevice(2), cudaErrorInvalidDevice);
}

TEST_F(Runtime, NoDeviceIsAnError) {
  emu::reset({});
  int count = -1;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaErrorNoDevice);
  EXPECT_EQ(count, 0);
}

TEST_F(Runtime, MemoryOfAnotherDeviceIsRefused) {
  emu::reset({emu::device_spec("sm_90"), emu::device_spec("sm_90")});
  Buffer<int> x({1});
  GPU_CHECK(cudaSetDevice(1));
  EXPECT_THROW(launch(add, 1, 1, 0, nullptr, x.data(), 1), Error);
  EXPECT_TRUE(reported("no memory of this device"));
}

TEST_F(Runtime, OutOfMemorySaysHowMuchIsFree) {
  emu::DeviceSpec small = emu::device_spec("sm_90");
  small.memory = 1000;
  emu::reset({small});
  void* first = nullptr;
  void* second = nullptr;
  GPU_CHECK(cudaMalloc(&first, 900));
  try {
    GPU_CHECK(cudaMalloc(&second, 101));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("100 of 1000 bytes are free"), std::string::npos)
        << error.what();
  }
  GPU_CHECK(cudaFree(first));
  GPU_CHECK(cudaMalloc(&second, 1000));
}

TEST_F(Runtime, AKernelErrorSticksToItsDevice) {
  Buffer<int> x({1});
  EXPECT_THROW(launch(never_ends_well, 1, 1, 0, nullptr, x.data()), Error);
  EXPECT_EQ(cudaDeviceSynchronize(), cudaErrorLaunchFailure);
  EXPECT_THROW(launch(add, 1, 1, 0, nullptr, x.data(), 1), Error);
  GPU_CHECK(cudaDeviceReset());
  launch(add, 1, 1, 0, nullptr, x.data(), 1);
  EXPECT_EQ(x.host(), std::vector<int>{3});
}

TEST_F(Runtime, LazyStreamsRunInOrderAndOnlyWhenWaitedFor) {
  emu::config().lazy_streams = true;
  Buffer<int> x({1});
  const cudaStream_t stream = new_stream();
  launch(add, 1, 1, 0, stream, x.data(), 1);   // 3
  launch(add, 1, 1, 0, stream, x.data(), 10);  // 16
  EXPECT_EQ(cudaStreamQuery(stream), cudaErrorNotReady);
  GPU_CHECK(cudaStreamSynchronize(stream));
  EXPECT_EQ(x.host(), std::vector<int>{16});
  GPU_CHECK(cudaStreamDestroy(stream));
}

TEST_F(Runtime, AnEventHoldsAnotherStreamBackToItsRecording) {
  emu::config().lazy_streams = true;
  Buffer<int> x({1});
  const cudaStream_t producer = new_stream(), consumer = new_stream();
  cudaEvent_t event = nullptr;
  GPU_CHECK(cudaEventCreate(&event));
  launch(add, 1, 1, 0, producer, x.data(), 1);  // 3
  GPU_CHECK(cudaEventRecord(event, producer));
  GPU_CHECK(cudaStreamWaitEvent(consumer, event));
  launch(add, 1, 1, 0, consumer, x.data(), 0);  // 6
  launch(add, 1, 1, 0, producer, x.data(), 5);  // after the event: not waited for
  GPU_CHECK(cudaStreamSynchronize(consumer));
  int seen = 0;
  GPU_CHECK(cudaMemcpyAsync(&seen, x.data(), sizeof seen, cudaMemcpyDeviceToHost, consumer));
  GPU_CHECK(cudaStreamSynchronize(consumer));
  EXPECT_EQ(seen, 6);
  EXPECT_EQ(cudaStreamQuery(producer), cudaErrorNotReady);
  GPU_CHECK(cudaDeviceSynchronize());
  EXPECT_EQ(x.host(), std::vector<int>{17});
  GPU_CHECK(cudaEventDestroy(event));
}

TEST_F(Runtime, AGraphReplaysWhatWasCaptured) {
  Buffer<int> x({1});
  const cudaStream_t stream = new_stream(), side = new_stream();
  cudaEvent_t fork = nullptr, join = nullptr;
  GPU_CHECK(cudaEventCreate(&fork));
  GPU_CHECK(cudaEventCreate(&join));
  GPU_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  launch(add, 1, 1, 0, stream, x.data(), 1);
  GPU_CHECK(cudaEventRecord(fork, stream));
  GPU_CHECK(cudaStreamWaitEvent(side, fork));
  launch(add, 1, 1, 0, side, x.data(), 2);
  GPU_CHECK(cudaEventRecord(join, side));
  GPU_CHECK(cudaStreamWaitEvent(stream, join));
  cudaGraph_t graph = nullptr;
  GPU_CHECK(cudaStreamEndCapture(stream, &graph));
  EXPECT_EQ(x.host(), std::vector<int>{1}) << "capturing runs nothing";
  cudaGraphExec_t executable = nullptr;
  GPU_CHECK(cudaGraphInstantiate(&executable, graph, 0));
  GPU_CHECK(cudaGraphDestroy(graph));
  GPU_CHECK(cudaGraphLaunch(executable, stream));  // 3, 8
  GPU_CHECK(cudaGraphLaunch(executable, stream));  // 17, 36
  GPU_CHECK(cudaStreamSynchronize(stream));
  EXPECT_EQ(x.host(), std::vector<int>{36});
  GPU_CHECK(cudaGraphExecDestroy(executable));
}

TEST_F(Runtime, WaitingOrAllocatingSpoilsACapture) {
  const cudaStream_t stream = new_stream();
  cudaGraph_t graph = nullptr;
  int* p = nullptr;
  GPU_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  EXPECT_EQ(cudaMalloc(&p, 4), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureInvalidated);
}

TEST_F(Runtime, AForkedStreamMustBeJoined) {
  Buffer<int> x({1});
  const cudaStream_t stream = new_stream(), side = new_stream();
  cudaEvent_t fork = nullptr;
  cudaGraph_t graph = nullptr;
  GPU_CHECK(cudaEventCreate(&fork));
  GPU_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
  GPU_CHECK(cudaEventRecord(fork, stream));
  GPU_CHECK(cudaStreamWaitEvent(side, fork));
  launch(add, 1, 1, 0, side, x.data(), 2);
  EXPECT_EQ(cudaStreamEndCapture(stream, &graph), cudaErrorStreamCaptureUnjoined);
}

TEST_F(Runtime, StreamOrderedMemoryMayNotBeUsedAfterItsFree) {
  emu::config().lazy_streams = true;
  const cudaStream_t stream = new_stream();
  int* p = nullptr;
  GPU_CHECK(cudaMallocAsync(&p, sizeof(int), stream));
  launch(add, 1, 1, 0, stream, p, 1);
  GPU_CHECK(cudaFreeAsync(p, stream));
  EXPECT_THROW(launch(add, 1, 1, 0, stream, p, 1), Error);
  GPU_CHECK(cudaStreamSynchronize(stream));
  std::size_t free_bytes = 0, total = 0;
  GPU_CHECK(cudaMemGetInfo(&free_bytes, &total));
  EXPECT_EQ(free_bytes, total);
}

TEST_F(Runtime, PageableMemoryIsReadAtTheCallAndPinnedMemoryLater) {
  emu::config().lazy_streams = true;
  const cudaStream_t stream = new_stream();
  Buffer<int> x({0, 0});
  int pageable = 1;
  int* pinned = nullptr;
  GPU_CHECK(cudaMallocHost(&pinned, sizeof(int)));
  *pinned = 1;
  GPU_CHECK(cudaMemcpyAsync(x.data(), &pageable, sizeof(int), cudaMemcpyHostToDevice, stream));
  GPU_CHECK(cudaMemcpyAsync(x.data() + 1, pinned, sizeof(int), cudaMemcpyHostToDevice, stream));
  pageable = *pinned = 2;
  GPU_CHECK(cudaStreamSynchronize(stream));
  EXPECT_EQ(x.host(), (std::vector<int>{1, 2}));
  GPU_CHECK(cudaFreeHost(pinned));
}

TEST_F(Runtime, OccupancyFollowsSharedMemoryAndThreads) {
  int blocks = 0;
  GPU_CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add, 256, 113 << 10));
  EXPECT_EQ(blocks, 2);
  GPU_CHECK(cudaOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, add, 1024, 0));
  EXPECT_EQ(blocks, 2);
}

}  // namespace
}  // namespace gmmvae
