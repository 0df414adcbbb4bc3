#pragma once

#include <cstddef>
#include <cstdint>

#include "gmmvae/backend.hpp"
#include "gmmvae/comparison.hpp"
#include "gmmvae/matrix.hpp"
#include "gmmvae/mixture.hpp"

namespace gmmvae {

// Distances between two laws from samples x [N,D] and y [M,D] of them. Standard errors are the leading terms
// of the U-statistics' variances. All throw DataError with the reason where there are too few points. Each
// works on a comparison that a backend made with what it needs; those that take a backend make their own.

/// Precision, recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020) from balls that
/// reach to each point's k-th nearest neighbour within its own set; a point on a ball's surface is inside, so
/// that duplicates with balls of radius 0 find each other.
struct NeighborMetrics {
  Estimate precision;  ///< share of generated points inside any real ball
  Estimate recall;     ///< share of real points inside any generated ball
  Estimate density;    ///< real balls that hold a generated point, over k; 1 on average for equal laws
  Estimate coverage;   ///< share of real balls that hold a generated point
};
NeighborMetrics neighbor_metrics(const PointSums& real, const PointSums& generated, std::size_t k);
NeighborMetrics neighbor_metrics(Backend& backend, MatrixView<float> real, MatrixView<float> generated,
                                 std::size_t k);
/// The mean coverage for equal laws: 1 - prod_{i=1..k} (N - i) / (M + N - i) with N real and M generated
/// points.
double expected_coverage(std::size_t real, std::size_t generated, std::size_t k);

/// Squared maximum mean discrepancy, unbiased (it may be negative), with the mean of four Gaussian kernels of
/// squared lengths base, base/4, base/16 and base/64.
Estimate mmd2(const SampleComparison& comparison, double base);
Estimate mmd2(Backend& backend, MatrixView<float> x, MatrixView<float> y, double base);
/// The same of x, whose sums are given, against the mixture itself, whose side is in closed form.
Estimate mmd2(Backend& backend, const PointSums& sums, MatrixView<float> x, const Mixture& truth,
              double base);
Estimate mmd2(Backend& backend, MatrixView<float> x, const Mixture& truth, double base);

/// 2 E|X-Y| - E|X-X'| - E|Y-Y'| with all pairs in the means, a point with itself included: never negative.
struct EnergyDistance {
  Estimate distance;
  double expected = 0.0;  ///< its mean for equal laws: (1/N + 1/M) E|Y-Y'|
};
EnergyDistance energy_distance(const SampleComparison& comparison);
EnergyDistance energy_distance(Backend& backend, MatrixView<float> x, MatrixView<float> y);

/// (mean over random directions of W2^2 along them)^(1/2); the error is the one from the choice of
/// directions.
Estimate sliced_wasserstein(const SampleComparison& comparison);
Estimate sliced_wasserstein(Backend& backend, MatrixView<float> x, MatrixView<float> y,
                            std::size_t directions, std::uint64_t seed);

/// Exact 2-Wasserstein distance between equally many points, by optimal assignment: O(N^2) memory, O(N^3)
/// time.
double wasserstein(MatrixView<float> x, MatrixView<float> y);

}  // namespace gmmvae
