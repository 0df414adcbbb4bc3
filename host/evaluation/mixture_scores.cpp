#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "host/evaluation/comparison.hpp"
#include "host/parallel/lanes.hpp"

namespace gmmvae {

namespace {

/// A mixture in the order in which the inner loop reads it: for each component the log of its weight times
/// its normalising constant, its mean [D], then row after row of its Cholesky factor, the diagonal inverted.
struct PackedMixture {
  std::size_t dim;
  std::size_t components;
  std::vector<double> values;

  explicit PackedMixture(const Mixture& mixture) : dim(mixture.dim()), components(mixture.components()) {
    values.reserve(components * stride());
    for (std::size_t k = 0; k < components; ++k) {
      const Matrix<double>& lower = mixture.cholesky(k);
      double constant = std::log(mixture.weights()[k]) - 0.5 * std::log(2.0 * std::numbers::pi) * dim;
      for (std::size_t i = 0; i < dim; ++i) constant -= std::log(lower(i, i));
      values.push_back(constant);
      for (std::size_t i = 0; i < dim; ++i) values.push_back(mixture.means()(k, i));
      for (std::size_t i = 0; i < dim; ++i) {
        for (std::size_t j = 0; j < i; ++j) values.push_back(lower(i, j));
        values.push_back(1.0 / lower(i, i));
      }
    }
  }
  [[nodiscard]] std::size_t stride() const { return 1 + dim + dim * (dim + 1) / 2; }
};

struct LaneScores {
  double log_density[kDoubleLanes];
  double nearest[kDoubleLanes];
  double squared_distance[kDoubleLanes];
};

/// |L^-1 (x - mean)|^2 of eight points [D][8] by forward substitution; `white` is room for [D][8].
GMMVAE_INLINE void squared_mahalanobis(const double* component, std::size_t dim, const double* points,
                                       double* white, DoubleLanes& sum) {
  const double* mean = component + 1;
  const double* factor = mean + dim;
  sum = DoubleLanes{};
  for (std::size_t i = 0; i < dim; ++i) {
    DoubleLanes value;
    load(points + i * kDoubleLanes, value);
    value -= mean[i];
    for (std::size_t j = 0; j < i; ++j) {
      DoubleLanes earlier;
      load(white + j * kDoubleLanes, earlier);
      value -= *factor++ * earlier;
    }
    value *= *factor++;
    store(value, white + i * kDoubleLanes);
    sum += value * value;
  }
}

/// `terms` is room for [K][8], `white` for [D][8].
GMMVAE_CLONES void score_block(const PackedMixture& mixture, const double* points, double* white,
                               double* terms, LaneScores& out) {
  DoubleLanes least = DoubleLanes{} + std::numeric_limits<double>::infinity();
  DoubleLanes largest = -least;
  DoubleLanes nearest{};
  const double* component = mixture.values.data();
  for (std::size_t k = 0; k < mixture.components; ++k, component += mixture.stride()) {
    DoubleLanes squared;
    squared_mahalanobis(component, mixture.dim, points, white, squared);
    nearest = squared < least ? DoubleLanes{} + static_cast<double>(k) : nearest;
    least = squared < least ? squared : least;
    const DoubleLanes term = component[0] - 0.5 * squared;
    store(term, terms + k * kDoubleLanes);
    largest = term > largest ? term : largest;
  }
  DoubleLanes sum{};
  for (std::size_t k = 0; k < mixture.components; ++k) {
    DoubleLanes term;
    load(terms + k * kDoubleLanes, term);
    term -= largest;
    exponential(term);
    sum += term;
  }
  for (std::size_t l = 0; l < kDoubleLanes; ++l) out.log_density[l] = largest[l] + std::log(sum[l]);
  store(nearest, out.nearest);
  store(least, out.squared_distance);
}

}  // namespace

MixtureScores score_mixture(const Mixture& mixture, MatrixView<float> x, ThreadPool& pool) {
  MixtureScores out{std::vector<double>(x.rows), std::vector<std::int32_t>(x.rows),
                    std::vector<double>(x.rows)};
  const PackedMixture packed(mixture);
  pool.for_range(x.rows, 256, [&](std::size_t begin, std::size_t end) {
    std::vector<double> points(x.cols * kDoubleLanes), white(points.size());
    std::vector<double> terms(packed.components * kDoubleLanes);
    LaneScores scores;
    for (std::size_t first = begin; first < end; first += kDoubleLanes) {
      const std::size_t filled = std::min(kDoubleLanes, end - first);
      for (std::size_t d = 0; d < x.cols; ++d)
        for (std::size_t l = 0; l < filled; ++l) points[d * kDoubleLanes + l] = x(first + l, d);
      score_block(packed, points.data(), white.data(), terms.data(), scores);
      for (std::size_t l = 0; l < filled; ++l) {
        out.log_density[first + l] = scores.log_density[l];
        out.nearest[first + l] = static_cast<std::int32_t>(scores.nearest[l]);
        out.squared_distance[first + l] = scores.squared_distance[l];
      }
    }
  });
  return out;
}

}  // namespace gmmvae
