#pragma once

#include <cstddef>
#include <cstdint>

#include "gmmvae/activation.hpp"
#include "host/random/keyed_permutation.hpp"

// What the trainer for one instruction set works on: plain data, laid out by host/cpu/workspace.cpp. Two
// layouts of a batch of activations are in use, B samples with row stride given beside them:
//   sample-major [B][features]: for wide layers; vectors run over features, padded with zeros to whole
//   vectors planar [features][B]: for narrow layers, the latent code and the data; vectors run over samples
namespace gmmvae::cpu {

/// One dense layer. The weight matrix is stored so that its rows are what the products load as vectors:
/// [in][out] where the output is sample-major, [out][in] where it is planar.
template <class T>
struct LayerPlan {
  std::ptrdiff_t in = 0;
  std::ptrdiff_t out = 0;
  Activation activation = Activation::identity;
  bool planar_input = false;
  bool planar_output = false;
  std::ptrdiff_t rows = 0;         ///< of the stored weight matrix
  std::ptrdiff_t stride = 0;       ///< of its rows, whole vectors
  std::ptrdiff_t weight = 0;       ///< offset of the matrix in the packed parameters
  std::ptrdiff_t bias = 0;         ///< offset of the bias, padded to whole vectors
  std::ptrdiff_t bias_padded = 0;  ///< its padded length
  T* transposed = nullptr;         ///< [out][transposed_stride] copy, where input and output are sample-major
  std::ptrdiff_t transposed_stride = 0;
  T* output = nullptr;  ///< after the activation
  std::ptrdiff_t output_stride = 0;
  T* slope = nullptr;          ///< derivative of the activation, stored for gelu only; laid out as output
  T* delta = nullptr;          ///< gradient with respect to the pre-activation, laid out as output
  T* bias_gradient = nullptr;  ///< its sums over samples, padded
};

/// Coefficients of one Adam step (Kingma & Ba 2015, as PyTorch computes it).
struct AdamStep {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double step_size = 0.0;                ///< learning rate / (1 - beta1^t)
  double inverse_root_correction = 0.0;  ///< 1 / sqrt(1 - beta2^t)
};

/// The loss of a batch, see LossWeights; for a learned variance v = floor + exp(log_variance).
template <class T>
struct LossPlan {
  T* squared_error_weight = nullptr;  ///< [D]
  double kl_weight = 1.0;             ///< in front of the KL summed over latent dimensions
  bool variance_learned = false;
  bool variance_per_dim = false;
  double variance_floor = 0.0;
  double variance_rate_factor = 1.0;  ///< its own multiple of the learning rate
  std::ptrdiff_t log_variance = 0;    ///< offset of the raw parameter, [1] or [D], padded
};

/// Which random stream the noise of a batch comes from.
struct NoiseKey {
  std::uint64_t seed = 0;
  std::uint32_t purpose = 0;
  std::uint32_t model = 0;
  std::uint32_t step = 0;
};

/// One model's whole state and scratch.
template <class T>
struct ModelPlan {
  std::ptrdiff_t data_dim = 0;
  std::ptrdiff_t latent = 0;
  PosteriorVariance posterior_variance = PosteriorVariance::exp;
  LayerPlan<T>* layers = nullptr;  ///< the encoder's, then the decoder's
  std::ptrdiff_t encoder_layers = 0;
  std::ptrdiff_t decoder_layers = 0;
  std::ptrdiff_t parameter_count = 0;  ///< packed, with padding
  T* parameters = nullptr;
  T* first_moment = nullptr;
  T* second_moment = nullptr;
  T* gradient = nullptr;  ///< null: Adam is applied as soon as a gradient is known
  LossPlan<T> loss;
  AdamStep adam;

  std::ptrdiff_t batch_stride = 0;  ///< of planar rows, whole vectors
  T* x = nullptr;                   ///< planar [D]
  T* noise = nullptr;               ///< planar [Z]
  T* mean = nullptr;        ///< planar [2Z]: mean, then the raw variance head; its gradient after backward
  T* variance = nullptr;    ///< planar [Z]
  T* z = nullptr;           ///< planar [Z]
  T* z_gradient = nullptr;  ///< planar [Z]
  T* y = nullptr;           ///< planar [D]: the reconstruction; its gradient after backward
  T* scratch = nullptr;     ///< random numbers in element order; one row of a narrow weight gradient
};

/// Sums over the samples of one batch.
struct BatchSums {
  double* squared_error = nullptr;     ///< [D]
  double* kl = nullptr;                ///< [Z], nats
  double gradient_squared_norm = 0.0;  ///< of the whole gradient, after backward
};

/// order[i] <- where position i of a KeyedPermutation of `size` elements with these 8 round keys comes from.
using PermuteFunction = void (*)(const std::uint32_t* keys, keyed_permutation::Halves halves,
                                 std::uint32_t size, std::uint32_t* order);

/// The functions of one instruction set. Sizes: batch <= what the plan was laid out for.
template <class T>
struct Kernels {
  std::ptrdiff_t lanes;
  /// x <- the rows of data [N, D] named by index, or the first `batch` rows where index is null.
  void (*gather)(const ModelPlan<T>&, const T* data, const std::uint32_t* index, std::ptrdiff_t batch);
  /// noise(b, j) <- normal number `first_element + b * Z + j` of the stream.
  void (*fill_noise)(const ModelPlan<T>&, const NoiseKey&, std::uint64_t first_element, std::ptrdiff_t batch);
  /// x -> mean, variance.
  void (*encode)(const ModelPlan<T>&, std::ptrdiff_t batch);
  /// mean, variance, noise -> z and the KL sums.
  void (*sample)(const ModelPlan<T>&, std::ptrdiff_t batch, BatchSums&);
  /// z -> y.
  void (*decode)(const ModelPlan<T>&, std::ptrdiff_t batch);
  /// x, y -> squared errors.
  void (*compare)(const ModelPlan<T>&, std::ptrdiff_t batch, BatchSums&);
  /// After all of the above: gradients, applied by Adam or stored.
  void (*backward)(const ModelPlan<T>&, std::ptrdiff_t batch, BatchSums&);
  /// Brings the transposed copies up to date with the parameters.
  void (*refresh)(const ModelPlan<T>&);
  /// Parts of the above for one layer, to be timed alone: its output; from its gradient that of the layer
  /// below (of z below the decoder's first layer; the encoder's has none); Adam on its weights and biases.
  void (*layer_output)(const ModelPlan<T>&, std::ptrdiff_t layer, std::ptrdiff_t batch);
  void (*layer_input_gradient)(const ModelPlan<T>&, std::ptrdiff_t layer, std::ptrdiff_t batch);
  void (*layer_update)(const ModelPlan<T>&, std::ptrdiff_t layer, std::ptrdiff_t batch);
};

/// Loops that a core's peaks are measured with.
struct PeakLoops {
  double operations_a_round;                   ///< floating-point
  float (*multiply_adds)(std::size_t rounds);  ///< in registers; the result only keeps the loop alive
  void (*copy)(const float* from, float* to, std::size_t count);  ///< count a multiple of 64
};

/// One instruction set's trainer, in both precisions.
struct InstructionSet {
  const char* name;
  PermuteFunction permute;
  Kernels<float> single;
  Kernels<double> double_;
  PeakLoops peaks;
};

}  // namespace gmmvae::cpu
