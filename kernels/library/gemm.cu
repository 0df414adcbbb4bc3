#include "kernels/library/gemm.hpp"

#if __has_include(<cublasLt.h>)

#include <cublasLt.h>

#include <array>
#include <map>

#include "kernels/library/shared_library.hpp"
#include "kernels/runtime/memory.hpp"

namespace gmmvae::library {
namespace {

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw DeviceError(std::string("cuBLASLt: ") + what + " failed with status " + std::to_string(status));
}

/// The functions of cuBLASLt that are used, from the library of the version that the header is of.
struct Functions {
  decltype(&cublasLtCreate) create;
  decltype(&cublasLtDestroy) destroy;
  decltype(&cublasLtMatmulDescCreate) create_operation;
  decltype(&cublasLtMatmulDescDestroy) destroy_operation;
  decltype(&cublasLtMatmulDescSetAttribute) set_operation;
  decltype(&cublasLtMatrixLayoutCreate) create_layout;
  decltype(&cublasLtMatrixLayoutDestroy) destroy_layout;
  decltype(&cublasLtMatmulPreferenceCreate) create_preference;
  decltype(&cublasLtMatmulPreferenceDestroy) destroy_preference;
  decltype(&cublasLtMatmulPreferenceSetAttribute) set_preference;
  decltype(&cublasLtMatmulAlgoGetHeuristic) find_algorithm;
  decltype(&cublasLtMatmul) multiply;

  static const Functions& loaded() {
    static const Functions functions;
    return functions;
  }

 private:
  Functions() {
    const SharedLibrary library("libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR),
                                "install cuBLAS of the CUDA toolkit " + std::to_string(CUBLAS_VER_MAJOR) +
                                    ", or unset GMMVAE_CUDA_PRODUCTS to use the own products");
    const auto take = [&](auto& function, const char* symbol) { library.take(function, symbol); };
    take(create, "cublasLtCreate");
    take(destroy, "cublasLtDestroy");
    take(create_operation, "cublasLtMatmulDescCreate");
    take(destroy_operation, "cublasLtMatmulDescDestroy");
    take(set_operation, "cublasLtMatmulDescSetAttribute");
    take(create_layout, "cublasLtMatrixLayoutCreate");
    take(destroy_layout, "cublasLtMatrixLayoutDestroy");
    take(create_preference, "cublasLtMatmulPreferenceCreate");
    take(destroy_preference, "cublasLtMatmulPreferenceDestroy");
    take(set_preference, "cublasLtMatmulPreferenceSetAttribute");
    take(find_algorithm, "cublasLtMatmulAlgoGetHeuristic");
    take(multiply, "cublasLtMatmul");
  }
};

/// A matrix as cuBLASLt sees it, by columns; a row-major array is its transpose.
struct Matrix {
  const float* data;
  int rows;
  int columns;
  int stride;
};

class Layout {
 public:
  explicit Layout(const Matrix& matrix) {
    check(Functions::loaded().create_layout(&layout_, CUDA_R_32F, static_cast<std::uint64_t>(matrix.rows),
                                            static_cast<std::uint64_t>(matrix.columns), matrix.stride),
          "a layout");
  }
  ~Layout() { Functions::loaded().destroy_layout(layout_); }
  Layout(const Layout&) = delete;
  Layout& operator=(const Layout&) = delete;
  [[nodiscard]] cublasLtMatrixLayout_t get() const { return layout_; }

 private:
  cublasLtMatrixLayout_t layout_ = nullptr;
};

/// A product in single precision (no TF32), with its epilogue.
class Operation {
 public:
  Operation(cublasOperation_t a, cublasOperation_t b) {
    check(Functions::loaded().create_operation(&operation_, CUBLAS_COMPUTE_32F, CUDA_R_32F), "a product");
    set(CUBLASLT_MATMUL_DESC_TRANSA, a);
    set(CUBLASLT_MATMUL_DESC_TRANSB, b);
  }
  ~Operation() { Functions::loaded().destroy_operation(operation_); }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;
  template <class T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    check(Functions::loaded().set_operation(operation_, attribute, &value, sizeof value), "an attribute");
  }
  void end_with(cublasLtEpilogue_t epilogue, const float* bias) {
    set(CUBLASLT_MATMUL_DESC_EPILOGUE, epilogue);
    set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
  }
  [[nodiscard]] cublasLtMatmulDesc_t get() const { return operation_; }

 private:
  cublasLtMatmulDesc_t operation_ = nullptr;
};

constexpr std::size_t workspace_bytes = std::size_t{32} << 20;
/// Bytes on which all arrays begin (dense/dense.hpp); the library takes 256 for granted where it is not told.
constexpr std::uint32_t alignment = 16;

}  // namespace

