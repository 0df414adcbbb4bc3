#include <algorithm>

#include "runtime_state.hpp"

namespace emu {

cudaError_t forbid_in_capture() {
  if (runtime().captures.empty()) return cudaSuccess;
  for (const auto& capture : runtime().captures) capture->invalid = true;
  return refuse(cudaErrorStreamCaptureUnsupported,
                "a call that waits or allocates, while a stream is being captured");
}

}  // namespace emu

using emu::fail;
using emu::runtime;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  emu::Lock lock(runtime().mutex);
  if (!stream || !emu::is_stream(stream)) return fail(cudaErrorStreamCaptureUnsupported);
  if (stream->capture) return fail(cudaErrorInvalidValue);
  stream->capture = std::make_shared<emu::Capture>();
  stream->capture->origin = stream;
  stream->capture->graph.device = stream->device;
  runtime().captures.push_back(stream->capture);
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  emu::Lock lock(runtime().mutex);
  *graph = nullptr;
  if (!stream || !emu::is_stream(stream) || !stream->capture || stream->capture->origin != stream) {
    return fail(cudaErrorInvalidValue);
  }
  const std::shared_ptr<emu::Capture> capture = stream->capture;
  std::erase(runtime().captures, capture);
  for (emu::Device& each : runtime().devices) {
    for (emu::Stream* other : each.streams) {
      if (other->capture == capture) other->capture = nullptr;
    }
  }
  if (capture->invalid) return fail(cudaErrorStreamCaptureInvalidated);
  if (!capture->unjoined.empty()) return fail(cudaErrorStreamCaptureUnjoined);
  *graph = new emu::Graph(std::move(capture->graph));
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  emu::Lock lock(runtime().mutex);
  if (!emu::is_stream(stream)) return fail(cudaErrorInvalidResourceHandle);
  const auto& capture = emu::resolve(stream)->capture;
  *status = !capture           ? cudaStreamCaptureStatusNone
            : capture->invalid ? cudaStreamCaptureStatusInvalidated
                               : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = new emu::Graph(*graph);
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  return emu::enqueue(stream, [nodes = executable->nodes] {
    for (const emu::Work& node : nodes) node();
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete graph;
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  return cudaGraphDestroy(executable);
}
