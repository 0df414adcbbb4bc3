#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "gmmvae/clustering.hpp"
#include "gmmvae/matrix.hpp"

namespace gmmvae {

// Expectation maximisation, whoever takes the expectations.

/// The columns of some points that vary.
struct VaryingColumns {
  std::vector<std::size_t> columns;
  std::vector<double> mean;  ///< of those columns
  double variance = 0.0;     ///< mean over them

  /// Throws DataError where no column varies.
  explicit VaryingColumns(MatrixView<float> x);
  [[nodiscard]] std::size_t dim() const { return columns.size(); }
};

/// A component as the inner loops read it: log(weight * density) = constant - |A (x - mean)|^2 / 2, A lower
/// triangular, stored row by row, or diagonal; x about the columns' means.
struct MixtureComponent {
  std::vector<double> mean;
  std::vector<double> whitening;
  double constant = 0.0;  ///< minus infinity for a component that died
};

/// Sums for each component: of responsibility, responsibility * x and responsibility * x x' (its lower
/// triangle row by row, or its diagonal).
inline std::size_t moment_count(std::size_t dim, bool full) {
  return 1 + dim + (full ? dim * (dim + 1) / 2 : dim);
}

/// Takes expectations over the points that it was made for.
class Expectation {
 public:
  virtual ~Expectation() = default;
  /// The log-likelihood of all points, the most probable component of each in `labels` [N], and, where asked
  /// for, the sums [k][moment_count].
  virtual double run(std::span<const MixtureComponent> components, std::vector<double>* sums,
                     std::vector<std::int32_t>& labels) = 0;
};
using MakeExpectation =
    std::function<std::unique_ptr<Expectation>(const VaryingColumns& columns, bool full_covariances)>;

/// See the public function of this name.
MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                       std::span<const std::int32_t> start, const MixtureFitOptions& options,
                       const MakeExpectation& make_expectation);

}  // namespace gmmvae
