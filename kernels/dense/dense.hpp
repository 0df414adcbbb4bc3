#pragma once

// One dense layer on one batch by many blocks: what the tiled trainer is made of. Matrices are row-major;
// strides are multiples of four floats and rows begin at multiples of 16 bytes. Nothing beyond the given
// extents counts, whatever the padding holds. The number of samples is read on the device, so that a recorded
// graph serves short last batches. How a product is cut follows from its shape and the device alone, and so
// do the bytes of its results.

#include <cstddef>

#include "gmmvae/activation.hpp"
#include "kernels/block/adam.cuh"
#include "kernels/dense/cut.hpp"
#include "kernels/gpu.hpp"

namespace gmmvae::dense {

/// A row-major array of floats.
template <class T>
struct Array {
  T* data = nullptr;
  int stride = 0;
};

/// The samples of a batch: up to `most`, now `*count` of them.
struct Samples {
  int most = 0;
  const int* count = nullptr;
};

/// output [samples][out] = activation(input W^T + bias), W [out][in].
struct Forward {
  int in = 0;
  int out = 0;
  Activation activation = Activation::identity;
  Array<const float> input;
  Array<const float> weight;
  const float* bias = nullptr;
  Array<float> output;
  float* slope = nullptr;  ///< gelu's derivative, with the output's stride; null for other activations
};
void launch_forward(const Forward& layer, const Samples& samples, Workspace& workspace, cudaStream_t stream,
                    const Cut& cut = {});

/// result [samples][in] = (delta W) * derivative of what made the input.
struct InputGradient {
  int in = 0;
  int out = 0;
  Array<const float> delta;
  Array<const float> weight;
  Activation activation = Activation::identity;  ///< of the layer below; identity where there is none
  Array<const float> below;                      ///< its output
  const float* slope = nullptr;                  ///< its derivative for gelu, with its output's stride
  Array<float> result;
};
void launch_input_gradient(const InputGradient& layer, const Samples& samples, Workspace& workspace,
                           cudaStream_t stream, const Cut& cut = {});

/// delta^T input and the column sums of delta, given to *update as gradients of the weights and of the bias.
struct ParameterGradients {
  int in = 0;
  int out = 0;
  Array<const float> delta;
  Array<const float> input;
  int weight = 0;  ///< offset of the weights in the packed parameters
  int weight_stride = 0;
  int bias = 0;
  const block::Update* update = nullptr;  ///< in device memory
  double* squared_norms = nullptr;        ///< a part of the squared norm for each tile
};
void launch_parameter_gradients(const ParameterGradients& layer, const Samples& samples, Workspace& workspace,
                                cudaStream_t stream, const Cut& cut = {});

}  // namespace gmmvae::dense
