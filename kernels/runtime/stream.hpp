#pragma once

#include <utility>

#include "kernels/gpu.hpp"

// Streams, events and graphs that are given back at the end of their scope. Destructors cannot throw: what
// goes wrong in them is left for the next checked call.
namespace gmmvae {

/// A point in a stream's work. With timing, two of them measure what lies between.
class Event {
 public:
  enum class Timing { off, on };
  explicit Event(Timing timing = Timing::off) {
    GPU_CHECK(
        cudaEventCreateWithFlags(&event_, timing == Timing::on ? cudaEventDefault : cudaEventDisableTiming));
  }
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }
  ~Event() {
    if (event_ != nullptr) cudaEventDestroy(event_);
  }

  [[nodiscard]] cudaEvent_t get() const { return event_; }
  void record(cudaStream_t stream) { GPU_CHECK(cudaEventRecord(event_, stream)); }
  /// Blocks the host until the recorded work is done.
  void wait() const { GPU_CHECK(cudaEventSynchronize(event_)); }
  [[nodiscard]] bool done() const {
    const cudaError_t state = cudaEventQuery(event_);
    if (state == cudaErrorNotReady) return false;
    GPU_CHECK(state);
    return true;
  }
  /// Seconds of device time since `start`; both timed, recorded and done.
  [[nodiscard]] double seconds_since(const Event& start) const {
    float milliseconds = 0.0f;
    GPU_CHECK(cudaEventElapsedTime(&milliseconds, start.event_, event_));
    return 1e-3 * static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t event_ = nullptr;
};

/// A stream of the current device that does not wait for the default stream.
class Stream {
 public:
  Stream() { GPU_CHECK(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking)); }
  Stream(Stream&& other) noexcept : stream_(std::exchange(other.stream_, nullptr)) {}
  Stream& operator=(Stream&& other) noexcept {
    std::swap(stream_, other.stream_);
    return *this;
  }
  ~Stream() {
    if (stream_ != nullptr) cudaStreamDestroy(stream_);
  }

  [[nodiscard]] cudaStream_t get() const { return stream_; }
  /// Blocks the host until all work is done; errors of kernels surface here.
  void synchronize() const { GPU_CHECK(cudaStreamSynchronize(stream_)); }
  /// What is given to this stream later waits for the event; the host does not.
  void wait_for(const Event& event) const { GPU_CHECK(cudaStreamWaitEvent(stream_, event.get(), 0)); }

 private:
  cudaStream_t stream_ = nullptr;
};

/// Work recorded once and replayed: one launch from the host instead of one for each kernel.
class Graph {
 public:
  /// Records what `work(stream)` gives to the stream; nothing of it runs. Allocations inside become part of
  /// the graph.
  template <class Work>
  static Graph capture(cudaStream_t stream, Work&& work) {
    GPU_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    cudaGraph_t recorded = nullptr;
    try {
      work(stream);
    } catch (...) {
      cudaStreamEndCapture(stream, &recorded);
      if (recorded != nullptr) cudaGraphDestroy(recorded);
      cudaGetLastError();
      throw;
    }
    GPU_CHECK(cudaStreamEndCapture(stream, &recorded));
    Graph graph;
    const cudaError_t made = cudaGraphInstantiate(&graph.executable_, recorded, 0);
    cudaGraphDestroy(recorded);
    GPU_CHECK(made);
    return graph;
  }
  Graph(Graph&& other) noexcept : executable_(std::exchange(other.executable_, nullptr)) {}
  Graph& operator=(Graph&& other) noexcept {
    std::swap(executable_, other.executable_);
    return *this;
  }
  ~Graph() {
    if (executable_ != nullptr) cudaGraphExecDestroy(executable_);
  }

  void launch(cudaStream_t stream) const { GPU_CHECK(cudaGraphLaunch(executable_, stream)); }

 private:
  Graph() = default;
  cudaGraphExec_t executable_ = nullptr;
};

}  // namespace gmmvae
