// planted BUG ORDER: runs one planted bug. ORDER is forward, reverse, random or lazy. Exit code 0: nothing
// was noticed; 10: the result is wrong; 11: a CUDA error; anything else: the sanitizer's. A plain main,
// because GoogleTest is not instrumented for MemorySanitizer.
#include <cstdio>
#include <cstring>
#include <vector>

#include "planted_kernels.hpp"

using gmmvae::launch;

namespace {

constexpr int unnoticed = 0;
constexpr int wrong_result = 10;
constexpr int cuda_error = 11;
constexpr int unknown_bug = 12;
constexpr int n = planted::threads;

float* device_floats(int count) {
  float* p = nullptr;
  GPU_CHECK(cudaMalloc(&p, count * sizeof(float)));
  return p;
}

// What the host does wrong, or a kernel with more than the output as argument. True where `name` is known.
struct Case {
  float* out = device_floats(n);
  float* in = device_floats(4 * n);
  int* counts = reinterpret_cast<int*>(device_floats(n));
  cudaStream_t stream = nullptr;
  std::vector<float> host = std::vector<float>(4 * n, 1.f);
  bool wrong = false;

  Case() {
    GPU_CHECK(cudaMemcpy(in, host.data(), 4 * n * sizeof(float), cudaMemcpyHostToDevice));
    GPU_CHECK(cudaMemset(counts, 0, n * sizeof(int)));
    GPU_CHECK(cudaMemset(out, 0, n * sizeof(float)));
  }

