#pragma once

#include <vector>

#include "gmmvae/matrix.hpp"

namespace gmmvae::tsne {

/// Moves points to mean 0 and divides them by a power of two so that the largest number is between 1/2 and 1:
/// neither neighbours nor affinities care, and no square can overflow or vanish.
class Normalizer {
 public:
  explicit Normalizer(MatrixView<float> x);
  /// Points much farther out than those it was made from stay finite: numbers end at 1e15.
  [[nodiscard]] Matrix<float> apply(MatrixView<float> x) const;
  /// What squared distances of moved points are to be multiplied by for those of the points themselves.
  [[nodiscard]] double squared_unit() const;

 private:
  std::vector<double> mean_;
  int exponent_ = 0;
};

}  // namespace gmmvae::tsne
