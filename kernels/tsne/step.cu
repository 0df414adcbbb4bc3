#include "kernels/tsne/forces.hpp"
#include "kernels/tsne/sums.cuh"

// Gains, momentum, clip and re-centring: the arithmetic of host/tsne/descent.cpp, a thread a point.
namespace gmmvae::cuda {
namespace {

constexpr int threads = sum_threads;
constexpr float gain_up = 0.2f;
constexpr float gain_down = 0.8f;
constexpr float gain_floor = 0.01f;
constexpr float longest_step = 5.0f;

std::size_t blocks_for(std::size_t rows) {
  return (rows + threads - 1) / threads;
}

template <int Dim>
__device__ inline void move_point(std::size_t point, const float* attraction, const float* repulsion,
                                  const StepCoefficients& c, float inverse_normalization, float* update,
                                  float* gains, float (&position)[Dim]) {
  float step[Dim];
  float squared = 0.0f;
#pragma unroll
  for (int d = 0; d < Dim; ++d) {
    const std::size_t i = point * Dim + d;
    const float gradient = c.exaggeration * attraction[i] - inverse_normalization * repulsion[i];
    const float before = update[i];
    const float gain = gradient * before <= 0.0f ? gains[i] + gain_up : gains[i] * gain_down + gain_floor;
    gains[i] = gain;
    step[d] = c.momentum * before - c.learning_rate * gain * gradient;
    squared += step[d] * step[d];
  }
  const float shrink = squared > longest_step * longest_step ? longest_step / sqrtf(squared) : 1.0f;
#pragma unroll
  for (int d = 0; d < Dim; ++d) {
    step[d] *= shrink;
    update[point * Dim + d] = step[d];
    position[d] += step[d];
  }
}

template <int Dim>
__global__ void __launch_bounds__(threads)
    move_points(const float* attraction, const float* repulsion, std::uint32_t rows,
                const StepCoefficients* coefficients, const DescentState* state, float* positions,
                float* update, float* gains, double* sums) {
  if (state->halt == Halt::none) {  // the same for the whole block
    const std::size_t point = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
    float position[Dim] = {};
    if (point < rows) {
#pragma unroll
      for (int d = 0; d < Dim; ++d) position[d] = positions[point * Dim + d];
      move_point<Dim>(point, attraction, repulsion, *coefficients,
                      static_cast<float>(1.0 / state->normalization), update, gains, position);
#pragma unroll
      for (int d = 0; d < Dim; ++d) positions[point * Dim + d] = position[d];
    }
#pragma unroll
    for (int d = 0; d < Dim; ++d) {
      const double sum = block_sum(static_cast<double>(position[d]));
      if (threadIdx.x == 0) sums[blockIdx.x * Dim + d] = sum;
    }
  }
}

__device__ inline void empty_box(DescentState& state) {
  for (int d = 0; d < 2; ++d) {
    state.low[d] = 0xffffffffu;
    state.high[d] = 0;
  }
}

/// One block: the mean of the moved points, and one step more is done.
template <int Dim>
__global__ void __launch_bounds__(threads)
    find_mean(const double* sums, std::size_t parts, std::uint32_t rows, DescentState* state) {
  if (state->halt == Halt::none) {  // the same for the whole block, whose thread 0 changes other members
#pragma unroll
    for (int d = 0; d < Dim; ++d) {
      double sum = 0.0;
      for (std::size_t b = threadIdx.x; b < parts; b += threads) sum += sums[b * Dim + d];
      sum = block_sum(sum);
      if (threadIdx.x == 0) state->mean[d] = static_cast<float>(sum / rows);
    }
    if (threadIdx.x == 0) {
      ++state->done;
      empty_box(*state);
    }
  }
}

__global__ void clear_box(DescentState* state) {
  if (state->halt == Halt::none) empty_box(*state);
}

/// The warp's least and greatest values go into the box; lanes without a value change nothing.
__device__ inline void enclose(float value, bool counts, unsigned* low, unsigned* high) {
  unsigned least = counts ? to_ordered(value) : 0xffffffffu;
  unsigned greatest = counts ? to_ordered(value) : 0;
#pragma unroll
  for (int step = 16; step > 0; step /= 2) {
    const unsigned other_least = __shfl_xor_sync(full_warp, least, step);
    const unsigned other_greatest = __shfl_xor_sync(full_warp, greatest, step);
    least = other_least < least ? other_least : least;
    greatest = other_greatest > greatest ? other_greatest : greatest;
  }
  if (lane_id() == 0) {
    atomicMin(low, least);
    atomicMax(high, greatest);
  }
}

template <int Dim>
__global__ void __launch_bounds__(threads)
    recentre(std::uint32_t rows, bool moves, DescentState* state, float* positions) {
  if (state->halt != Halt::none) return;
  const std::size_t point = static_cast<std::size_t>(blockIdx.x) * threads + threadIdx.x;
#pragma unroll
  for (int d = 0; d < Dim; ++d) {
    float value = point < rows ? positions[point * Dim + d] : 0.0f;
    if (moves) value -= state->mean[d];
    if (d < 2) enclose(value, point < rows, state->low + d, state->high + d);
    if (moves && point < rows) positions[point * Dim + d] = value;
  }
}

}  // namespace

std::size_t step_parts(std::size_t rows) {
  return blocks_for(rows);
}

void launch_step(const float* attraction, const float* repulsion, std::size_t rows, int dim,
                 const StepCoefficients* coefficients, DescentState* state, float* positions, float* update,
                 float* gains, double* sums, cudaStream_t stream) {
  const std::size_t blocks = blocks_for(rows);
  const auto count = static_cast<std::uint32_t>(rows);
  const auto move = dim == 1 ? move_points<1> : dim == 2 ? move_points<2> : move_points<3>;
  launch(move, blocks, threads, 0, stream, attraction, repulsion, count, coefficients, state, positions,
         update, gains, sums);
  const auto mean = dim == 1 ? find_mean<1> : dim == 2 ? find_mean<2> : find_mean<3>;
  launch(mean, 1, threads, 0, stream, sums, blocks, count, state);
  const auto centre = dim == 1 ? recentre<1> : dim == 2 ? recentre<2> : recentre<3>;
  launch(centre, blocks, threads, 0, stream, count, true, state, positions);
}

void launch_box(float* positions, std::size_t rows, int dim, DescentState* state, cudaStream_t stream) {
  launch(clear_box, 1, 1, 0, stream, state);
  const auto box = dim == 1 ? recentre<1> : dim == 2 ? recentre<2> : recentre<3>;
  launch(box, blocks_for(rows), threads, 0, stream, static_cast<std::uint32_t>(rows), false, state,
         positions);
}

}  // namespace gmmvae::cuda
