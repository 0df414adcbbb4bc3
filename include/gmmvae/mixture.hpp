#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/matrix.hpp"

namespace gmmvae {

enum class Layout { uniform, normal, ring, grid };
enum class CovarianceKind { spherical, diagonal, full };

/// How to draw a mixture. See `draw_mixture`.
struct MixtureSpec {
  Layout layout = Layout::uniform;
  std::size_t components = 10;
  std::size_t dim = 3;
  double spread = 10.0;  ///< R: half-width of the box, scale of normal means, radius of the ring, step of the grid
  double sigma = 1.0;    ///< standard deviation of a component
  CovarianceKind covariance = CovarianceKind::spherical;
  std::string weights = "equal";  ///< "equal", "dirichlet:A", or K comma-separated numbers (normalised to sum 1)
};

/// An estimate with its standard error.
struct Estimate {
  double value = 0.0;
  double standard_error = 0.0;
};

/// A Gaussian mixture in D dimensions with K components, in double precision. Every formula works in logs.
class Mixture {
 public:
  /// weights [K] (positive, normalised here), means [K,D], covariances [K] of [D,D] (symmetric positive definite).
  /// Throws DataError for a shape that does not fit or a covariance that is not positive definite, naming the component.
  Mixture(std::vector<double> weights, Matrix<double> means, std::vector<Matrix<double>> covariances);

  [[nodiscard]] std::size_t components() const { return weights_.size(); }
  [[nodiscard]] std::size_t dim() const { return means_.cols(); }
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }
  [[nodiscard]] const Matrix<double>& means() const { return means_; }
  [[nodiscard]] const std::vector<Matrix<double>>& covariances() const { return covariances_; }
  /// Lower Cholesky factor of component k, [D,D].
  [[nodiscard]] const Matrix<double>& cholesky(std::size_t k) const { return cholesky_[k]; }
  [[nodiscard]] double log_determinant(std::size_t k) const { return log_determinant_[k]; }

  /// log N(x; mean_k, covariance_k) in nats; x is [D].
  [[nodiscard]] double component_log_density(std::size_t k, std::span<const double> x) const;
  /// Squared Mahalanobis distance of x to component k.
  [[nodiscard]] double squared_mahalanobis(std::size_t k, std::span<const double> x) const;
  /// log p(x) in nats.
  [[nodiscard]] double log_density(std::span<const double> x) const;
  /// p(k | x) for every k, sums to 1.
  [[nodiscard]] std::vector<double> responsibilities(std::span<const double> x) const;
  /// The gradient of log p at x, [D].
  [[nodiscard]] std::vector<double> score(std::span<const double> x) const;

  /// The exact mean [D] and covariance [D,D] of the whole mixture.
  [[nodiscard]] std::vector<double> mean() const;
  [[nodiscard]] Matrix<double> covariance() const;

  /// Bounds on the differential entropy in nats (Kolchinsky & Tracey 2017): pairwise Bhattacharyya distances
  /// give the lower, pairwise Kullback-Leibler divergences the upper one.
  [[nodiscard]] double entropy_lower_bound() const;
  [[nodiscard]] double entropy_upper_bound() const;
  /// -E log p by `samples` draws, with its standard error.
  [[nodiscard]] Estimate entropy(std::size_t samples, std::uint64_t seed) const;

 private:
  std::vector<double> weights_;
  Matrix<double> means_;
  std::vector<Matrix<double>> covariances_;
  std::vector<Matrix<double>> cholesky_;
  std::vector<double> log_determinant_;
  std::vector<double> log_weight_;
};

/// Draws a mixture: uniform means from U(-R,R)^D; normal from R N(0,I); ring: angles 2 pi k / K at radius R in the
/// first two axes; grid: step R, centred, ceil(K^(1/D)) points an axis, the first K of them. Diagonal and full
/// covariances keep sigma as their scale: variances sigma^2 exp(U(-1,1)), for full turned by a random rotation.
Mixture draw_mixture(const MixtureSpec& spec, std::uint64_t seed);

/// `points` [N,D] drawn from the mixture with the component of each. Point i depends on (seed, stream, i) alone.
struct LabelledPoints {
  Matrix<double> points;
  std::vector<std::int32_t> labels;
};
LabelledPoints sample_mixture(const Mixture& mixture, std::size_t count, std::uint64_t seed, std::uint32_t stream = 0);

}  // namespace gmmvae
