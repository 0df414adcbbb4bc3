#include <algorithm>

#include "gmmvae/error.hpp"
#include "kernels/training/block_memory.cuh"
#include "kernels/training/budget.hpp"
#include "kernels/training/fused/layout.cuh"

namespace gmmvae::cuda {
namespace {

/// A block of a resident model with more slots than this would need more red zones than the emulator has.
constexpr int most_slots = 40;

template <Placement placement>
std::size_t bytes_of(const LaidOutModel& model, std::size_t data_floats) {
  SharedArena count;
  BlockMemory<placement>(count, model.plan, model.slot_floats.data(), nullptr, data_floats, false);
  return count.bytes();
}

/// As many threads as the largest layer has tiles: more would only wait, and small blocks leave room for
/// other models.
int threads_for(const LaidOutModel& model) {
  int tiles = 0;
  for (const DenseLayer& layer : model.layers)
    tiles = std::max(tiles, block::ceil_div(model.plan.batch, block::tile_rows) *
                                block::ceil_div(layer.out, block::tile_columns));
  if (tiles > 128) return 256;
  return tiles > 64 ? 128 : 64;
}

std::string size_of(const LaidOutModel& model) {
  return std::to_string(model.plan.parameters) + " padded parameters and " +
         std::to_string(model.workspace_floats()) + " numbers of batches";
}

Budget streamed(const LaidOutModel& model, const DeviceLimits& limits, const std::string& why) {
  Budget budget;
  budget.placement = Placement::streamed;
  budget.threads = threads_for(model);
  budget.shared_bytes = bytes_of<Placement::streamed>(model, 0);
  budget.why = why;
  if (budget.shared_bytes > limits.shared_per_block) {
    throw DeviceError("A model of " + std::to_string(model.plan.data_dim) + " columns and " +
                      std::to_string(model.plan.latent) + " latent dimensions needs " +
                      std::to_string(budget.shared_bytes) +
                      " bytes of shared memory for its sums; a block of this device has " +
                      std::to_string(limits.shared_per_block) + ": use --device cpu.");
  }
  return budget;
}

/// Tiles of 64 x 64 of the largest layer's weight gradient.
int gradient_tiles(const LaidOutModel& model) {
  int tiles = 0;
  for (const DenseLayer& layer : model.layers)
    tiles = std::max(tiles, block::ceil_div(layer.out, 64) * block::ceil_div(layer.in, 64));
  return tiles;
}

Budget tiled(const LaidOutModel& model, const DeviceLimits& limits, const std::string& why) {
  Budget budget = streamed(model, limits, why);
  budget.placement = Placement::tiled;
  return budget;
}

/// The number of hidden layers in each network of a model that the fused trainer knows; 0 for another model.
int fused_layers(const LaidOutModel& model) {
  const ModelPlan& plan = model.plan;
  const int hidden = plan.encoder_layers - 1;
  const bool narrow = plan.data_dim <= fused::narrow && plan.latent <= fused::most_latent;
  if (!narrow || plan.batch > fused::most_rows || (hidden != 1 && hidden != 2) ||
      plan.decoder_layers != plan.encoder_layers)
    return 0;
  for (int l = 0; l < 2 * (hidden + 1); ++l) {
    if (l == hidden || l == 2 * hidden + 1) continue;  // head and reconstruction
    const DenseLayer& layer = model.layers[static_cast<std::size_t>(l)];
    if (layer.out != fused::width || layer.activation != Activation::relu) return 0;
  }
  return hidden;
}

std::size_t fused_bytes(const LaidOutModel& model, std::size_t data_floats) {
  SharedArena count;
  BlockMemory<Placement::fused>(count, fused_layers(model), data_floats);
  return count.bytes();
}

/// With fewer rows than this most warps of the fused trainer would have none.
constexpr int least_fused_rows = 3 * fused::rows_a_warp;

Budget placed(Placement placement, const LaidOutModel& model, std::size_t rows, const DeviceLimits& limits) {
  if (placement == Placement::streamed) return streamed(model, limits, "streamed: asked for");
  if (placement == Placement::tiled) return tiled(model, limits, "tiled: asked for");
  const bool is_fused = placement == Placement::fused;
  const std::string name = is_fused ? "fused" : "resident";
  if (is_fused && fused_layers(model) == 0)
    throw DeviceError("The fused trainer has no layers for a model of this shape.");
  const auto bytes = [&](std::size_t data_floats) {
    return is_fused ? fused_bytes(model, data_floats) : bytes_of<Placement::resident>(model, data_floats);
  };
  Budget budget;
  budget.placement = placement;
  budget.threads = is_fused ? fused::threads : threads_for(model);
  budget.hidden_layers = is_fused ? fused_layers(model) : 0;
  const std::size_t without_data = bytes(0);
  if (without_data > limits.shared_per_block || (!is_fused && model.plan.slots > most_slots)) {
    throw DeviceError("A " + name + " model of this shape needs " + std::to_string(without_data) +
                      " bytes of shared memory; a block of this device has " +
                      std::to_string(limits.shared_per_block) + ".");
  }
  const std::size_t with_data = bytes(rows * static_cast<std::size_t>(model.plan.data_dim));
  // The points move in only where that costs no other model its place: 1 kB of a multiprocessor's memory is
  // the system's for every block.
  const auto blocks = [&](std::size_t size) { return limits.shared_per_multiprocessor / (size + 1024); };
  budget.data_in_shared = with_data <= limits.shared_per_block && blocks(with_data) == blocks(without_data);
  budget.shared_bytes = budget.data_in_shared ? with_data : without_data;
  budget.why = name + ": " + size_of(model) + (budget.data_in_shared ? " and the points" : "") + " take " +
               std::to_string(budget.shared_bytes) + " of " + std::to_string(limits.shared_per_block) +
               " bytes of a block's shared memory";
  return budget;
}

Budget choose_placement(const LaidOutModel& model, std::size_t rows, const DeviceLimits& limits) {
  // From a third of the multiprocessors on, one model's products fill the device better than a block for each
  // model does. With fewer tiles most of the device would idle, and models of that size come many at a time.
  // The choice may depend on the shape alone: a model's numbers must not depend on how many others are
  // trained beside it.
  if (const int tiles = gradient_tiles(model); 3 * tiles >= limits.multiprocessors) {
    return tiled(model, limits,
                 "tiled: the largest layer's gradient has " + std::to_string(tiles) + " tiles for " +
                     std::to_string(limits.multiprocessors) + " multiprocessors");
  }
  if (fused_layers(model) > 0 && model.plan.batch >= least_fused_rows &&
      fused_bytes(model, 0) <= limits.shared_per_block) {
    return placed(Placement::fused, model, rows, limits);
  }
  const std::size_t without_data = bytes_of<Placement::resident>(model, 0);
  if (model.plan.slots > most_slots) {
    return streamed(model, limits,
                    "streamed: the model has " + std::to_string(model.layers.size()) + " layers");
  }
  if (without_data > limits.shared_per_block) {
    return streamed(model, limits,
                    "streamed: " + size_of(model) + " need " + std::to_string(without_data) +
                        " bytes of shared memory, a block has " + std::to_string(limits.shared_per_block));
  }
  return placed(Placement::resident, model, rows, limits);
}

/// The only products in tf32x3 are those of the fused trainer between two hidden layers.
void set_arithmetic(Budget& budget, Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::fp32) return;
  if (budget.placement == Placement::fused && budget.hidden_layers == 2) {
    budget.arithmetic = arithmetic;
    budget.why += "; wide products in tf32x3";
  } else {
    budget.why += "; in fp32: tf32x3 is there for two hidden layers of 64 alone";
  }
}

}  // namespace

Budget choose_budget(const LaidOutModel& model, std::size_t rows, const DeviceLimits& limits,
                     Arithmetic arithmetic) {
  Budget budget = choose_placement(model, rows, limits);
  set_arithmetic(budget, arithmetic);
  return budget;
}

Budget budget_for(Placement placement, const LaidOutModel& model, std::size_t rows,
                  const DeviceLimits& limits, Arithmetic arithmetic) {
  Budget budget = placed(placement, model, rows, limits);
  set_arithmetic(budget, arithmetic);
  return budget;
}

}  // namespace gmmvae::cuda
