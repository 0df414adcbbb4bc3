#include <algorithm>
#include <vector>

#include "gmmvae/random.hpp"
#include "kernels/bench/layer.hpp"
#include "kernels/dense/elementwise.hpp"

namespace gmmvae::cuda {
namespace {

int round_up_to_4(int n) {
  return (n + 3) / 4 * 4;
}

}  // namespace

Layer::Layer(const DenseShape& shape, std::size_t batch, cudaStream_t stream)
    : shape_(shape),
      in_(static_cast<int>(shape.in)),
      out_(static_cast<int>(shape.out)),
      in_stride_(round_up_to_4(in_)),
      out_stride_(round_up_to_4(out_)),
      batch_(static_cast<int>(batch)),
      parameters_count_(out_ * in_stride_ + out_stride_),
      stream_(stream),
      count_(to_device(std::vector<int>{batch_}, stream)),
      input_(normals(batch_ * in_stride_, 1)),
      output_(normals(batch_ * out_stride_, 2)),
      delta_(normals(batch_ * out_stride_, 3)),
      gradient_(normals(batch_ * in_stride_, 4)),
      parameters_(normals(parameters_count_, 5)),
      first_(zeros(parameters_count_)),
      second_(zeros(parameters_count_)),
      stored_(zeros(parameters_count_)),
      workspace_(stream),
      norms_(static_cast<std::size_t>(
                 std::max(workspace_.parts_of_norm(batch_, in_, out_), dense::blocks_of_update(in_, out_))),
             stream),
      update_(to_device(std::vector<block::Update>{still()}, stream)) {
  workspace_.prepare(batch_, in_, out_);
}

void Layer::forward() {
  dense::launch_forward(forward_work(), samples(), workspace_, stream_);
}
void Layer::input_gradient() {
  dense::launch_input_gradient(input_gradient_work(), samples(), workspace_, stream_);
}
void Layer::parameter_gradients() {
  dense::launch_parameter_gradients(parameter_gradients_work(), samples(), workspace_, stream_);
}

void Layer::forward(library::Gemm& gemm) {
  if (!gemm.forward(forward_work(), batch_, stream_))
    dense::launch_activate(forward_work(), samples(), stream_);
}
void Layer::input_gradient(library::Gemm& gemm) {
  gemm.input_gradient(input_gradient_work(), batch_, stream_);
  dense::launch_pass_activation(input_gradient_work(), samples(), stream_);
}
void Layer::parameter_gradients(library::Gemm& gemm) {
  gemm.parameter_gradients(parameter_gradients_work(), batch_, stored_.data(), stream_);
  dense::launch_update(parameter_gradients_work(), stored_.data(), samples(), stream_);
}

std::string Layer::name() const {
  return std::to_string(batch_) + "x" + std::to_string(in_) + "x" + std::to_string(out_);
}

DeviceArray<float> Layer::normals(int count, std::uint32_t model) const {
  const RandomStream stream(1, Purpose::evaluation, model);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(stream.normal(i));
  return to_device(values, stream_);
}

DeviceArray<float> Layer::zeros(int count) const {
  DeviceArray<float> values(static_cast<std::size_t>(count), stream_);
  values.fill_with_zeros();
  return values;
}

block::Update Layer::still() {
  block::Update update{};
  update.parameters = parameters_.data();
  update.first_in = update.first_out = first_.data();
  update.second_in = update.second_out = second_.data();
  update.step = {0.1f, 0.999f, 0.001f, 1e-8f, 0.0f, 1.0f};
  return update;
}

dense::Forward Layer::forward_work() {
  return {in_,
          out_,
          shape_.activation == Activation::gelu ? Activation::relu : shape_.activation,
          {input_.data(), in_stride_},
          {parameters_.data(), in_stride_},
          parameters_.data() + out_ * in_stride_,
          {output_.data(), out_stride_},
          nullptr};
}

dense::InputGradient Layer::input_gradient_work() {
  return {in_,
          out_,
          {delta_.data(), out_stride_},
          {parameters_.data(), in_stride_},
          Activation::relu,
          {input_.data(), in_stride_},
          nullptr,
          {gradient_.data(), in_stride_}};
}

dense::ParameterGradients Layer::parameter_gradients_work() {
  return {in_,
          out_,
          {delta_.data(), out_stride_},
          {input_.data(), in_stride_},
          0,
          in_stride_,
          out_ * in_stride_,
          update_.data(),
          norms_.data()};
}

}  // namespace gmmvae::cuda
