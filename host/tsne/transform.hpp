#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "gmmvae/matrix.hpp"

// What placing new points in a finished embedding is, wherever it is done; see tsne_transform.
namespace gmmvae::tsne {

// openTSNE's choices: few neighbours, small steps, and a little more attraction than repulsion.
struct Placement {
  double perplexity;      ///< 5, or less where there are too few points
  std::size_t neighbors;  ///< three times that
  std::size_t iterations = 250;
  double exaggeration = 1.5;
  double learning_rate = 0.1;
  double momentum = 0.8;
  double longest_gradient = 0.25;

  /// In an embedding of so many points.
  explicit Placement(std::size_t points);
};

/// Throws DataError where rows or columns do not fit or numbers are not finite.
void check_placement(MatrixView<float> x, MatrixView<float> y, MatrixView<float> new_points);

/// Coordinate d of where a new point starts: the median of its neighbours', rows of y.
float median_of(MatrixView<float> y, std::span<const std::uint32_t> neighbors, std::size_t d);

}  // namespace gmmvae::tsne
