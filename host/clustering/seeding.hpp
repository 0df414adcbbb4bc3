#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gmmvae/clustering.hpp"
#include "gmmvae/matrix.hpp"

namespace gmmvae {

class LaneBlocks;

// What k-means does before and after its iterations, whoever iterates.

/// Throws UsageError or DataError where there is nothing to do.
void check_kmeans(MatrixView<float> x, const KMeansOptions& options);

/// Points moved to their mean, so that single precision holds differences well.
struct CentredPoints {
  std::vector<double> mean;
  double variance = 0.0;  ///< mean over columns
  Matrix<float> rows;

  explicit CentredPoints(MatrixView<float> x);
};

/// A sample of centred rows for finding starts, or all of them where there are few.
Matrix<float> start_rows(const Matrix<float>& rows, std::uint64_t seed, std::uint32_t stream);

/// Greedy k-means++: of a few candidates drawn by squared distance the one that leaves the least is taken.
/// [k,D] for the start of this number; `blocks` are the rows once more.
Matrix<float> plus_plus(const Matrix<float>& rows, const LaneBlocks& blocks, const KMeansOptions& options,
                        std::uint32_t stream, std::size_t start);
Matrix<float> plus_plus(const Matrix<float>& rows, const KMeansOptions& options, std::uint32_t stream,
                        std::size_t start);

/// The means of the labelled points in double, and the inertia about them. An empty cluster keeps its centre
/// of centred coordinates.
void finish_kmeans(MatrixView<float> x, const Matrix<float>& centers, const std::vector<double>& mean,
                   KMeansResult& out);

}  // namespace gmmvae
