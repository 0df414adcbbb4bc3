// What gpu.hpp and the block functions offer, as nvcc compiles it: launches, shared memory, the instructions
// and twins.
#include "kernels/runtime/device.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/runtime/stream.hpp"
#include "tests/cuda_on_cpu/mma_kernels.cuh"

namespace gmmvae::test {

// out[i] = in[i] of the opposite lane, through an arena, a static array and a gather
__global__ void touch_everything(const float* in, float* out) {
  GPU_DYNAMIC_SHARED(buffer);
  SharedArena arena(buffer);
  float* values = arena.take<float>(32);
  GPU_SHARED(int, partner, [32]);
  values[threadIdx.x] = in[threadIdx.x];
  partner[threadIdx.x] = static_cast<int>(31 - lane_id());
  __syncthreads();
  float all[32];
  warp_gather(values[partner[threadIdx.x]], all);
  float sum = 0;
#pragma unroll
  for (int i = 0; i < 32; ++i) sum += all[i];
  out[threadIdx.x] = sum;
}

void launch_all(const std::uint32_t* words, const float* in, float* out, std::uint32_t* converted,
                cudaStream_t stream) {
  SharedArena arena;
  arena.take<float>(32);
  launch(touch_everything, 1, 32, arena.bytes(), stream, in, out);
  launch(multiply, dim3(1), 32, 0, stream, words, words, out, true);
  launch(convert, 1, 32, 0, stream, in, converted);
}

std::vector<float> replay(const std::vector<float>& in, int device) {
  const DeviceScope scope(device);
  const Stream stream;
  DeviceArray<float> values = to_device(in, stream.get());
  const Graph graph = Graph::capture(stream.get(), [&](cudaStream_t recording) {
    launch(touch_everything, 1, 32, 32 * sizeof(float), recording, values.data(), values.data());
  });
  graph.launch(stream.get());
  Event done(Event::Timing::on);
  done.record(stream.get());
  done.wait();
  PinnedArray<float> out(in.size());
  copy_to_host(out.span(), values.data(), stream.get());
  return to_host(values, stream.get());
}

}  // namespace gmmvae::test