  bool kernel(const char* name) {
    using namespace planted;
    const auto is = [name](const char* other) { return std::strcmp(name, other) == 0; };
#define PLANTED(bug, blocks, shared, ...) \
  if (is(#bug)) return launch(bug, blocks, n, shared, stream, __VA_ARGS__), true;
    PLANTED(oob_global_write, 2, 0, out, n)
    PLANTED(oob_shared, 1, 0, out)
    PLANTED(oob_shared_ptr, 1, 0, out, 1)
    PLANTED(oob_plain_shared_ptr, 1, 0, out, 1)
    PLANTED(oob_dynamic, 1, n * 4, out, 1)
    PLANTED(oob_sub_array, 1, n * 8, out, 1)
    PLANTED(oob_row, 1, 0, out, 2)
    PLANTED(oob_stack, 1, 0, out, 4)
    PLANTED(int_overflow, 1, 0, out, 1 << 27)
    PLANTED(uninit_shared, 1, 0, out)
    PLANTED(missing_sync_raw, 1, 0, out)
    PLANTED(missing_sync_next, 1, 0, out)
    PLANTED(missing_sync_war, 1, 0, out)
    PLANTED(missing_syncwarp, 1, 0, out)
    PLANTED(ok_syncwarp, 1, 0, out)
    PLANTED(nonatomic_shared, 1, 0, out)
    PLANTED(nonatomic_global, 2, 0, out, counts)
    PLANTED(same_write, 2, 0, out, counts)
    PLANTED(ok_atomic, 1, 0, out, counts)
    PLANTED(barrier_in_if, 1, 0, out)
    PLANTED(barrier_two_places, 1, 0, out)
    PLANTED(barrier_count, 1, 0, out)
    PLANTED(shfl_divergent, 1, 0, out)
    PLANTED(shfl_dead_lane, 1, 0, out)
    PLANTED(shfl_wrong_mask, 1, 0, out)
#undef PLANTED
    if (is("ok_sub_array")) return launch(oob_sub_array, 1, n, n * 8, stream, out, 0), true;
    if (is("shfl_lanes_not_there")) return launch(shfl_lanes_not_there, 1, 40, 0, stream, out), true;
    if (is("oob_global_read"))
      return launch(oob_global_read, 1, n, 0, stream, device_floats(n), out, n), true;
    if (is("uninit_global")) return launch(uninit_global, 1, n, 0, stream, device_floats(n), out), true;
    if (is("misaligned")) {
      launch(misaligned, 1, n - 1, 0, stream, in, reinterpret_cast<float4*>(device_floats(4 * n)), 1);
      return true;
    }
    return false;
  }

  bool host_bug(const char* name) {
    using namespace planted;
    const auto is = [name](const char* other) { return std::strcmp(name, other) == 0; };
    const auto bytes = n * sizeof(float);
    if (is("host_touches_device")) return wrong = in[3] != 1, true;
    if (is("kernel_touches_host")) return launch(fill, 1, n, 0, stream, host.data(), n), true;
    if (is("use_after_free")) {
      float* gone = device_floats(n);
      GPU_CHECK(cudaFree(gone));
      return launch(fill, 1, n, 0, stream, gone, n), true;
    }
    if (is("missing_stream_sync") || is("missing_event_wait") || is("ok_event_wait"))
      return other_stream(name), true;
    if (is("smem_over_48k")) {
      cudaLaunchConfig_t shape{1, n, 60000, stream, nullptr, 0};
      return GPU_CHECK(cudaLaunchKernelEx(&shape, oob_sub_array, out, 0)), true;
    }
    if (is("too_many_threads")) return launch(fill, 1, 2048, 0, stream, out, n), true;
    if (is("memcpy_too_long")) {
      return GPU_CHECK(cudaMemcpy(host.data(), out, bytes + 4, cudaMemcpyDeviceToHost)), true;
    }
    if (is("memcpy_wrong_kind")) {
      return GPU_CHECK(cudaMemcpy(host.data(), out, bytes, cudaMemcpyHostToDevice)), true;
    }
    return false;
  }

  void other_stream(const char* name) {
    cudaStream_t producer = nullptr, consumer = nullptr;
    cudaEvent_t filled = nullptr;
    GPU_CHECK(cudaStreamCreate(&producer));
    GPU_CHECK(cudaStreamCreate(&consumer));
    GPU_CHECK(cudaEventCreate(&filled));
    launch(planted::fill, 1, n, 0, producer, out, n);
    GPU_CHECK(cudaEventRecord(filled, producer));
    if (std::strcmp(name, "ok_event_wait") == 0) GPU_CHECK(cudaStreamWaitEvent(consumer, filled));
    const bool same = std::strcmp(name, "missing_stream_sync") == 0;
    std::vector<float> result(n, 0.f);
    GPU_CHECK(cudaMemcpyAsync(result.data(), out, n * sizeof(float), cudaMemcpyDeviceToHost,
                              same ? producer : consumer));
    if (!same) GPU_CHECK(cudaStreamSynchronize(consumer));
    wrong = result[0] != 1;
    GPU_CHECK(cudaDeviceSynchronize());
  }

  bool result_good(const char* name) {
    GPU_CHECK(cudaDeviceSynchronize());
    GPU_CHECK(cudaMemcpy(host.data(), out, n * sizeof(float), cudaMemcpyDeviceToHost));
    const bool filled = std::strcmp(name, "host_touches_device") != 0 && std::strcmp(name, "misaligned") != 0;
    for (int i = 0; i < n && filled; i++) {
      if (!(host[i] == 1)) return false;
    }
    return !wrong;
  }
};

}  // namespace

int main(int argc, char** argv) {
  const char* bug = argc > 1 ? argv[1] : "";
  const char* order = argc > 2 ? argv[2] : "forward";
  emu::Config& config = emu::config();
  config.quiet = config.inter_block_races = true;
  config.lazy_streams = std::strcmp(order, "lazy") == 0;
  if (std::strcmp(order, "reverse") == 0) config.order = emu::Order::reverse;
  if (std::strcmp(order, "random") == 0) config.order = emu::Order::random;
  try {
    Case c;
    if (!c.kernel(bug) && !c.host_bug(bug)) return unknown_bug;
    return c.result_good(bug) ? unnoticed : wrong_result;
  } catch (const gmmvae::Error&) {
    return cuda_error;
  }
}
