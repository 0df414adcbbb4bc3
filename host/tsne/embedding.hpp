#pragma once

#include <cstddef>
#include <memory>

#include "gmmvae/tsne.hpp"
#include "host/tsne/descent.hpp"

namespace gmmvae::tsne {

/// What an embedding leaves to a backend.
class EmbeddingArithmetic {
 public:
  EmbeddingArithmetic() = default;
  EmbeddingArithmetic(const EmbeddingArithmetic&) = delete;
  EmbeddingArithmetic& operator=(const EmbeddingArithmetic&) = delete;
  virtual ~EmbeddingArithmetic() = default;

  /// Points above which the interpolated gradient is faster than all pairs.
  [[nodiscard]] virtual std::size_t crossover() const = 0;
  /// Scores [N,count] of x on its first principal axes; see principal_scores.
  virtual Matrix<double> principal_scores(MatrixView<float> x, std::size_t count) = 0;
  /// A descent from `positions`, in the order of the affinities; `update` and `gains` are empty for a fresh
  /// start.
  virtual std::unique_ptr<Descent> make_descent(GradientMethod method, Matrix<float> positions,
                                                Matrix<float> update, Matrix<float> gains) = 0;
};

/// Throws UsageError for options that no embedding can use.
void check_options(const TsneOptions& options);

/// The method that is meant where `wanted` leaves it open.
GradientMethod chosen_method(GradientMethod wanted, std::size_t rows, std::size_t dim, std::size_t crossover);

/// Rows of `from`, which stand in the order of the data, at their places in the affinities' order.
Matrix<float> to_places(const Affinities& affinities, MatrixView<float> from);

/// gmmvae::embed on any backend. Of the affinities only the order and the figures are looked at here: their
/// rows may lie wherever the arithmetic is done.
Embedding embed_with(EmbeddingArithmetic& arithmetic, const Affinities& affinities, MatrixView<float> x,
                     const TsneOptions& options, const TsneControl& control, const TsneState* resume);

/// Throws UsageError unless y is an embedding of so many points in 1 to 3 dimensions.
void check_embedding(std::size_t points, MatrixView<float> y);

}  // namespace gmmvae::tsne
