// Memory, streams, events and graphs that clean up after themselves, and what their errors say.
#include <gtest/gtest.h>

#include <numeric>
#include <string>
#include <vector>

#include "kernels/runtime/device.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/runtime/stream.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"

namespace gmmvae {
namespace {

class Owners : public test::EmulatorTest {
 protected:
  static std::size_t free_bytes() {
    std::size_t free = 0;
    std::size_t total = 0;
    GPU_CHECK(cudaMemGetInfo(&free, &total));
    return free;
  }
};

__global__ void add_one(float* x) {
  x[threadIdx.x] += 1.0f;
}

TEST_F(Owners, DeviceMemoryComesAndGoes) {
  const std::size_t before = free_bytes();
  const Stream stream;
  {
    DeviceArray<float> first(100, stream.get());
    EXPECT_LE(free_bytes(), before - 400);
    DeviceArray<float> second = std::move(first);
    EXPECT_EQ(first.data(), nullptr);
    EXPECT_EQ(second.size(), 100U);
    second = DeviceArray<float>(7, stream.get());
    EXPECT_EQ(second.bytes(), 28U);
    EXPECT_EQ(DeviceArray<float>(0, stream.get()).data(), nullptr);
  }
  stream.synchronize();
  EXPECT_EQ(free_bytes(), before);
}

TEST_F(Owners, CopiesThereAndBackInTheOrderOfTheStream) {
  const Stream stream;
  std::vector<float> values(64);
  std::iota(values.begin(), values.end(), 0.0f);
  DeviceArray<float> device = to_device(values, stream.get());
  launch(add_one, 1, 64, 0, stream.get(), device.data());
  PinnedArray<float> pinned(64);
  EXPECT_EQ(pinned[63], 0.0f);
  copy_to_host(pinned.span(), device.data(), stream.get());
  for (float& v : values) v += 1.0f;
  EXPECT_EQ(to_host(device, stream.get()), values);
  EXPECT_EQ(std::vector<float>(pinned.data(), pinned.data() + pinned.size()), values);
  device.fill_with_zeros();
  EXPECT_EQ(to_host(device, stream.get()), std::vector<float>(64));
}

TEST_F(Owners, OutOfMemorySaysWhatWasAskedWhatIsFreeAndWhatToDo) {
  emu::DeviceSpec small = emu::device_spec("sm_90");
  small.memory = 1000;
  emu::reset({small});
  try {
    DeviceArray<double> array(1000, nullptr);
    FAIL() << "there is not so much";
  } catch (const DeviceError& error) {
    const std::string text = error.what();
    for (const char* part :
         {"owners_test.cu:", "8000 bytes of device memory", "1000 of 1000 bytes", "--device cpu"})
      EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
  }
}

TEST_F(Owners, EventsOrderStreams) {
  emu::config().lazy_streams = true;
  const Stream producer;
  const Stream consumer;
  DeviceArray<float> x(1, producer.get());
  x.fill_with_zeros();
  launch(add_one, 1, 1, 0, producer.get(), x.data());
  Event produced;
  produced.record(producer.get());
  EXPECT_FALSE(produced.done());
  consumer.wait_for(produced);
  launch(add_one, 1, 1, 0, consumer.get(), x.data());
  consumer.synchronize();
  EXPECT_TRUE(produced.done());
  EXPECT_EQ(to_host(x, consumer.get())[0], 2.0f);
}

TEST_F(Owners, TimedEventsMeasure) {
  const Stream stream;
  Event start(Event::Timing::on);
  Event end(Event::Timing::on);
  start.record(stream.get());
  end.record(stream.get());
  end.wait();
  EXPECT_GE(end.seconds_since(start), 0.0);
}

TEST_F(Owners, AGraphRepeatsWhatWasRecorded) {
  const Stream stream;
  DeviceArray<float> x(4, stream.get());
  x.fill_with_zeros();
  const Graph graph = Graph::capture(stream.get(), [&](cudaStream_t recording) {
    for (int i = 0; i < 3; ++i) launch(add_one, 1, 4, 0, recording, x.data());
  });
  EXPECT_EQ(to_host(x, stream.get())[0], 0.0f) << "recording runs nothing";
  graph.launch(stream.get());
  graph.launch(stream.get());
  EXPECT_EQ(to_host(x, stream.get()), std::vector<float>(4, 6.0f));
}

TEST_F(Owners, ARecordingThatFailsLeavesTheStreamUsable) {
  const Stream stream;
  EXPECT_THROW((void)Graph::capture(stream.get(), [](cudaStream_t) { throw UsageError("no"); }), UsageError);
  DeviceArray<float> x(1, stream.get());
  x.fill_with_zeros();
  EXPECT_EQ(to_host(x, stream.get())[0], 0.0f);
}

TEST_F(Owners, PropertiesAndScopesFollowTheDevice) {
  emu::reset({emu::device_spec("sm_90"), emu::device_spec("sm_75")});
  EXPECT_EQ(device_properties(0).shared_per_block, 232448U);
  EXPECT_EQ(device_properties(1).major, 7);
  EXPECT_EQ(device_properties(1).shared_per_block, 65536U);
  {
    const DeviceScope scope(1);
    EXPECT_EQ(current_device(), 1);
  }
  EXPECT_EQ(current_device(), 0);
  EXPECT_THROW((void)device_properties(2), DeviceError);
  EXPECT_THROW(DeviceScope(2), DeviceError);
}

}  // namespace
}  // namespace gmmvae
