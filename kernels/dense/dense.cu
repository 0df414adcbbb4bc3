#include "kernels/block/activation.cuh"
#include "kernels/block/tiling.cuh"
#include "kernels/dense/dense.hpp"
#include "kernels/dense/split.cuh"
#include "kernels/dense/tile.cuh"

namespace gmmvae::dense {
namespace {

using block::ceil_div;
using block::Four;

/// Up to four neighbours, those before the last column.
__device__ inline void store_inside(float* at, const Four& four, int left) {
  if (left >= 4) {
    block::store4(at, four);
    return;
  }
#pragma unroll
  for (int j = 0; j < 3; ++j)
    if (j < left) at[j] = four.at[j];
}

/// The tile of this block.
template <class T>
struct TilePlace {
  int row = static_cast<int>(blockIdx.y) * T::rows;
  int column = static_cast<int>(blockIdx.x) * T::columns;
};

/// The sum of every fourth step of a panel that lies across the depth; by fours, because all wait for a
/// chain.
template <class T>
__device__ inline float sum_of_steps(const float* panel) {
  float sum = 0.0f;
#pragma unroll
  for (int k = 0; k < T::depth * T::rows; k += 4 * tile_threads)
    sum += (panel[k] + panel[k + tile_threads]) + (panel[k + 2 * tile_threads] + panel[k + 3 * tile_threads]);
  return sum;
}

/// A product of this block: its share of the depth, then what becomes of the sums.
template <class T, Lies lies_a, Lies lies_b, class Finish>
__device__ inline void run_tile(const Operand& a, const Operand& b, int depth, const Meetings& meetings,
                                Finish& finish, bool wants_row_sums = false) {
  GPU_DYNAMIC_SHARED(memory);
  SharedArena arena(memory);
  float* buffer = arena.take<float>(floats_of_tile<T, lies_a, lies_b>());
  const Share share(depth, T::depth);
  if (share.first < share.end) {  // the same for the whole block, as all that follows
    const TilePlace<T> at;
    Sums sum = {};
    RowSums row_sums{wants_row_sums};
    multiply_tile<T, lies_a, lies_b>(a, b, at.row, at.column, share.first, share.end, buffer, sum,
                                     [&](const float* panel) {
                                       if (!row_sums.wanted) return;
                                       row_sums.mine += sum_of_steps<T>(panel + threadIdx.x);
                                     });
    finish_tile<T, lies_a, lies_b>(sum, row_sums, buffer, Meeting<T>(meetings, share.of), finish);
  }
}

struct ForwardFinish {
  const Forward& layer;
  int first_row, first_column;
  int rows, columns;  ///< of the tile that there are

  static constexpr int together = 4;
  using Loaded = Four;
  __device__ Four load(int, int column) const {
    Four bias;
#pragma unroll
    for (int j = 0; j < 4; ++j)
      bias.at[j] = column + j < columns ? layer.bias[first_column + column + j] : 0.0f;
    return bias;
  }
  __device__ void quad(int row, int column, const Four& sums, const Four& bias) const {
    const std::ptrdiff_t at =
        static_cast<std::ptrdiff_t>(first_row + row) * layer.output.stride + first_column + column;
    Four raw;
#pragma unroll
    for (int j = 0; j < 4; ++j) raw.at[j] = sums.at[j] + bias.at[j];
    if (layer.slope != nullptr) {
      Four slope;
#pragma unroll
      for (int j = 0; j < 4; ++j) slope.at[j] = block::gelu_slope(raw.at[j]);
      store_inside(layer.slope + at, slope, columns - column);
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) raw.at[j] = block::activate(layer.activation, raw.at[j]);
    store_inside(layer.output.data + at, raw, columns - column);
  }
  __device__ void begin() const {}
  __device__ void row_sum(int, float) const {}
  __device__ void end() const {}
};

struct InputGradientFinish {
  const InputGradient& layer;
  int first_row, first_column;
  int rows, columns;

