#pragma once

// The second half of a step: sums over all rows, and Adam. With two hidden layers a thread of a product warp
// owns 32 weights of one network's middle layer (8 x 4 in fp32), and the suppliers have what is narrow; with
// one, the product warps have it all.

#include "kernels/block/adam.cuh"
#include "kernels/training/fused/rows.cuh"
#include "kernels/training/fused/tensor.cuh"

namespace gmmvae::cuda::fused {

using Memory = BlockMemory<Placement::fused>;
inline constexpr int owned_rows = 8;

/// Adam's step for a batch.
__device__ __forceinline__ block::Update update_of(const Memory& memory, int buffer) {
  const Batch& batch = memory.batches[buffer];
  const int size = memory.plan->parameters;
  return {memory.base,
          batch.moments_in,
          batch.moments_in + size,
          batch.moments_out,
          batch.moments_out + size,
          nullptr,
          batch.adam,
          0.0f};
}

/// Which weights of a middle layer a thread owns.
struct Owner {
  int network;
  int row;     ///< first of eight outputs
  int column;  ///< first of four inputs
  __device__ Owner() {
    const int lane = block::anew(static_cast<int>(lane_id()));
    const int warp = static_cast<int>(warp_id());
    const int quarter = warp % 4;  // four warps a network, 2 x 2 of them; 4 x 8 owners a warp
    network = warp / 4;
    row = owned_rows * (4 * (quarter / 2) + ((lane >> 1 & 1) | (lane >> 2 & 2)));
    column = 4 * (8 * (quarter % 2) + ((lane & 5) | (lane >> 3 & 2)));
  }
  [[nodiscard]] __device__ int offset(int i) const {
    return network * Packed<2>::network + Packed<2>::middle_weight + middle_row(row + i) + column;
  }
};

/// delta^T input of a middle layer over `rows` rows, whole warps' rows, for this thread's weights.
__device__ __forceinline__ void middle_gradient(const Memory& memory, const Owner& owner, int rows,
                                                Four (&sum)[owned_rows]) {
  const float* d = memory.hidden_of<2>(owner.network, 1) + owner.row;
  const float* x = memory.hidden_of<2>(owner.network, 0) + owner.column;
  constexpr int rows_at_once = 6;
  static_assert(rows_a_warp % rows_at_once == 0);
  for (int k = 0; k < rows; k += rows_at_once, d += rows_at_once * stride, x += rows_at_once * stride) {
#pragma unroll
    for (int r = 0; r < rows_at_once; ++r) {
      const Four low = load4(d + r * stride);
      const Four high = load4(d + r * stride + 4);
      const Four across = load4(x + r * stride);
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          sum[i].at[j] += low.at[i] * across.at[j];
          sum[i + 4].at[j] += high.at[i] * across.at[j];
        }
    }
  }
}

/// Where the i-th four of a thread's weights lie, from its first one.
struct DownRows {
  __device__ __forceinline__ static constexpr int at(int i) { return middle_row(i); }
};
struct InPairs {
  __device__ __forceinline__ static constexpr int at(int i) { return middle_row(i / 2) + 4 * (i % 2); }
};

/// The moments of four parameters and, asked for now, those themselves.
__device__ __forceinline__ block::Update::Quad with_parameters(const block::Update& update, int offset,
                                                               const Four& first, const Four& second) {
  return {first, second, load4(update.parameters + offset)};
}

/// Adam's moments of 4 N of a thread's weights of a middle layer, the first of which is at `offset`.
template <int N, class Where>
struct Moments {
  Four first[N];
  Four second[N];
  __device__ __forceinline__ Moments(const Memory& memory, int buffer, int offset) {
    const float* first_in = memory.batches[buffer].moments_in + offset;
    const float* second_in = first_in + memory.plan->parameters;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      first[i] = load4(first_in + Where::at(i));
      second[i] = load4(second_in + Where::at(i));
    }
  }
  /// Adam's step for those weights.
  __device__ __forceinline__ void move(int offset, const Four (&gradient)[N], block::Update& update) {
#pragma unroll
    for (int i = 0; i < N; ++i) {
      const int at = offset + Where::at(i);
      update.apply4(at, gradient[i], with_parameters(update, at, first[i], second[i]));
    }
  }
};

