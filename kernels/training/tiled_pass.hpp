#pragma once

// The kernels of one step of one model by the whole device: products by many blocks (kernels/dense), the rest
// by one.

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/dense/dense.hpp"
#include "kernels/library/gemm.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/training/budget.hpp"
#include "kernels/training/task.hpp"

namespace gmmvae::cuda {

/// What a kernel of one block does; see tiled_stages.cuh.
enum class Stage {
  begin_launch,
  begin_epoch,
  begin_step,
  begin_validation,
  sample,
  add_step,
  add_validation,
  posterior_gradient,
  end_step,
  end_epoch
};

/// What passes from kernel to kernel, in device memory.
struct TiledState {
  block::Ledger
      ledger;  ///< `norms` has a number for each block of parameter gradients, then one for the variance
  int norms = 0;
  block::Update update;
  std::uint32_t keys[8];
  std::uint64_t step = 0;  ///< within the epoch
  int first = 0;           ///< row of the batch of held-out points
  int count = 0;           ///< rows of the batch at work; 0 once the training has ended
  int active = 0;
  int good = 0;
  int best = 0;
  double validation_elbo = 0.0;
};

class TiledPass {
 public:
  /// `base` is the workspace: parameters at work, packed, then the slots. `tables` outlive this object.
  TiledPass(const LaidOutModel& model, const PlanTables& tables, float* base, Products products,
            cudaStream_t stream);

  /// Whether what forward() and backward() enqueue depends on the number of rows: a library's products do.
  [[nodiscard]] bool depends_on_rows() const { return gemm_ != nullptr; }

  [[nodiscard]] const LaidOutModel& model() const { return model_; }
  /// What the stages read of the training; goes to the device.
  void set_task(const TrainingTask& task);
  // both in device memory
  [[nodiscard]] const TrainingTask* task() const { return task_.data(); }
  [[nodiscard]] const TiledState* state() const { return state_.data(); }

  void run(Stage stage, cudaStream_t stream);
  /// From x and noise in their slots to the reconstruction.
  void forward(int rows, cudaStream_t stream);
  /// From the loss's gradient in the reconstruction's place to all parameters' gradients.
  void backward(int rows, cudaStream_t stream);

 private:
  /// Where a slot begins; null for -1.
  [[nodiscard]] float* slot(int number) const;
  void layers(int first, int count, int rows, cudaStream_t stream);
  void input_gradient(int l, int rows, cudaStream_t stream);
  void parameter_gradients(int l, int rows, cudaStream_t stream);
  [[nodiscard]] const DenseLayer& layer(int l) const { return model_.layers[static_cast<std::size_t>(l)]; }
  dense::Samples samples() { return {model_.plan.batch, &state_.data()->count}; }

  LaidOutModel model_;
  PlanTables tables_;
  float* base_;
  cudaStream_t stream_;
  std::size_t shared_bytes_ = 0;
  std::vector<int> slots_;         ///< offsets from base_
  std::vector<int> norm_offsets_;  ///< of each layer's parts of the squared norm
  DeviceArray<TrainingTask> task_;
  DeviceArray<TiledState> state_;
  DeviceArray<double> numbers_;
  dense::Workspace workspace_;           ///< of the own products
  std::unique_ptr<library::Gemm> gemm_;  ///< null with the own products
  DeviceArray<float> gradient_;          ///< packed, where a library forms it
  double* norms_ = nullptr;              ///< parts of the squared norm of a step's gradient
};

}  // namespace gmmvae::cuda
