#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "gmmvae/vae.hpp"
#include "kernels/dense/dense.hpp"
#include "kernels/library/gemm.hpp"
#include "kernels/runtime/memory.hpp"

namespace gmmvae::cuda {

/// One dense layer on a batch of random numbers with everything that its three kernels read and write. Given
/// a library, the same work by it: its product, and what it has no epilogue for by kernels of our own.
class Layer {
 public:
  Layer(const DenseShape& shape, std::size_t batch, cudaStream_t stream);

  void forward();
  void input_gradient();
  void parameter_gradients();
  void forward(library::Gemm& gemm);
  void input_gradient(library::Gemm& gemm);
  void parameter_gradients(library::Gemm& gemm);

  /// samples x in x out
  [[nodiscard]] std::string name() const;

  // results: [batch][stride], stride a multiple of four
  [[nodiscard]] const DeviceArray<float>& output() const { return output_; }
  [[nodiscard]] const DeviceArray<float>& gradient_of_input() const { return gradient_; }
  /// Adam's first moments, a tenth of the parameters' gradients after one parameter_gradients().
  [[nodiscard]] const DeviceArray<float>& moments() const { return first_; }

 private:
  [[nodiscard]] DeviceArray<float> normals(int count, std::uint32_t model) const;
  [[nodiscard]] DeviceArray<float> zeros(int count) const;
  /// Adam with a step size of 0: a kernel that is repeated moves nothing.
  [[nodiscard]] block::Update still();
  [[nodiscard]] dense::Forward forward_work();
  [[nodiscard]] dense::InputGradient input_gradient_work();
  [[nodiscard]] dense::ParameterGradients parameter_gradients_work();
  [[nodiscard]] dense::Samples samples() const { return {batch_, count_.data()}; }

  DenseShape shape_;
  int in_, out_, in_stride_, out_stride_, batch_, parameters_count_;
  cudaStream_t stream_;
  DeviceArray<int> count_;
  DeviceArray<float> input_, output_, delta_, gradient_, parameters_, first_, second_;
  DeviceArray<float> stored_;  ///< the parameters' gradients, where a library forms them
  dense::Workspace workspace_;
  DeviceArray<double> norms_;
  DeviceArray<block::Update> update_;
};

}  // namespace gmmvae::cuda
