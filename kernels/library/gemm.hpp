#pragma once

// The products of dense layers by cuBLASLt with its fused epilogues: a yardstick for kernels/dense, and what
// the tiled trainer uses when it is told to. cuBLASLt is loaded when the first object is made, so that
// libgmmvae_cuda needs no library of it. gemm_on_cpu.cpp is the twin for the emulator.

#include <memory>

#include "kernels/dense/dense.hpp"

namespace gmmvae::library {

class Gemm {
 public:
  /// On the current device, for products in the order of `stream` (two at once would share their memory).
  /// Throws DeviceError with what is missing and what to do.
  explicit Gemm(cudaStream_t stream);
  ~Gemm();
  Gemm(const Gemm&) = delete;
  Gemm& operator=(const Gemm&) = delete;

  /// output = input W^T + bias, and relu where that is the layer's activation; returns whether the output is
  /// activated. The number of samples is the host's here.
  bool forward(const dense::Forward& layer, int samples, cudaStream_t stream);
  /// result = delta W; the activation below is left to the caller.
  void input_gradient(const dense::InputGradient& layer, int samples, cudaStream_t stream);
  /// Weights' and bias' places in `gradient`, which is laid out as the packed parameters, get delta^T input
  /// and the column sums of delta.
  void parameter_gradients(const dense::ParameterGradients& layer, int samples, float* gradient,
                           cudaStream_t stream);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace gmmvae::library
