#include <algorithm>

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
                         Products products, cudaStream_t stream)
    : pass_(model, tables, task.workspace, products, stream), stream_(stream) {}

template <class Record>
void TiledEpochs::replay(Graphs& graphs, int rows, Record record) {
  const int batch = pass_.model().plan.batch;
  for (std::int64_t first = 0; first < rows; first += batch) {
    const int here = static_cast<int>(std::min<std::int64_t>(batch, rows - first));
    const int key = pass_.depends_on_rows() ? here : 0;
    auto found = graphs.find(key);
    if (found == graphs.end()) {
      found = graphs.emplace(key, Graph::capture(stream_, [&](cudaStream_t stream) { record(here, stream); }))
                  .first;
    }
    found->second.launch(stream_);
  }
}

void TiledEpochs::launch(const TrainingTask& task, std::uint64_t epochs) {
  const int floats = pass_.model().plan.parameters;
  const int blocks =
      (floats + 16 * static_cast<int>(keep_threads) - 1) / (16 * static_cast<int>(keep_threads));
  pass_.set_task(task);
  GPU_CHECK(cudaMemcpyAsync(task.workspace, task.parameters, static_cast<std::size_t>(floats) * sizeof(float),
                            cudaMemcpyDeviceToDevice, stream_));
  pass_.run(Stage::begin_launch, stream_);
  for (std::uint64_t epoch = 0; epoch < epochs; ++epoch) {
    pass_.run(Stage::begin_epoch, stream_);
    replay(steps_, task.rows, [this](int rows, cudaStream_t stream) {
      pass_.run(Stage::begin_step, stream);
      pass_.forward(rows, stream);
      pass_.run(Stage::add_step, stream);
      pass_.backward(rows, stream);
      pass_.run(Stage::end_step, stream);
    });
    replay(validation_, task.validation_rows, [this](int rows, cudaStream_t stream) {
      pass_.run(Stage::begin_validation, stream);
      pass_.forward(rows, stream);
      pass_.run(Stage::add_validation, stream);
    });
    pass_.run(Stage::end_epoch, stream_);
    gmmvae::launch(keep, blocks, keep_threads, 0, stream_, pass_.task(), floats, pass_.state());
  }
}

}  // namespace gmmvae::cuda
