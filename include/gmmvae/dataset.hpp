#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/mixture.hpp"

namespace gmmvae {

/// Points with what is known about them.
struct Dataset {
  Matrix<float> x;                        ///< [N,D], raw units
  std::vector<std::int32_t> labels;       ///< [N] or empty
  std::vector<std::string> label_names;   ///< text of each label where the source had text, else empty
  std::vector<std::string> column_names;  ///< [D] or empty
  std::optional<Mixture> mixture;         ///< the truth, where it is known
};

enum class ScaleKind { none, minmax, standard };

/// A per-column affine map: scaled = (raw - offset) / scale. Fitted once, kept in the model file, undone on
/// sampling.
struct Scaler {
  ScaleKind kind = ScaleKind::none;
  std::vector<double> offset;  ///< [D]
  std::vector<double> scale;   ///< [D], positive; 1 for a constant column

  /// minmax maps each column onto [0,1]; standard to mean 0 and variance 1 (divisor N). x is [N,D].
  static Scaler fit(ScaleKind kind, MatrixView<float> x);
  /// raw [N,D] -> scaled [N,D]
  [[nodiscard]] Matrix<float> apply(MatrixView<float> raw) const;
  /// scaled [N,D] -> raw [N,D]
  [[nodiscard]] Matrix<float> undo(MatrixView<float> scaled) const;
  /// sum of log scale: log p_raw(x) = log p_scaled(scaled x) - log_jacobian().
  [[nodiscard]] double log_jacobian() const;
};

/// Draws `count` points from the mixture as a data set that knows its truth; another `stream` of the same
/// seed gives other points. Throws UsageError for no points, DataError for a point beyond single precision.
Dataset make_dataset(const Mixture& mixture, std::size_t count, std::uint64_t seed, std::uint32_t stream = 0);

/// Mean [D] and covariance [D,D] (divisor N) of the rows, in double.
struct Moments {
  std::vector<double> mean;
  Matrix<double> covariance;
};
Moments moments(MatrixView<float> x);

/// Splits the rows by a keyed permutation: round(fraction * N) rows are held out, the rest kept, both in
/// their order.
struct Split {
  std::vector<std::uint32_t> training;
  std::vector<std::uint32_t> validation;
};
Split validation_split(std::size_t count, double fraction, std::uint64_t seed);

}  // namespace gmmvae