  static constexpr int together = 4;
  using Loaded = Four;
  __device__ Four load(int row, int column) const {
    if (layer.activation == Activation::identity) return {};
    const std::ptrdiff_t at =
        static_cast<std::ptrdiff_t>(first_row + row) * layer.below.stride + first_column + column;
    return block::load4(layer.slope != nullptr ? layer.slope + at : layer.below.data + at);
  }
  __device__ void quad(int row, int column, const Four& sums, const Four& below) const {
    Four result = sums;
    if (layer.activation != Activation::identity) {
#pragma unroll
      for (int j = 0; j < 4; ++j)
        result.at[j] *=
            layer.slope != nullptr ? below.at[j] : block::activation_slope(layer.activation, below.at[j]);
    }
    store_inside(layer.result.data + static_cast<std::ptrdiff_t>(first_row + row) * layer.result.stride +
                     first_column + column,
                 result, columns - column);
  }
  __device__ void begin() const {}
  __device__ void row_sum(int, float) const {}
  __device__ void end() const {}
};

/// Sum over the block in a fixed order, for thread 0. `parts` holds one number a warp.
__device__ inline double block_sum(double mine, double* parts) {
  const double of_warp = block::warp_sum(mine);
  if (lane_id() == 0) parts[warp_id()] = of_warp;
  __syncthreads();
  double total = 0.0;
  if (thread_rank() == 0) {
    for (unsigned w = 0; w < block_threads() / 32; ++w) total += parts[w];
  }
  return total;
}

struct ParameterFinish {
  const ParameterGradients& layer;
  int first_row, first_column;
  int rows, columns;
  double* parts;  ///< [warps]
  block::Update update;

