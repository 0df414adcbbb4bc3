#pragma once

// How one model lies in the memory that its block works in: plain data, made on the host, read by the
// kernels.
//
// Parameters, gradients and moments share one packed layout: of every layer the weights
// [out4][weight_stride], then the bias [out4]; last the decoder's log variance. `4` means padded up to a
// multiple of four, so that rows are read as float4; the padding of weights is zero and stays zero. A stride
// is an odd multiple of four floats: eight consecutive rows then start in eight different groups of four
// banks. The fused trainer has the weights within a layer in an order of its own (fused/layout.cuh).
//
// Batches of activations are sample-major, [batch][stride], in slots of a workspace. A slot is shared by
// arrays whose lives do not overlap within a training step.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gmmvae/activation.hpp"
#include "gmmvae/objective.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae::cuda {

/// One dense layer. The arrays `input` to `delta` are slots in a plan, and offsets in floats from the block's
/// base once a kernel has resolved them; -1 where there is none.
struct DenseLayer {
  int in = 0;
  int out = 0;
  int weight = 0;         ///< offset in the packed parameters
  int weight_stride = 0;  ///< of its rows, one an output
  int bias = 0;           ///< offset in the packed parameters
  int input = -1;
  int input_stride = 0;
  int output = -1;  ///< after the activation
  int output_stride = 0;
  int slope = -1;  ///< derivative of the activation, for gelu only, laid out as output
  int delta = -1;  ///< gradient with respect to the pre-activation, with the output's stride
  Activation activation = Activation::identity;
};

/// One shape: a model with its batch.
struct ModelPlan {
  int data_dim = 0;
  int latent = 0;
  PosteriorVariance posterior_variance = PosteriorVariance::exp;
  int encoder_layers = 0;
  int decoder_layers = 0;
  int first_layer = 0;  ///< in the table of layers
  int slots = 0;
  int first_slot = 0;  ///< in the table of slot sizes
  int batch = 0;       ///< rows that every array of activations has
  int parameters = 0;  ///< floats of the packed layout
  int log_variance = 0;
  int log_variances = 0;  ///< 0, 1 or data_dim
  int x = -1;             ///< [batch][x_stride]; the reconstruction and its gradient have the same stride
  int x_stride = 0;
  int noise = -1;  ///< [batch][z_stride], as are z and its gradient
  int z = -1;
  int z_gradient = -1;
  int z_stride = 0;
};

/// A plan with its tables.
struct LaidOutModel {
  ModelPlan plan;
  std::vector<DenseLayer> layers;
  std::vector<int> slot_floats;

  /// Floats of all slots: activations and what belongs to a step, without the parameters.
  [[nodiscard]] std::size_t workspace_floats() const;
};

/// Lays out a model for batches of up to `batch` rows. Throws Error where an array has more than 2^31 floats.
LaidOutModel lay_out(const Architecture& architecture, const Objective& objective, std::size_t batch);

/// Between the canonical flat vector (ParameterLayout) and the packed one, whose padding is left as it is.
void pack(const LaidOutModel& model, const float* canonical, float* packed);
void unpack(const LaidOutModel& model, const float* packed, float* canonical);

}  // namespace gmmvae::cuda
