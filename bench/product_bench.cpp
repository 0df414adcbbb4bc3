// The trainer's matrix product, compiled for this processor, shape by shape, and libxsmm's generated kernels
// beside it where libxsmm is installed. The last shape of the own product is the core's sgemm.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

#ifdef GMMVAE_HAVE_LIBXSMM
#include <libxsmm.h>
#endif

#define GMMVAE_ISA_NAMESPACE product_bench
#if defined(__AVX512F__)
#define GMMVAE_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define GMMVAE_VECTOR_BYTES 32
#else
#define GMMVAE_VECTOR_BYTES 16
#endif
#include "host/cpu/simd/product.hpp"

namespace gmmvae {
namespace {

/// result [rows, columns] = left [rows, depth] * right [depth, columns], all row-major, or with left stored
/// as [depth, rows], as the gradient of a weight matrix has it.
struct Shape {
  std::ptrdiff_t rows;
  std::ptrdiff_t columns;
  std::ptrdiff_t depth;
  bool left_transposed;
};

/// Products of a step on a batch of 96 (output and input's gradient, then the weights' gradient) for widths
/// 64, 16, 32 and 256, the encoder's first layer, and last a product that is large for registers and still
/// lies in L2.
constexpr Shape kShapes[] = {{96, 64, 64, false},   {64, 64, 96, true},    {96, 64, 3, false},
                             {96, 16, 16, false},   {16, 16, 96, true},    {96, 32, 32, false},
                             {32, 32, 96, true},    {96, 256, 256, false}, {256, 256, 96, true},
                             {192, 256, 256, false}};

std::vector<float> some_numbers(std::ptrdiff_t count, unsigned seed) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
  std::vector<float> numbers(static_cast<std::size_t>(count));
  for (float& number : numbers) number = uniform(engine);
  return numbers;
}

struct Operands {
  explicit Operands(const Shape& shape)
      : left(some_numbers(shape.rows * shape.depth, 1)),
        right(some_numbers(shape.depth * shape.columns, 2)),
        result(static_cast<std::size_t>(shape.rows * shape.columns)) {}

  std::vector<float> left, right, result;
};

/// The trainer's product with nothing around it: each finished tile is stored.
struct ProductTiles {
  const Shape& shape;
  Operands& operands;

  template <int R, int V>
  void tile(std::ptrdiff_t row, std::ptrdiff_t column) {
    using namespace cpu::product_bench;
    Tile<float, R, V> tile = {};
    const std::ptrdiff_t row_step = shape.left_transposed ? 1 : shape.depth;
    const std::ptrdiff_t k_step = shape.left_transposed ? shape.rows : 1;
    multiply_add<float, R, V>(tile, operands.left.data() + row * row_step, row_step, k_step,
                              operands.right.data() + column, shape.columns, shape.depth);
    for (int i = 0; i < R; ++i) {
      float* row_of_result = operands.result.data() + (row + i) * shape.columns + column;
      for (int v = 0; v < V; ++v) store(row_of_result + v * kLanes<float>, tile.at[i][v]);
    }
  }
};

void multiply(const Shape& shape, Operands& operands) {
  ProductTiles tiles{shape, operands};
  cpu::product_bench::Tiling<float, ProductTiles>::run(tiles, shape.rows,
                                                       shape.columns / cpu::product_bench::kLanes<float>);
}

void report(benchmark::State& state, const Shape& shape) {
  const double operations = 2.0 * static_cast<double>(shape.rows * shape.columns * shape.depth);
  state.counters["FLOP/s"] =
      benchmark::Counter(operations * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
  state.SetLabel(std::to_string(shape.rows) + " x " + std::to_string(shape.columns) + " x " +
                 std::to_string(shape.depth) + (shape.left_transposed ? ", left transposed" : ""));
}

void own(benchmark::State& state) {
  const Shape& shape = kShapes[state.range(0)];
  Operands operands(shape);
  for (auto _ : state) {
    multiply(shape, operands);
    benchmark::ClobberMemory();
  }
  report(state, shape);
}
BENCHMARK(own)->DenseRange(0, std::size(kShapes) - 1);

#ifdef GMMVAE_HAVE_LIBXSMM

/// libxsmm works column-major, where a row-major product reads result' = right' * left'.
class LibxsmmKernel {
 public:
  explicit LibxsmmKernel(const Shape& shape) {
    const auto m = static_cast<libxsmm_blasint>(shape.columns);
    const auto n = static_cast<libxsmm_blasint>(shape.rows);
    const auto k = static_cast<libxsmm_blasint>(shape.depth);
    const libxsmm_blasint left_stride = shape.left_transposed ? n : k;
    const float alpha = 1.0F;
    const float beta = 0.0F;
    const int flags = shape.left_transposed ? LIBXSMM_GEMM_FLAG_TRANS_B : LIBXSMM_GEMM_FLAG_NONE;
    kernel_ = libxsmm_smmdispatch(m, n, k, &m, &left_stride, &m, &alpha, &beta, &flags, nullptr);
  }
  [[nodiscard]] bool exists() const { return kernel_ != nullptr; }
  void multiply(Operands& operands) const {
    kernel_(operands.right.data(), operands.left.data(), operands.result.data());
  }

 private:
  libxsmm_smmfunction kernel_ = nullptr;
};

/// Two orders of adding at most 256 products below 1: each partial sum is below 256 and rounds by at most 256
/// * 2^-24.
bool same_result(const Shape& shape, const LibxsmmKernel& kernel, Operands& operands) {
  kernel.multiply(operands);
  const std::vector<float> theirs = operands.result;
  multiply(shape, operands);
  for (std::size_t i = 0; i < theirs.size(); ++i) {
    if (!(std::abs(theirs[i] - operands.result[i]) <= 2 * 256 * 256 * 0x1p-24F)) return false;
  }
  return true;
}

void libxsmm(benchmark::State& state) {
  const Shape& shape = kShapes[state.range(0)];
  Operands operands(shape);
  const LibxsmmKernel kernel(shape);
  if (!kernel.exists()) {
    state.SkipWithError("libxsmm generates no kernel for this shape");
    return;
  }
  if (!same_result(shape, kernel, operands)) {
    state.SkipWithError("the two results differ");
    return;
  }
  for (auto _ : state) {
    kernel.multiply(operands);
    benchmark::ClobberMemory();
  }
  report(state, shape);
}
BENCHMARK(libxsmm)->DenseRange(0, std::size(kShapes) - 1);

#endif

}  // namespace
}  // namespace gmmvae
