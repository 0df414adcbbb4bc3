#pragma once

// One large model by the whole device. A step is recorded once as a graph and replayed; what changes from
// step to step is in device memory, so that the host only starts graphs.

#include <cstdint>
#include <map>

#include "kernels/runtime/stream.hpp"
#include "kernels/training/tiled_pass.hpp"

namespace gmmvae::cuda {

/// The epochs of one task. Its workspace holds the parameters at work, then the slots, as a streamed model's
/// does.
class TiledEpochs {
 public:
  /// `task` as the host has it, with device pointers; `tables` and all that it points to outlive this object.
  TiledEpochs(const TrainingTask& task, const LaidOutModel& model, const PlanTables& tables,
              Products products, cudaStream_t stream);

  /// Enqueues up to `epochs` more; `task` is as before, but for the place of its history.
  void launch(const TrainingTask& task, std::uint64_t epochs);

 private:
  using Graphs = std::map<int, Graph>;  ///< by rows where that makes a difference, else one

  /// Runs the graphs of the batches of `rows` points, recorded by `record(rows)` where they are not there
  /// yet.
  template <class Record>
  void replay(Graphs& graphs, int rows, Record record);

  TiledPass pass_;
  cudaStream_t stream_;
  Graphs steps_;
  Graphs validation_;  ///< of one batch of held-out points
};

}  // namespace gmmvae::cuda
