#include "kernels/training/tiled.hpp"

namespace gmmvae::cuda {
namespace {

constexpr unsigned keep_threads = 256;

/// Keeps the parameters at work where the epoch counts.
__global__ void __launch_bounds__(keep_threads)
    keep(const TrainingTask* task, int floats, const TiledState* tiled) {
  if (!tiled->good) return;
  const auto stride = static_cast<int>(gridDim.x * blockDim.x);
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < floats; i += stride) {
    const float w = task->workspace[i];
    task->parameters[i] = w;
    if (tiled->best) task->best_parameters[i] = w;
  }
}

}  // namespace

TiledEpochs::TiledEpochs(const TrainingTask& task, const LaidOutModel& model, const PlanTables& tables,
                         cudaStream_t stream)
    : pass_(model, tables, task.workspace, stream), stream_(stream) {}

void TiledEpochs::record() {
  if (step_) return;
  step_ = Graph::capture(stream_, [this](cudaStream_t stream) {
    pass_.run(Stage::begin_step, stream);
    pass_.forward(stream);
    pass_.run(Stage::add_step, stream);
    pass_.backward(stream);
    pass_.run(Stage::end_step, stream);
  });
  validation_ = Graph::capture(stream_, [this](cudaStream_t stream) {
    pass_.run(Stage::begin_validation, stream);
    pass_.forward(stream);
    pass_.run(Stage::add_validation, stream);
  });
}

void TiledEpochs::launch(const TrainingTask& task, std::uint64_t epochs) {
  const int floats = pass_.model().plan.parameters;
  const int batch = pass_.model().plan.batch;
  const int blocks =
      (floats + 16 * static_cast<int>(keep_threads) - 1) / (16 * static_cast<int>(keep_threads));
  pass_.set_task(task);
  record();
  GPU_CHECK(cudaMemcpyAsync(task.workspace, task.parameters, static_cast<std::size_t>(floats) * sizeof(float),
                            cudaMemcpyDeviceToDevice, stream_));
  pass_.run(Stage::begin_launch, stream_);
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    pass_.run(Stage::begin_epoch, stream_);
    for (std::int64_t first = 0; first < task.rows; first += batch) step_->launch(stream_);
    for (std::int64_t first = 0; first < task.validation_rows; first += batch) validation_->launch(stream_);
    pass_.run(Stage::end_epoch, stream_);
    gmmvae::launch(keep, blocks, keep_threads, 0, stream_, pass_.task(), floats, pass_.state());
  }
}

}  // namespace gmmvae::cuda