struct Gemm::Implementation {
  cublasLtHandle_t handle = nullptr;
  DeviceArray<unsigned char> workspace;

  explicit Implementation(cudaStream_t stream) : workspace(workspace_bytes, stream) {
    check(Functions::loaded().create(&handle), "its start");
  }
  ~Implementation() { Functions::loaded().destroy(handle); }

  /// d = op(a) op(b) by the algorithm that the library thinks best among those whose sums have a fixed order.
  void multiply(const Operation& operation, const Matrix& a, const Matrix& b, const Matrix& d,
                cudaStream_t stream) const {
    const Functions& functions = Functions::loaded();
    const Layout layout_a(a);
    const Layout layout_b(b);
    const Layout layout_d(d);
    cublasLtMatmulPreference_t preference = nullptr;
    check(functions.create_preference(&preference), "a preference");
    const std::uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_NONE | CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    functions.set_preference(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace_bytes,
                             sizeof workspace_bytes);
    functions.set_preference(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes,
                             sizeof schemes);
    for (const auto least :
         {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
          CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
      functions.set_preference(preference, least, &alignment, sizeof alignment);
    cublasLtMatmulHeuristicResult_t found{};
    int count = 0;
    const cublasStatus_t status =
        functions.find_algorithm(handle, operation.get(), layout_a.get(), layout_b.get(), layout_d.get(),
                                 layout_d.get(), preference, 1, &found, &count);
    functions.destroy_preference(preference);
    check(status, "the choice of an algorithm");
    if (count == 0) throw DeviceError("cuBLASLt has no algorithm for a product of this shape");
    const float one = 1.0f;
    const float zero = 0.0f;
    float* result = const_cast<float*>(d.data);
    check(functions.multiply(handle, operation.get(), &one, a.data, layout_a.get(), b.data, layout_b.get(),
                             &zero, result, layout_d.get(), result, layout_d.get(), &found.algo,
                             const_cast<unsigned char*>(workspace.data()), workspace_bytes, stream),
          "a product");
  }
};

Gemm::Gemm(cudaStream_t stream) : implementation_(std::make_unique<Implementation>(stream)) {}
Gemm::~Gemm() = default;

bool Gemm::forward(const dense::Forward& layer, int samples, cudaStream_t stream) {
  const bool relu = layer.activation == Activation::relu;
  Operation operation(CUBLAS_OP_T, CUBLAS_OP_N);
  operation.end_with(relu ? CUBLASLT_EPILOGUE_RELU_BIAS : CUBLASLT_EPILOGUE_BIAS, layer.bias);
  implementation_->multiply(operation, {layer.weight.data, layer.in, layer.out, layer.weight.stride},
                            {layer.input.data, layer.in, samples, layer.input.stride},
                            {layer.output.data, layer.out, samples, layer.output.stride}, stream);
  return relu || layer.activation == Activation::identity;
}

void Gemm::input_gradient(const dense::InputGradient& layer, int samples, cudaStream_t stream) {
  const Operation operation(CUBLAS_OP_N, CUBLAS_OP_N);
  implementation_->multiply(operation, {layer.weight.data, layer.in, layer.out, layer.weight.stride},
                            {layer.delta.data, layer.out, samples, layer.delta.stride},
                            {layer.result.data, layer.in, samples, layer.result.stride}, stream);
}

void Gemm::parameter_gradients(const dense::ParameterGradients& layer, int samples, float* gradient,
                               cudaStream_t stream) {
  Operation operation(CUBLAS_OP_N, CUBLAS_OP_T);
  operation.end_with(CUBLASLT_EPILOGUE_BGRADB, gradient + layer.bias);
  implementation_->multiply(operation, {layer.input.data, layer.in, samples, layer.input.stride},
                            {layer.delta.data, layer.out, samples, layer.delta.stride},
                            {gradient + layer.weight, layer.in, layer.out, layer.weight_stride}, stream);
}

}  // namespace gmmvae::library

#else

namespace gmmvae::library {

struct Gemm::Implementation {};
Gemm::Gemm(cudaStream_t) {
  throw DeviceError(
      "this build has no products of cuBLASLt: its header was not there; unset GMMVAE_CUDA_PRODUCTS");
}
Gemm::~Gemm() = default;
bool Gemm::forward(const dense::Forward&, int, cudaStream_t) {
  return false;
}
void Gemm::input_gradient(const dense::InputGradient&, int, cudaStream_t) {}
void Gemm::parameter_gradients(const dense::ParameterGradients&, int, float*, cudaStream_t) {}

}  // namespace gmmvae::library

#endif
