#pragma once

#include <cstdint>

#include "kernels/gpu.hpp"

// What the kernels of a descent share in device memory.
namespace gmmvae::cuda {

/// Why a descent stands still. Steps are launched ahead of what the host knows; where one meets a grid that
/// is not the right one for its points, it and those behind it do nothing, and the host replays them on the
/// right one. So the grid follows from the positions alone, at no wait a step.
enum class Halt : int { none = 0, other_grid = 1, too_wide = 2 };

struct DescentState {
  Halt halt;
  std::uint32_t done;    ///< steps since the host looked last
  std::uint32_t needed;  ///< nodes a side that the points need, where halted
  /// Box around the points, as bits that order like the numbers; see to_ordered.
  unsigned low[2];
  unsigned high[2];
  int first[2];            ///< the grid's first node; node i lies at i / 3
  float mean[3];           ///< of the positions that the last step made
  double normalization;    ///< Z
  double edge_logarithms;  ///< sum of p log(1 + d^2)
};

/// What a step needs to know; changes between phases only.
struct StepCoefficients {
  float exaggeration;
  float learning_rate;
  float momentum;
};

/// The bits of a float, turned so that they order like the number: maxima by integer atomics do not depend on
/// who comes first.
__device__ inline unsigned to_ordered(float value) {
  const unsigned bits = __float_as_uint(value);
  return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
__device__ inline float from_ordered(unsigned ordered) {
  return __uint_as_float(ordered & 0x80000000u ? ordered & 0x7fffffffu : ~ordered);
}

}  // namespace gmmvae::cuda
