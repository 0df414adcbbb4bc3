#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gmmvae/matrix.hpp"

namespace gmmvae {

// What a backend measures for an evaluation: sums and counts for each point, from which means, errors and
// figures follow on the host.

/// Neighbourhoods reach at most to this neighbour.
inline constexpr std::size_t kMostNeighbors = 15;

/// What is asked about two sets of points x [N,D] and y [M,D].
struct ComparisonOptions {
  /// k of the balls that reach to each point's k-th neighbour in its own set, below N and M and at most
  /// kMostNeighbors; 0: no balls.
  std::size_t neighbors = 0;
  /// Squared length of the widest of four Gaussian kernels, the others are 1/4, 1/16 and 1/64 of it; 0: no
  /// kernels.
  double kernel_base = 0.0;
  bool kernels_of_x_alone = false;  ///< leaves out the sums over y, where y's law is known
  bool distances = false;           ///< sums of distances
  std::size_t directions = 0;       ///< random directions that both sets are projected on
  std::uint64_t seed = 1;           ///< of the directions
};

/// What the points of one set see of their own and of the other one; empty where it was not asked for.
struct PointSums {
  std::size_t rows = 0;
  std::vector<float> radius2;         ///< squared distance to the k-th neighbour in the own set
  std::vector<float> nearest2;        ///< squared distance to the nearest point of the other set
  std::vector<std::uint32_t> inside;  ///< balls of the other set that hold the point, surface included
  /// Sums over the own set (the point itself included) and over the other one of the mean of
  /// exp(-|a - b|^2 / (2 l^2)) over the four kernels.
  std::vector<double> kernels_own, kernels_other;
  std::vector<double> distances_own, distances_other;  ///< sums of |a - b|
};

struct SampleComparison {
  PointSums x, y;
  std::vector<double> squared_w2;  ///< [directions] squared 2-Wasserstein distance of the projections
};

/// Where points stand in a mixture; all [N].
struct MixtureScores {
  std::vector<double> log_density;       ///< nats
  std::vector<std::int32_t> nearest;     ///< component with the least Mahalanobis distance
  std::vector<double> squared_distance;  ///< that distance, squared
};

}  // namespace gmmvae
