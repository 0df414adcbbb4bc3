#pragma once

// What the runtime's source files share: devices, their memory and their streams.

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "config.hpp"
#include "runtime.hpp"

namespace emu {

using Work = std::function<void()>;

struct Graph {
  std::vector<Work> nodes;  ///< in the order of capture, which respects every dependence
  int device = 0;
};

/// A capture that goes on: the stream that began it and those that joined by waiting for its events.
struct Capture {
  Graph graph;
  Stream* origin = nullptr;
  std::vector<Stream*> unjoined;  ///< streams with work that the origin does not wait for yet
  bool invalid = false;
};

struct Stream {
  int device = 0;
  bool blocking = true;  ///< waits for the null stream, and the null stream for it
  std::deque<Work> queue;
  std::shared_ptr<Capture> capture;
};

/// One recording of an event: the point in a stream that waits refer to, even when the event is recorded
/// again.
struct Mark {
  Stream* stream = nullptr;
  std::shared_ptr<Capture> capture;
  bool done = false;
  double milliseconds = 0;
};

struct Event {
  std::shared_ptr<Mark> last;
};

struct Allocation {
  char* first = nullptr;
  std::size_t bytes = 0;
  int device = 0;
  bool free_pending = false;  ///< given to cudaFreeAsync: no new work may use it
};

/// Allocations sorted by address.
class AddressMap {
 public:
  void add(const Allocation& allocation);
  void remove(const void* first);
  /// The allocation that starts at p, or null.
  Allocation* starting_at(const void* p);
  /// The allocation in which p lies or at whose end it stands, or null.
  Allocation* around(const void* p);
  std::vector<Allocation> all;
};

struct Device {
  DeviceSpec spec;
  cudaError_t sticky = cudaSuccess;
  std::size_t used = 0;
  std::shared_ptr<Stream> null_stream;
  std::vector<Stream*> streams;
};

struct Runtime {
  Runtime();
  std::recursive_mutex mutex;
  std::vector<Device> devices;
  AddressMap device_memory, pinned;
  std::vector<std::shared_ptr<Capture>> captures;
  std::vector<Event*> events;
  std::vector<std::pair<const void*, std::size_t>> shared_limits;  ///< kernels that opted in
};
Runtime& runtime();
using Lock = std::lock_guard<std::recursive_mutex>;

int current_device();
Device& device();
/// Remembers an error for cudaGetLastError and returns it.
cudaError_t fail(cudaError_t error);
/// fail, after a report that says what was wrong.
cudaError_t refuse(cudaError_t error, const std::string& sentence);

/// Null for the null stream's handle; nothing (false) for a handle that is not a live stream.
bool is_stream(Stream* stream);
Stream* resolve(Stream* handle);
cudaError_t enqueue(Stream* handle, Work work);
void drain(Stream* stream);
void drain_device(Device& device);
/// cudaErrorStreamCaptureUnsupported while a capture goes on, which the call spoils.
cudaError_t forbid_in_capture();

/// While one lives, kernels and copies may touch device memory; the host otherwise may not (ASan).
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;

 private:
  bool guarded_;
};

}  // namespace emu