/// Adam's step for this thread's weights of a middle layer; returns the square of their gradient. The moments
/// come from L2 while the product runs; all else that the step needs is asked for behind it.
__device__ __forceinline__ float move_middle(const Memory& memory, int buffer, int rows) {
  const Owner owner;
  const int offset = owner.offset(0);
  Moments<owned_rows, DownRows> moments(memory, buffer, offset);
  Four gradient[owned_rows] = {};
  middle_gradient(memory, owner, rows, gradient);
  block::Update update = update_of(memory, buffer);
  moments.move(offset, gradient, update);
  return update.squared_norm;
}

/// The same by tensor cores. A warp has 32 x 32 weights of a middle layer, a lane 4 x 8. The moments are
/// asked for behind the product: registers for them beside it there are not.
__device__ __forceinline__ float move_middle_split(const Memory& memory, int buffer, int rows) {
  const Fragment lane;
  const int warp = block::anew(static_cast<int>(warp_id()));
  const int network = warp / 4;
  const int out = 32 * (warp / 2 % 2) + output_of(lane.g);
  const int in = 32 * (warp % 2);
  const float* d = memory.hidden_of<2>(network, 1) + 2 * lane.t * stride + out;
  const float* x = memory.hidden_of<2>(network, 0) + 2 * lane.t * stride + in + 4 * lane.g;
  const int lower =
      network * Packed<2>::network + Packed<2>::middle_weight + middle_row(out) + in + 8 * lane.t;
  const int upper = lower + middle_row(16);
  Four gradient[2][4];
  middle_gradient_split(d, x, rows, gradient);
  Moments<4, InPairs> moments(memory, buffer, lower);
  Moments<4, InPairs> following(memory, buffer, upper);
  block::Update update = update_of(memory, buffer);
  moments.move(lower, gradient[0], update);
  following.move(upper, gradient[1], update);
  return update.squared_norm;
}

/// Adam's step by `Threads` threads, of which this one is number `thread`, for the parameters whose gradients
/// the warps have summed over their rows, fours of them in turn; returns the square of this thread's
/// gradient. The moments are asked for together, before anything else is done.
template <int Threads>
__device__ __forceinline__ float move_narrow(const Memory& memory, int buffer, int thread) {
  constexpr int each = (partial_fours + Threads - 1) / Threads;
  block::Update update = update_of(memory, buffer);
  int offsets[each];  // -1 where there is none
  Four first[each];
  Four second[each];
#pragma unroll
  for (int k = 0; k < each; ++k) {
    const int number = thread + Threads * k;
    offsets[k] = number < partial_fours ? memory.offsets[number] : -1;
    first[k] = offsets[k] < 0 ? Four{} : load4(update.first_in + offsets[k]);
    second[k] = offsets[k] < 0 ? Four{} : load4(update.second_in + offsets[k]);
  }
#pragma unroll
  for (int k = 0; k < each; ++k) {
    if (offsets[k] < 0) continue;
    const float* part = memory.partials + 4 * (thread + Threads * k);
    Four g{};
#pragma unroll
    for (int w = 0; w < product_warps; ++w) {
      const Four mine = load4(part + w * partial_floats);
#pragma unroll
      for (int j = 0; j < 4; ++j) g.at[j] += mine.at[j];
    }
    update.apply4(offsets[k], g, with_parameters(update, offsets[k], first[k], second[k]));
  }
  return update.squared_norm;
}

/// The suppliers' half of the update, with two hidden layers: all that is narrow. With one hidden layer
/// nothing is wide, and the warps for products do it.
template <int Hidden>
__device__ __forceinline__ float move_beside(const Memory& memory, int buffer) {
  if constexpr (Hidden == 1) return 0.0f;
  const int thread = static_cast<int>(thread_rank()) - 32 * first_supplier;
  return move_narrow<32 * supplier_warps>(memory, buffer, thread);
}

/// One step of Adam on all that this thread of a product warp owns; returns the square of its gradient.
template <int Hidden, Arithmetic arithmetic>
__device__ __forceinline__ float move_parameters(const Memory& memory, int buffer) {
  if constexpr (Hidden == 1)
    return move_narrow<32 * product_warps>(memory, buffer, static_cast<int>(thread_rank()));
  const int rows = rows_a_warp * block::ceil_div(memory.batches[buffer].count, rows_a_warp);
  if constexpr (arithmetic == Arithmetic::tf32x3)
    return move_middle_split(memory, buffer, 16 * block::ceil_div(rows, 16));
  return move_middle(memory, buffer, rows);
}

}  // namespace gmmvae::cuda::fused
