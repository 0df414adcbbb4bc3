#pragma once

// The second half of a step: sums over all rows, and Adam. A thread owns 8 x 4 weights of one network's
// middle layer, and a few of the other parameters.

#include "kernels/block/adam.cuh"
#include "kernels/training/fused/rows.cuh"
#include "kernels/training/fused/tensor.cuh"

namespace gmmvae::cuda::fused {

using Memory = BlockMemory<Placement::fused>;
inline constexpr int owned_rows = 8;

/// Which weights of a middle layer a thread owns.
struct Owner {
  int network;
  int row;     ///< first of eight outputs
  int column;  ///< first of four inputs
  __device__ Owner() {
    const int lane = anew(static_cast<int>(lane_id()));
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
                                                float (&sum)[owned_rows][4]) {
  const float* d = memory.hidden_of<2>(owner.network, 1) + owner.row;
  const float* x = memory.hidden_of<2>(owner.network, 0) + owner.column;
  constexpr int at_once = 6;
  static_assert(rows_a_warp % at_once == 0);
  for (int k = 0; k < rows; k += at_once, d += at_once * stride, x += at_once * stride) {
#pragma unroll
    for (int r = 0; r < at_once; ++r) {
      const Four low = load4(d + r * stride);
      const Four high = load4(d + r * stride + 4);
      const Four across = load4(x + r * stride);
#pragma unroll
      for (int i = 0; i < 4; ++i)
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          sum[i][j] += low.at[i] * across.at[j];
          sum[i + 4][j] += high.at[i] * across.at[j];
        }
    }
  }
}

/// Adam's step for four neighbours, whose moments are at hand.
__device__ __forceinline__ void move4(block::Update& update, int offset, const float (&gradient)[4],
                                      Four first, Four second) {
  Four w = load4(update.parameters + offset);
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const float g = gradient[j];
    update.squared_norm += g * g;
    w.at[j] = update.moved(w.at[j], g, first.at[j], second.at[j]);
  }
  block::store4(update.parameters + offset, w);
  block::store4(update.first_out + offset, first);
  block::store4(update.second_out + offset, second);
}

/// Where the i-th four of a thread's weights lie, from its first one.
struct DownRows {
  __device__ __forceinline__ static constexpr int at(int i) { return middle_row(i); }
};
struct InPairs {
  __device__ __forceinline__ static constexpr int at(int i) { return middle_row(i / 2) + 4 * (i % 2); }
};

/// Adam's moments of 4 N of a thread's weights of a middle layer, the first of which is at `offset`.
template <int N, class Where>
struct Moments {
  Four first[N];
  Four second[N];
  __device__ __forceinline__ Moments(const block::Update& update, int offset) {
    const float* first_in = update.first_in + offset;
    const float* second_in = update.second_in + offset;
#pragma unroll
    for (int i = 0; i < N; ++i) {
      first[i] = load4(first_in + Where::at(i));
      second[i] = load4(second_in + Where::at(i));
    }
  }
  /// Adam's step for those weights.
  __device__ __forceinline__ void move(int offset, const float (&gradient)[N][4], block::Update& update) {
#pragma unroll
    for (int i = 0; i < N; ++i) move4(update, offset + Where::at(i), gradient[i], first[i], second[i]);
  }
};

/// Adam's step for this thread's weights of a middle layer. The moments come from L2 while the product runs.
__device__ __forceinline__ void move_middle(const Memory& memory, int rows, block::Update& update) {
  const Owner owner;
  const int offset = owner.offset(0);
  Moments<owned_rows, DownRows> moments(update, offset);
  float gradient[owned_rows][4] = {};
  middle_gradient(memory, owner, rows, gradient);
  moments.move(offset, gradient, update);
}

/// The same by tensor cores. A warp has 32 x 32 weights of a middle layer, a lane 4 x 8, of which two halves
/// of the outputs go one after the other: registers for all moments beside the product there are not.
__device__ __forceinline__ void move_middle_split(const Memory& memory, int rows, block::Update& update) {
  const Fragment lane;
  const int warp = anew(static_cast<int>(warp_id()));
  const int network = warp / 4;
  const int out = 32 * (warp / 2 % 2) + output_of(lane.g);
  const int in = 32 * (warp % 2);
  const float* d = memory.hidden_of<2>(network, 1) + 2 * lane.t * stride + out;
  const float* x = memory.hidden_of<2>(network, 0) + 2 * lane.t * stride + in + 4 * lane.g;
  const int lower =
      network * Packed<2>::network + Packed<2>::middle_weight + middle_row(out) + in + 8 * lane.t;
  const int upper = lower + middle_row(16);
  float gradient[2][4][4];
  middle_gradient_split(d, x, rows, gradient[0]);
  Moments<4, InPairs> moments(update, lower);
  middle_gradient_split(d + 16, x, rows, gradient[1]);
  Moments<4, InPairs> following(update, upper);
  moments.move(lower, gradient[0], update);
  following.move(upper, gradient[1], update);
}

/// The parameters whose gradients the warps have summed over their rows, fours of them in turn by `Threads`
/// threads. Their moments are asked for together, before anything else is done.
template <int Threads>
struct Narrow {
  static constexpr int each = (partial_fours + Threads - 1) / Threads;
  int thread;
  int offsets[each];  ///< where this thread's fours belong, -1 where there is none
  Four first[each];
  Four second[each];

  __device__ __forceinline__ Narrow(int thread_, const Memory& memory, const block::Update& update)
      : thread(thread_) {
#pragma unroll
    for (int k = 0; k < each; ++k) {
      const int number = thread + Threads * k;
      offsets[k] = number < partial_fours ? memory.offsets[number] : -1;
      first[k] = offsets[k] < 0 ? Four{} : load4(update.first_in + offsets[k]);
      second[k] = offsets[k] < 0 ? Four{} : load4(update.second_in + offsets[k]);
    }
  }
  /// Adam's step.
  __device__ __forceinline__ void move(const Memory& memory, block::Update& update) {
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
      move4(update, offsets[k], g.at, first[k], second[k]);
    }
  }
};

/// The other warps' half of the update, with two hidden layers: all that is narrow, for a batch that trains.
/// With one hidden layer nothing is wide, and the warps for products do it.
template <int Hidden>
__device__ __forceinline__ void move_beside(const Memory& memory, block::Update& update) {
  if constexpr (Hidden == 2) {
    constexpr int helpers = 32 * supplier_warps;
    Narrow<helpers>(static_cast<int>(thread_rank()) - 32 * first_supplier, memory, update)
        .move(memory, update);
  }
}

/// One step of Adam on all that this thread of a product warp owns, for a batch of `count` rows.
template <int Hidden, Arithmetic arithmetic>
__device__ __forceinline__ void move_parameters(const Memory& memory, int count, block::Update& update) {
  const int warps = block::ceil_div(count, rows_a_warp);
  if constexpr (Hidden == 2 && arithmetic == Arithmetic::tf32x3) {
    move_middle_split(memory, 16 * block::ceil_div(rows_a_warp * warps, 16), update);
  } else if constexpr (Hidden == 2) {
    move_middle(memory, rows_a_warp * warps, update);
  } else {
    Narrow<32 * product_warps>(static_cast<int>(thread_rank()), memory, update).move(memory, update);
  }
}

}  // namespace gmmvae::cuda::fused
