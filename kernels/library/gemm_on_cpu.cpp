// The twin of gemm.cu for the emulator: the same products, each result by one emulated thread.
#include "kernels/block/activation.cuh"
#include "kernels/library/gemm.hpp"

namespace gmmvae::library {
namespace {

constexpr int threads = 64;

/// What a thread computes: element (row, column) of a product, a sum over `depth` of a(row, k) b(k, column).
struct Product {
  const float* a;
  int a_row, a_depth;  ///< strides
  const float* b;
  int b_depth, b_column;
  float* result;
  int stride;
  int rows, columns, depth;
  const float* bias;  ///< [columns], or null
  bool relu;
};

__global__ void multiply(Product product) {
  const int at = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (at >= product.rows * product.columns) return;
  const int row = at / product.columns;
  const int column = at % product.columns;
  float sum = 0.0f;
  for (int k = 0; k < product.depth; ++k)
    sum += product.a[row * product.a_row + k * product.a_depth] *
           product.b[k * product.b_depth + column * product.b_column];
  if (product.bias != nullptr) sum += product.bias[column];
  if (product.relu) sum = block::bend(sum, 0.0f);
  product.result[row * product.stride + column] = sum;
}

__global__ void sum_columns(const float* values, int stride, int rows, int columns, float* sums) {
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (column >= columns) return;
  float sum = 0.0f;
  for (int row = 0; row < rows; ++row) sum += values[row * stride + column];
  sums[column] = sum;
}

void start(const Product& product, cudaStream_t stream) {
  launch(multiply, (product.rows * product.columns + threads - 1) / threads, threads, 0, stream, product);
}

}  // namespace

struct Gemm::Implementation {};
Gemm::Gemm(cudaStream_t) {}
Gemm::~Gemm() = default;

bool Gemm::forward(const dense::Forward& layer, int samples, cudaStream_t stream) {
  const bool relu = layer.activation == Activation::relu;
  start({layer.input.data, layer.input.stride, 1, layer.weight.data, 1, layer.weight.stride,
         layer.output.data, layer.output.stride, samples, layer.out, layer.in, layer.bias, relu},
        stream);
  return relu || layer.activation == Activation::identity;
}

void Gemm::input_gradient(const dense::InputGradient& layer, int samples, cudaStream_t stream) {
  start({layer.delta.data, layer.delta.stride, 1, layer.weight.data, layer.weight.stride, 1,
         layer.result.data, layer.result.stride, samples, layer.in, layer.out, nullptr, false},
        stream);
}

void Gemm::parameter_gradients(const dense::ParameterGradients& layer, int samples, float* gradient,
                               cudaStream_t stream) {
  start({layer.delta.data, 1, layer.delta.stride, layer.input.data, layer.input.stride, 1,
         gradient + layer.weight, layer.weight_stride, layer.out, layer.in, samples, nullptr, false},
        stream);
  launch(sum_columns, (layer.out + threads - 1) / threads, threads, 0, stream, layer.delta.data,
         layer.delta.stride, samples, layer.out, gradient + layer.bias);
}

}  // namespace gmmvae::library
