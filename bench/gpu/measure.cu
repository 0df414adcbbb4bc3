// What the layouts of the kernels rest on, measured on the current device: cost of LDS.128 with and without
// paired lanes, rate of mma m16n8k8 TF32, the clock under load, the bandwidth of a copy. Prints one JSON
// object.

#include <algorithm>
#include <cstdio>
#include <vector>

#include "kernels/block/mma.cuh"
#include "kernels/runtime/device.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/runtime/stream.hpp"

namespace gmmvae {
namespace {

constexpr int load_threads = 256;
constexpr int loads_a_round = 8;
constexpr int rounds = 2000;

/// Clocks that a block took for `rounds` times `loads_a_round` LDS.128 in each thread. Lane i reads 16 bytes
/// at i / lanes_together; the address moves on with what was read (always 0), so that no load can be left
/// out.
__global__ void __launch_bounds__(load_threads)
    load_shared(int lanes_together, long long* clocks, float* out) {
  GPU_SHARED(float4, values, [512]);
  for (int i = static_cast<int>(threadIdx.x); i < 512; i += load_threads) values[i] = make_float4(0, 0, 0, 0);
  __syncthreads();
  int at = static_cast<int>(lane_id()) / lanes_together;
  float sum = 0;
  const long long start = clock64();
  for (int r = 0; r < rounds; ++r) {
#pragma unroll
    for (int i = 0; i < loads_a_round; ++i) {
      const float4 v = values[at + 32 * i];
      sum += (v.x + v.y) + (v.z + v.w);
    }
    at += static_cast<int>(sum);
  }
  __syncthreads();
  if (threadIdx.x == 0) clocks[blockIdx.x] = clock64() - start;
  out[blockIdx.x * load_threads + threadIdx.x] = sum;
}

constexpr int mma_threads = 256;
constexpr int mma_chains = 8;

__global__ void __launch_bounds__(mma_threads) multiply(int count, float* out) {
  float c[mma_chains][4] = {};
  const std::uint32_t a[4] = {to_tf32(1.0f), to_tf32(0.5f), to_tf32(0.25f), to_tf32(2.0f)};
  const std::uint32_t b[2] = {to_tf32(static_cast<float>(lane_id())), to_tf32(0.125f)};
  for (int i = 0; i < count; ++i) {
#pragma unroll
    for (int chain = 0; chain < mma_chains; ++chain) mma_tf32(c[chain], a, b);
  }
  float sum = 0;
#pragma unroll
  for (int chain = 0; chain < mma_chains; ++chain)
    sum += c[chain][0] + c[chain][1] + c[chain][2] + c[chain][3];
  out[blockIdx.x * mma_threads + threadIdx.x] = sum;
}

__global__ void __launch_bounds__(256) multiply_add(int count, long long* clocks, float* out) {
  float x[16];
#pragma unroll
  for (int i = 0; i < 16; ++i) x[i] = static_cast<float>(threadIdx.x + i);
  const float factor = 1.0f - 1e-6f * static_cast<float>(count);
  const long long start = clock64();
  for (int n = 0; n < count; ++n) {
#pragma unroll
    for (int i = 0; i < 16; ++i) x[i] = x[i] * factor + 0.5f;
  }
  if (threadIdx.x == 0) clocks[blockIdx.x] = clock64() - start;
  float sum = 0;
#pragma unroll
  for (int i = 0; i < 16; ++i) sum += x[i];
  out[blockIdx.x * 256 + threadIdx.x] = sum;
}

/// Seconds of device time that `work` takes, the best of five after one to warm up.
template <class Work>
double seconds(const Stream& stream, Work work) {
  double best = 1e30;
  for (int i = 0; i < 6; ++i) {
    Event start(Event::Timing::on);
    Event end(Event::Timing::on);
    start.record(stream.get());
    work();
    end.record(stream.get());
    end.wait();
    if (i > 0) best = std::min(best, end.seconds_since(start));
  }
  return best;
}

double clocks_a_warp_load(const Stream& stream, int lanes_together) {
  DeviceArray<long long> clocks(1, stream.get());
  DeviceArray<float> out(load_threads, stream.get());
  for (int i = 0; i < 2; ++i)
    launch(load_shared, 1, load_threads, 0, stream.get(), lanes_together, clocks.data(), out.data());
  const double loads = static_cast<double>(load_threads) / 32 * rounds * loads_a_round;
  return static_cast<double>(to_host(clocks, stream.get())[0]) / loads;
}

void measure() {
  const DeviceProperties device = device_properties(current_device());
  const Stream stream;
  const auto blocks = static_cast<std::size_t>(4 * device.multiprocessors);
  DeviceArray<float> out(blocks * 256, stream.get());
  DeviceArray<long long> clocks(blocks, stream.get());

  const double unpaired = clocks_a_warp_load(stream, 1);
  const double paired = clocks_a_warp_load(stream, 2);

  constexpr int products = 20000;
  const double mma_seconds =
      seconds(stream, [&] { launch(multiply, blocks, mma_threads, 0, stream.get(), products, out.data()); });
  const double mma_flops = 2.0 * 16 * 8 * 8 * mma_chains * products * static_cast<double>(blocks) *
                           (mma_threads / 32.0) / mma_seconds;

  constexpr int steps = 200000;
  double fma_seconds = 0;
  for (double total = 0; total < 1.0; total += fma_seconds) {  // long enough for the clock to settle
    fma_seconds = seconds(stream, [&] {
      launch(multiply_add, blocks, 256, 0, stream.get(), steps, clocks.data(), out.data());
    });
  }
  const double fma_flops = 2.0 * 16 * steps * static_cast<double>(blocks) * 256 / fma_seconds;
  // all blocks run at once, so each is there for the whole launch
  const std::vector<long long> all = to_host(clocks, stream.get());
  const double megahertz =
      1e-6 * static_cast<double>(*std::max_element(all.begin(), all.end())) / fma_seconds;

  const std::size_t bytes = std::size_t{1} << 30;
  const DeviceArray<unsigned char> from(bytes, stream.get());
  DeviceArray<unsigned char> to(bytes, stream.get());
  const double copy_seconds = seconds(stream, [&] {
    GPU_CHECK(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, stream.get()));
  });
  std::printf(
      "{\"device\": \"%s\", \"sm\": %d%d, \"multiprocessors\": %d, \"shared_per_block\": %zu, "
      "\"clocks_per_lds128_unpaired\": %.3f, \"clocks_per_lds128_paired\": %.3f, \"mma_tf32_tflops\": %.1f, "
      "\"fp32_tflops\": %.1f, \"clock_mhz\": %.0f, \"copy_gb_per_s\": %.0f}\n",
      device.name.c_str(), device.major, device.minor, device.multiprocessors, device.shared_per_block,
      unpaired, paired, 1e-12 * mma_flops, 1e-12 * fma_flops, megahertz,
      2e-9 * static_cast<double>(bytes) / copy_seconds);
}

}  // namespace
}  // namespace gmmvae

int main() {
  try {
    gmmvae::measure();
  } catch (const gmmvae::Error& error) {
    std::fprintf(stderr, "gpu_measure: %s\n", error.what());
    return static_cast<int>(error.code());
  }
  return 0;
}
