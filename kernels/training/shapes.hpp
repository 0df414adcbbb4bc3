#pragma once

// The plans of a set of models, each shape once, and their tables on the device.

#include <cstddef>
#include <map>
#include <vector>

#include "kernels/runtime/memory.hpp"
#include "kernels/training/budget.hpp"
#include "kernels/training/task.hpp"

namespace gmmvae::cuda {

class Shapes {
 public:
  /// The number of the shape, laid out when it is new.
  int add(const Architecture& architecture, const Objective& objective, std::size_t batch) {
    std::vector<std::size_t> key = {architecture.data_dim,
                                    architecture.latent,
                                    batch,
                                    static_cast<std::size_t>(architecture.activation),
                                    static_cast<std::size_t>(architecture.posterior_variance),
                                    learns_decoder_variance(objective) ? 1U : 0U,
                                    static_cast<std::size_t>(objective.variance_kind),
                                    architecture.encoder_hidden.size()};
    key.insert(key.end(), architecture.encoder_hidden.begin(), architecture.encoder_hidden.end());
    key.insert(key.end(), architecture.decoder_hidden.begin(), architecture.decoder_hidden.end());
    const auto [found, is_new] = numbers_.try_emplace(key, static_cast<int>(models_.size()));
    if (is_new) models_.push_back(lay_out(architecture, objective, batch));
    return found->second;
  }
  [[nodiscard]] const LaidOutModel& operator[](int number) const {
    return models_[static_cast<std::size_t>(number)];
  }

  /// Copies the tables to the device; call it once, when all shapes are there.
  void upload(cudaStream_t stream) {
    std::vector<ModelPlan> plans;
    std::vector<DenseLayer> layers;
    std::vector<int> slot_floats;
    for (const LaidOutModel& model : models_) {
      plans.push_back(model.plan);
      plans.back().first_layer = static_cast<int>(layers.size());
      plans.back().first_slot = static_cast<int>(slot_floats.size());
      layers.insert(layers.end(), model.layers.begin(), model.layers.end());
      slot_floats.insert(slot_floats.end(), model.slot_floats.begin(), model.slot_floats.end());
    }
    plans_ = to_device(plans, stream);
    layers_ = to_device(layers, stream);
    slot_floats_ = to_device(slot_floats, stream);
  }
  [[nodiscard]] PlanTables tables() const { return {plans_.data(), layers_.data(), slot_floats_.data()}; }

 private:
  std::map<std::vector<std::size_t>, int> numbers_;
  std::vector<LaidOutModel> models_;
  DeviceArray<ModelPlan> plans_;
  DeviceArray<DenseLayer> layers_;
  DeviceArray<int> slot_floats_;
};

/// The objective's constants for a kernel.
inline block::LossConstants loss_constants(const Objective& objective, std::size_t data_dim,
                                           std::size_t latent, double log_jacobian) {
  const double variance = implied_decoder_variance(objective, data_dim, latent);
  const LossWeights weights = loss_weights(objective, data_dim, latent, {variance}, log_jacobian);
  block::LossConstants loss;
  loss.weight = weights.squared_error.front();
  loss.constant = weights.constant;
  loss.kl_weight = weights.kl_weight;
  loss.variance = variance;
  loss.variance_floor = objective.variance_floor;
  loss.log_jacobian = log_jacobian;
  loss.variance_learned = learns_decoder_variance(objective) ? 1 : 0;
  loss.variance_per_dim = objective.variance_kind == DecoderVarianceKind::learned_per_dim ? 1 : 0;
  return loss;
}

}  // namespace gmmvae::cuda
