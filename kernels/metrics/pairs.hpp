#pragma once

// What the points of one set see of another, over all pairs: one thread a point, the other set passes by in
// tiles of shared memory. Everything that is wanted of a pair is taken from one squared distance.

#include <cstddef>

#include "kernels/gpu.hpp"

namespace gmmvae::cuda {

/// Most entries of a list of nearest points: the point itself and kMostNeighbors others.
inline constexpr int most_listed = 16;

/// Points lie as [dim][count]. Results are one row for each piece of the other set, [pieces][rows] for the
/// `rows` points from `first_row` on; null where they are not wanted.
struct PairTask {
  const float* points = nullptr;
  int points_count = 0;
  int first_row = 0;
  int rows = 0;
  const float* others = nullptr;
  int others_count = 0;
  int dim = 0;
  const int* pieces = nullptr;   ///< [pieces + 1]: piece p holds the others pieces[p] to pieces[p + 1]
  float* lists = nullptr;        ///< [pieces][listed][rows] smallest squared distances, ascending
  int listed = 0;                ///< at most most_listed
  float* nearest = nullptr;      ///< smallest squared distance
  const float* radii = nullptr;  ///< [others_count] squared radii of balls around the others
  unsigned* inside = nullptr;    ///< balls that hold the point
  double* kernels = nullptr;     ///< sums of the mean of four Gaussian kernels
  float kernel_factor = 0.0f;    ///< -1 / (2 l^2) of the widest one
  double* distances = nullptr;   ///< sums of distances
};
/// Enqueues the sums of all pairs; `pieces` is how many pieces the task's list has.
void launch_pairs(const PairTask& task, int pieces, cudaStream_t stream);

/// The results of a task over all pieces, in their order: [rows], null where they are not wanted.
struct PairTotals {
  float* radius2 = nullptr;  ///< the last entry of the merged lists
  float* nearest = nullptr;
  unsigned* inside = nullptr;
  double* kernels = nullptr;
  double* distances = nullptr;
};
void launch_totals(const PairTask& task, int pieces, const PairTotals& totals, cudaStream_t stream);

}  // namespace gmmvae::cuda
