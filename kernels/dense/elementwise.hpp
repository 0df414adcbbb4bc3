#pragma once

// What is left of a layer when a library forms its products: activations that its epilogues do not have,
// their derivatives, and the update from a stored gradient.

#include "kernels/dense/dense.hpp"

namespace gmmvae::dense {

/// output <- activation(output), and slope where the layer has one, for the first *samples.count rows.
void launch_activate(const Forward& layer, const Samples& samples, cudaStream_t stream);
/// result <- result * derivative of what made the input.
void launch_pass_activation(const InputGradient& layer, const Samples& samples, cudaStream_t stream);
/// The layer's part of `gradient` (packed as the parameters) given to *layer.update, unless the batch is
/// empty; layer.squared_norms has blocks_of_update() numbers.
void launch_update(const ParameterGradients& layer, const float* gradient, const Samples& samples,
                   cudaStream_t stream);
int blocks_of_update(int in, int out);

}  // namespace gmmvae::dense
