#include <algorithm>
#include <chrono>

#include "runtime_state.hpp"

namespace emu {
namespace {

void run_first(Stream* stream) {
  const Work work = std::move(stream->queue.front());
  stream->queue.pop_front();
  work();
}

// Runs the stream in which the mark was set up to that mark, and no further.
void reach(const Mark& mark) {
  while (!mark.done && is_stream(mark.stream) && !mark.stream->queue.empty()) run_first(mark.stream);
}

double now_in_milliseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double, std::milli>(now).count();
}

}  // namespace

bool is_stream(Stream* stream) {
  if (!stream) return true;
  for (const Device& each : runtime().devices) {
    if (each.null_stream.get() == stream) return true;
    if (std::find(each.streams.begin(), each.streams.end(), stream) != each.streams.end()) return true;
  }
  return false;
}

Stream* resolve(Stream* handle) {
  return handle ? handle : device().null_stream.get();
}

void drain(Stream* stream) {
  while (!stream->queue.empty()) run_first(stream);
}

// The youngest stream first: a missing wait for an older stream's work shows.
void drain_device(Device& of) {
  const std::vector<Stream*> streams = of.streams;
  for (std::size_t i = streams.size(); i-- > 0;) drain(streams[i]);
  drain(of.null_stream.get());
}

cudaError_t enqueue(Stream* handle, Work work) {
  Lock lock(runtime().mutex);
  if (!is_stream(handle))
    return refuse(cudaErrorInvalidResourceHandle, "work for a stream that does not exist");
  Stream* stream = resolve(handle);
  Device& owner = runtime().devices[static_cast<std::size_t>(stream->device)];
  if (owner.sticky) return fail(owner.sticky);
  if (stream->capture) {
    Capture& capture = *stream->capture;
    if (capture.invalid) return fail(cudaErrorStreamCaptureInvalidated);
    capture.graph.nodes.push_back(std::move(work));
    if (stream != capture.origin &&
        std::find(capture.unjoined.begin(), capture.unjoined.end(), stream) == capture.unjoined.end()) {
      capture.unjoined.push_back(stream);
    }
    return cudaSuccess;
  }
  if (!config().lazy_streams) {
    work();
    return fail(owner.sticky);
  }
  Stream* null_stream = owner.null_stream.get();
  if (stream == null_stream) {
    for (Stream* other : owner.streams) {
      if (other->blocking) drain(other);
    }
  } else if (stream->blocking) {
    drain(null_stream);
  }
  stream->queue.push_back(std::move(work));
  return cudaSuccess;
}

}  // namespace emu

using emu::fail;
using emu::runtime;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  emu::Lock lock(runtime().mutex);
  *stream = new emu::Stream;
  (*stream)->device = emu::current_device();
  (*stream)->blocking = flags != cudaStreamNonBlocking;
  emu::device().streams.push_back(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  emu::Lock lock(runtime().mutex);
  if (!stream || !emu::is_stream(stream)) return fail(cudaErrorInvalidResourceHandle);
  emu::drain(stream);
  auto& streams = runtime().devices[static_cast<std::size_t>(stream->device)].streams;
  streams.erase(std::find(streams.begin(), streams.end(), stream));
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  emu::Lock lock(runtime().mutex);
  if (!emu::is_stream(stream)) return fail(cudaErrorInvalidResourceHandle);
  if (emu::resolve(stream)->capture) return emu::forbid_in_capture();
  if (stream) {
    emu::drain(stream);
  } else {
    for (emu::Stream* other : emu::device().streams) {
      if (other->blocking) emu::drain(other);
    }
    emu::drain(emu::resolve(stream));
  }
  return fail(runtime().devices[static_cast<std::size_t>(emu::resolve(stream)->device)].sticky);
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  emu::Lock lock(runtime().mutex);
  if (!emu::is_stream(stream)) return fail(cudaErrorInvalidResourceHandle);
  return emu::resolve(stream)->queue.empty() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return emu::enqueue(stream, [=] { function(data); });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  emu::Lock lock(runtime().mutex);
  *event = new emu::Event;
  runtime().events.push_back(*event);
  return cudaSuccess;
}
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  return cudaEventCreate(event);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  emu::Lock lock(runtime().mutex);
  if (std::erase(runtime().events, event) == 0) return fail(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t handle) {
  emu::Lock lock(runtime().mutex);
  if (!emu::is_stream(handle)) return fail(cudaErrorInvalidResourceHandle);
  auto mark = std::make_shared<emu::Mark>();
  mark->stream = emu::resolve(handle);
  mark->capture = mark->stream->capture;
  event->last = mark;
  if (mark->capture) return cudaSuccess;  // only an edge of the graph
  return emu::enqueue(handle, [mark] {
    mark->done = true;
    mark->milliseconds = emu::now_in_milliseconds();
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  emu::Lock lock(runtime().mutex);
  if (!event->last) return cudaSuccess;
  if (event->last->capture) return emu::forbid_in_capture();
  emu::reach(*event->last);
  return fail(emu::device().sticky);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return !event->last || event->last->done ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t handle, cudaEvent_t event, unsigned) {
  emu::Lock lock(runtime().mutex);
  if (!emu::is_stream(handle)) return fail(cudaErrorInvalidResourceHandle);
  if (!event->last) return cudaSuccess;  // never recorded: nothing to wait for
  const std::shared_ptr<emu::Mark> mark = event->last;
  if (mark->capture) {
    emu::Stream* stream = emu::resolve(handle);
    auto& unjoined = mark->capture->unjoined;
    if (stream == mark->capture->origin) std::erase(unjoined, mark->stream);
    stream->capture = mark->capture;
    return cudaSuccess;
  }
  return emu::enqueue(handle, [mark] { emu::reach(*mark); });
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  if (!start->last || !end->last) return fail(cudaErrorInvalidResourceHandle);
  if (!start->last->done || !end->last->done) return cudaErrorNotReady;
  *milliseconds = static_cast<float>(end->last->milliseconds - start->last->milliseconds);
  return cudaSuccess;
}