  __device__ void begin() {  // not earlier: it would take registers from the product
    update = *layer.update;
    update.squared_norm = 0.0f;
  }
  static constexpr int together = 2;
  using Loaded = block::Update::Quad;
  __device__ Loaded load(int row, int column) const {
    if (update.gradient != nullptr || columns - column < 4) return {};
    return update.load(offset(row, column));
  }
  __device__ void quad(int row, int column, const Four& sums, const Loaded& before) {
    const int at = offset(row, column);
    if (columns - column >= 4) {
      update.apply4(at, sums, before);
      return;
    }
#pragma unroll
    for (int j = 0; j < 3; ++j)
      if (column + j < columns) update.apply(at + j, sums.at[j]);
  }
  [[nodiscard]] __device__ int offset(int row, int column) const {
    return layer.weight + (first_row + row) * layer.weight_stride + first_column + column;
  }
  __device__ void row_sum(int row, float sum) {
    update.apply(layer.bias + first_row + row, sum);
  }
  __device__ void end() {
    const double norm = block_sum(static_cast<double>(update.squared_norm), parts);
    if (thread_rank() == 0) layer.squared_norms[blockIdx.y * gridDim.x + blockIdx.x] = norm;
  }
};

// Blocks at once on a multiprocessor. Two leave 128 registers a thread: as far as nothing spills. From sm_120
// on shared memory has room for one anyway.
constexpr int forward_blocks = GPU_ARCH < 1200 ? 2 : 1;
constexpr int input_blocks = GPU_ARCH >= 900 && GPU_ARCH < 1200 ? 2 : 1;
constexpr int parameter_blocks = 2;

template <class T>
__global__ void __launch_bounds__(tile_threads, forward_blocks)
    forward(Forward layer, const int* samples, Meetings meetings) {
  const TilePlace<T> at;
  const int count = *samples;
  if (at.row < count) {  // the same for the whole block
    ForwardFinish finish{layer, at.row, at.column, count - at.row, layer.out - at.column};
    run_tile<T, Lies::along_depth, Lies::along_depth>(
        {layer.input.data, layer.input.stride, count, layer.in},
        {layer.weight.data, layer.weight.stride, layer.out, layer.in}, layer.in, meetings, finish);
  }
}

template <class T>
__global__ void __launch_bounds__(tile_threads, input_blocks)
    input_gradient(InputGradient layer, const int* samples, Meetings meetings) {
  const TilePlace<T> at;
  const int count = *samples;
  if (at.row < count) {
    InputGradientFinish finish{layer, at.row, at.column, count - at.row, layer.in - at.column};
    run_tile<T, Lies::along_depth, Lies::across_depth>(
        {layer.delta.data, layer.delta.stride, count, layer.out},
        {layer.weight.data, layer.weight.stride, layer.out, layer.in}, layer.out, meetings, finish);
  }
}

template <class T>
__global__ void __launch_bounds__(tile_threads, parameter_blocks)
    parameter_gradients(ParameterGradients layer, const int* samples, Meetings meetings) {
  GPU_SHARED(double, parts, [tile_threads / 32]);
  const TilePlace<T> at;
  const int count = *samples;
  if (count > 0) {
    ParameterFinish finish{layer, at.row, at.column, layer.out - at.row, layer.in - at.column, parts, {}};
    run_tile<T, Lies::across_depth, Lies::across_depth>(
        {layer.delta.data, layer.delta.stride, count, layer.out},
        {layer.input.data, layer.input.stride, count, layer.in}, count, meetings, finish, blockIdx.x == 0);
  }
}

using Small = Tile<64>;
using Wide = Tile<128>;

/// The kernel of one product for tiles of one size, and the floats of its block's shared memory.
template <class Layer>
struct Product {
  void (*kernel)(Layer, const int*, Meetings);
  int floats;
};

template <class Layer>
void launch_product(const Product<Layer>& small, const Product<Layer>& wide, const Layer& layer, int rows,
                    int columns, int depth, const Samples& samples, Workspace& workspace, cudaStream_t stream,
                    Cut cut) {
  if (cut.columns == 0) cut = workspace.cut(rows, columns, depth);
  const Product<Layer>& product = cut.columns == Small::columns ? small : wide;
  const dim3 grid = {static_cast<unsigned>(ceil_div(columns, cut.columns)),
                     static_cast<unsigned>(ceil_div(rows, tile_rows)), static_cast<unsigned>(cut.splits)};
  launch(product.kernel, grid, tile_threads, static_cast<std::size_t>(product.floats) * sizeof(float), stream,
         layer, samples.count, workspace.meetings(cut, rows, columns));
}

constexpr Lies along = Lies::along_depth;
constexpr Lies across = Lies::across_depth;

}  // namespace

void launch_forward(const Forward& layer, const Samples& samples, Workspace& workspace, cudaStream_t stream,
                    const Cut& cut) {
  launch_product<Forward>({forward<Small>, floats_of_tile<Small, along, along>()},
                          {forward<Wide>, floats_of_tile<Wide, along, along>()}, layer, samples.most,
                          layer.out, layer.in, samples, workspace, stream, cut);
}

void launch_input_gradient(const InputGradient& layer, const Samples& samples, Workspace& workspace,
                           cudaStream_t stream, const Cut& cut) {
  launch_product<InputGradient>({input_gradient<Small>, floats_of_tile<Small, along, across>()},
                                {input_gradient<Wide>, floats_of_tile<Wide, along, across>()}, layer,
                                samples.most, layer.in, layer.out, samples, workspace, stream, cut);
}

void launch_parameter_gradients(const ParameterGradients& layer, const Samples& samples, Workspace& workspace,
                                cudaStream_t stream, const Cut& cut) {
  launch_product<ParameterGradients>({parameter_gradients<Small>, floats_of_tile<Small, across, across>()},
                                     {parameter_gradients<Wide>, floats_of_tile<Wide, across, across>()},
                                     layer, layer.out, layer.in, samples.most, samples, workspace, stream,
                                     cut);
}

}  // namespace gmmvae::dense
