#pragma once

// Which way to train a model, from its shape and what the device gives a block.

#include <cstddef>
#include <string>

#include "gmmvae/training.hpp"
#include "kernels/training/plan.hpp"

namespace gmmvae::cuda {

/// What one device offers.
struct DeviceLimits {
  std::size_t shared_per_block = 0;           ///< bytes, with opt-in
  std::size_t shared_per_multiprocessor = 0;  ///< bytes
  int multiprocessors = 0;
};

/// Where a model's state is while it trains.
enum class Placement {
  resident,  ///< parameters and activations in the shared memory of its block
  fused,     ///< the same for shapes known when this is compiled; each warp takes its rows through all layers
  streamed,  ///< in global memory, which L1 and L2 cache
  tiled,     ///< in global memory, and many blocks work on one model
};

/// Who forms the products of a tiled model.
enum class Products {
  own,     ///< kernels/dense
  library  ///< cuBLASLt, see kernels/library/gemm.hpp
};

/// The choice for one model.
struct Budget {
  Placement placement = Placement::resident;
  bool data_in_shared = false;               ///< the training points lie in shared memory too
  int threads = 0;                           ///< of the block
  int hidden_layers = 0;                     ///< of each network of a fused model
  Arithmetic arithmetic = Arithmetic::fp32;  ///< of the wide products of a fused model
  std::size_t shared_bytes = 0;              ///< of dynamic shared memory for a block
  std::string why;                           ///< one sentence, for -v
};

/// `rows` is the number of training points. Throws DeviceError where not even the sums of a streamed model
/// fit.
Budget choose_budget(const LaidOutModel& model, std::size_t rows, const DeviceLimits& limits,
                     Arithmetic arithmetic = Arithmetic::fp32);

/// The same with a placement that the caller insists on: resident and fused throw
/// DeviceError where the model does not fit.
Budget budget_for(Placement placement, const LaidOutModel& model, std::size_t rows,
                  const DeviceLimits& limits, Arithmetic arithmetic = Arithmetic::fp32);

}  // namespace gmmvae::cuda
