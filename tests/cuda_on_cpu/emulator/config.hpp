#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace emu {

/// In which order the threads of a block run between two barriers, and the blocks of a grid.
enum class Order { forward, reverse, random };

/// What the runtime API says about an emulated device.
struct DeviceSpec {
  std::string name;
  int major = 9;
  int minor = 0;
  int multiprocessors = 132;
  std::size_t shared_per_block = 227 << 10;  ///< with opt-in, bytes; without it 48 kB everywhere
  std::size_t shared_per_multiprocessor = 228 << 10;
  int threads_per_multiprocessor = 2048;
  std::size_t memory = std::size_t(8) << 30;  ///< bytes that cudaMalloc hands out
};

/// "sm_75", "sm_80", "sm_86", "sm_90": the real cards' limits. Throws std::invalid_argument for another name.
DeviceSpec device_spec(const std::string& architecture);

/// Read at each launch and each runtime call; set it between them. First filled from the environment:
/// CUDA_ON_CPU_ORDER=forward|reverse|random:SEED, CUDA_ON_CPU_LAZY=1, CUDA_ON_CPU_DEVICES=sm_90,sm_80
struct Config {
  Order order = Order::forward;
  std::uint64_t seed = 1;          ///< of Order::random
  bool poison = true;              ///< fill fresh device and shared memory with 0xff: NaN, -1
  bool strict = true;              ///< a barrier reached at two places or by a part of the block is an error
  bool atomic_yield = false;       ///< other threads may run before each atomic operation
  bool lazy_streams = false;       ///< a stream's work runs only when the host waits for it
  bool inter_block_races = false;  ///< TSan: blocks of one launch are concurrent too
  bool guard_device = true;        ///< ASan: host code that touches device memory is an error
  bool quiet = false;              ///< do not print reports to stderr
  std::size_t stack_bytes = 64 << 10;
  std::vector<DeviceSpec> devices = {device_spec("sm_90")};
};
Config& config();

/// Puts everything back to the start: one default device or those given, no errors. Memory, streams and events are gone.
void reset(std::vector<DeviceSpec> devices = {device_spec("sm_90")});

/// A sentence on what a kernel or a call did wrong; printed to stderr and kept.
void report(const std::string& sentence);
/// All sentences since the last clear_reports, one a line.
const std::string& reports();
void clear_reports();

}  // namespace emu
