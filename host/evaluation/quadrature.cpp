#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "gmmvae/error.hpp"
#include "host/evaluation/likelihood.hpp"
#include "host/parallel/lanes.hpp"

namespace gmmvae {

namespace {

// Grid points are worked on in tiles of 64 neighbours, which the decoder maps close together: a tile whose
// image is far from x is skipped by one test of its bounding box.
constexpr std::size_t kTilePoints = 64;
constexpr std::size_t kTileBlocks = kTilePoints / kLanes;
constexpr std::size_t kTilesAtOnce = 1024;  // decoded together
// Terms e^-30 below the largest are dropped: with 2^25 of them at most 3e-6 in the logarithm.
constexpr float kNegligible = 30.0f;
constexpr float kNothing = -1e30f;

/// A midpoint grid on the cube [-radius, radius]^Z in tiles; tiles outside the ball are left out.
class LatentGrid {
 public:
  LatentGrid(std::size_t latent, std::size_t per_axis, double radius)
      : latent_(latent), step_(2.0 * radius / static_cast<double>(per_axis)), radius_(radius) {
    side_ = latent == 1 ? 64 : (latent == 2 ? 8 : 4);
    tiles_per_axis_ = per_axis / side_;
    total_ = 1;
    for (std::size_t j = 0; j < latent; ++j) total_ *= tiles_per_axis_;
  }
  [[nodiscard]] double step() const { return step_; }
  /// Appends tiles from `next` on until `z` holds kTilesAtOnce of them or the grid ends; returns where to go
  /// on.
  std::size_t collect(std::size_t next, std::vector<float>& z) const {
    for (; next < total_ && z.size() < kTilesAtOnce * kTilePoints * latent_; ++next)
      if (inside(next)) append(next, z);
    return next;
  }
  [[nodiscard]] std::size_t tiles() const { return total_; }

 private:
  [[nodiscard]] std::array<std::size_t, 3> corner(std::size_t tile) const {
    std::array<std::size_t, 3> at{};
    for (std::size_t j = 0; j < latent_; ++j) {
      at[j] = tile % tiles_per_axis_ * side_;
      tile /= tiles_per_axis_;
    }
    return at;
  }
  [[nodiscard]] double coordinate(std::size_t i) const {
    return -radius_ + (static_cast<double>(i) + 0.5) * step_;
  }
  [[nodiscard]] bool inside(std::size_t tile) const {
    const auto at = corner(tile);
    double nearest = 0.0;
    for (std::size_t j = 0; j < latent_; ++j) {
      const double low = coordinate(at[j]), high = coordinate(at[j] + side_ - 1);
      const double gap = std::max({low, -high, 0.0});
      nearest += gap * gap;
    }
    return nearest <= radius_ * radius_;
  }
  void append(std::size_t tile, std::vector<float>& z) const {
    const auto at = corner(tile);
    for (std::size_t p = 0; p < kTilePoints; ++p) {
      std::size_t rest = p;
      for (std::size_t j = 0; j < latent_; ++j) {
        z.push_back(static_cast<float>(coordinate(at[j] + rest % side_)));
        rest /= side_;
      }
    }
  }

  std::size_t latent_, side_, tiles_per_axis_, total_;
  double step_, radius_;
};

/// Decoded tiles in the order in which the inner loop reads them; the last group of 16 is filled up with
/// nothing.
struct DecodedTiles {
  std::size_t dim = 0;
  std::size_t groups = 0;         // of 16 tiles
  std::vector<float> points;      // [tile][4][D][16]
  std::vector<float> log_prior;   // [tile][4][16], -|z|^2 / 2
  std::vector<float> low, high;   // [group][D][16], bounding boxes
  std::vector<float> best_prior;  // [group][16]

  DecodedTiles(const std::vector<float>& z, std::size_t latent, const Matrix<float>& means)
      : dim(means.cols()) {
    const std::size_t tiles = means.rows() / kTilePoints;
    groups = (tiles + kLanes - 1) / kLanes;
    points.resize(tiles * kTilePoints * dim);
    log_prior.resize(tiles * kTilePoints);
    low.assign(groups * dim * kLanes, 0.0f);
    high.assign(groups * dim * kLanes, 0.0f);
    best_prior.assign(groups * kLanes, kNothing);
    for (std::size_t t = 0; t < tiles; ++t) add(t, z, latent, means);
  }

 private:
  void add(std::size_t t, const std::vector<float>& z, std::size_t latent, const Matrix<float>& means) {
    const std::size_t box = t / kLanes * dim * kLanes + t % kLanes;
    for (std::size_t p = 0; p < kTilePoints; ++p) {
      const std::size_t row = t * kTilePoints + p;
      float prior = 0.0f;
      for (std::size_t j = 0; j < latent; ++j) prior -= 0.5f * z[row * latent + j] * z[row * latent + j];
      log_prior[row] = prior;
      best_prior[t] = std::max(best_prior[t], prior);
      for (std::size_t d = 0; d < dim; ++d) {
        const float value = means(row, d);
        points[(row / kLanes * dim + d) * kLanes + p % kLanes] = value;
        float& lo = low[box + d * kLanes];
        float& hi = high[box + d * kLanes];
        lo = p == 0 ? value : std::min(lo, value);
        hi = p == 0 ? value : std::max(hi, value);
      }
    }
  }
};

/// sum of e^terms as e^largest times `sum`.
struct LogSum {
  float largest = kNothing;
  double sum = 0.0;
  [[nodiscard]] double value() const { return largest + std::log(sum); }
};

GMMVAE_INLINE void add_tile(const DecodedTiles& tiles, std::size_t tile, const float* u, LogSum& total) {
  Lanes terms[kTileBlocks];
  Lanes most = Lanes{} + kNothing;
  for (std::size_t b = 0; b < kTileBlocks; ++b) {
    const std::size_t block = tile * kTileBlocks + b;
    Lanes d2;
    squared_distances(tiles.points.data() + block * tiles.dim * kLanes, u, tiles.dim, d2);
    Lanes prior;
    load(tiles.log_prior.data() + block * kLanes, prior);
    terms[b] = prior - 0.5f * d2;
    most = terms[b] > most ? terms[b] : most;
  }
  float largest = total.largest;
  for (std::size_t l = 0; l < kLanes; ++l) largest = most[l] > largest ? most[l] : largest;
  if (largest > total.largest) {
    total.sum *= std::exp(static_cast<double>(total.largest) - largest);
    total.largest = largest;
  }
  Lanes sum = {};
  for (std::size_t b = 0; b < kTileBlocks; ++b) {
    terms[b] -= largest;
    exponential(terms[b]);
    sum += terms[b];
  }
  for (std::size_t l = 0; l < kLanes; ++l) total.sum += sum[l];
}

GMMVAE_CLONES void add_tiles(const DecodedTiles& tiles, const float* u, float known, LogSum& total) {
  for (std::size_t g = 0; g < tiles.groups; ++g) {
    Lanes bound;
    load(tiles.best_prior.data() + g * kLanes, bound);
    for (std::size_t d = 0; d < tiles.dim; ++d) {
      Lanes low, high;
      load(tiles.low.data() + (g * tiles.dim + d) * kLanes, low);
      load(tiles.high.data() + (g * tiles.dim + d) * kLanes, high);
      const Lanes below = low - u[d], above = u[d] - high;
      Lanes gap = below > above ? below : above;
      gap = gap > 0.0f ? gap : Lanes{};
      bound -= 0.5f * gap * gap;
    }
    for (std::size_t l = 0; l < kLanes; ++l) {
      const float reference = total.largest > known ? total.largest : known;
      if (bound[l] > reference - kNegligible && bound[l] > 0.5f * kNothing)
        add_tile(tiles, g * kLanes + l, u, total);
    }
  }
}

// One level: [N] log p(x). `previous` (empty at first) tells beforehand which terms cannot matter.
std::vector<double> integrate(const GaussianDecoder& decoder, const Matrix<float>& u, const LatentGrid& grid,
                              const std::vector<double>& previous, ThreadPool& pool, std::size_t& points) {
  const auto latent = static_cast<double>(decoder.latent());
  const double constant =
      decoder.log_constant() + latent * (std::log(grid.step()) - 0.5 * std::log(2.0 * std::numbers::pi));
  std::vector<LogSum> sums(u.rows());
  points = 0;
  for (std::size_t next = 0; next < grid.tiles();) {
    std::vector<float> z;
    next = grid.collect(next, z);
    const std::size_t rows = z.size() / decoder.latent();
    if (rows == 0) break;
    points += rows;
    const DecodedTiles tiles(z, decoder.latent(), decoder.means({z.data(), rows, decoder.latent()}));
    pool.for_range(u.rows(), 32, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) {
        // The sum is at most the number of terms times the largest one: log(2^25) is below 18.
        const double known = previous.empty() ? kNothing : previous[i] - constant - 18.0;
        add_tiles(tiles, u.row(i).data(), static_cast<float>(known), sums[i]);
      }
    });
  }
  std::vector<double> out;
  out.reserve(u.rows());
  for (const LogSum& s : sums) out.push_back(constant + s.value());
  return out;
}

std::size_t power(std::size_t base, std::size_t exponent) {
  std::size_t out = 1;
  for (std::size_t i = 0; i < exponent; ++i) out *= base;
  return out;
}

}  // namespace

double latent_radius(const Posterior& posterior) {
  double farthest = 0.0;
  for (std::size_t i = 0; i < posterior.mean.rows(); ++i) {
    double norm = 0.0, spread = 0.0;
    for (std::size_t j = 0; j < posterior.mean.cols(); ++j) {
      norm += posterior.mean(i, j) * posterior.mean(i, j);
      spread = std::max<double>(spread, posterior.variance(i, j));
    }
    farthest = std::max(farthest, std::sqrt(norm) + 4.0 * std::sqrt(std::min(spread, 1.0)));
  }
  return std::clamp(farthest, 6.0, 10.0);
}

Likelihood quadrature_likelihood(const GaussianDecoder& decoder, MatrixView<float> x,
                                 const LikelihoodOptions& options, ThreadPool& pool) {
  const std::size_t latent = decoder.latent();
  if (latent == 0 || latent > kQuadratureLatent)
    throw UsageError(
        "quadrature over the latent space works for 1 to 3 latent dimensions; use importance weighting");
  const Matrix<float> u = decoder.whiten(x);
  const double radius = latent_radius(decoder.posterior(x));
  Likelihood out;
  std::size_t per_axis = latent == 1 ? 256 : (latent == 2 ? 96 : 32);
  out.per_point = integrate(decoder, u, LatentGrid(latent, per_axis, radius), {}, pool, out.latent_points);
  out.error = std::numeric_limits<double>::infinity();
  while (out.error > options.tolerance && power(2 * per_axis, latent) <= options.max_points) {
    per_axis *= 2;
    std::vector<double> finer =
        integrate(decoder, u, LatentGrid(latent, per_axis, radius), out.per_point, pool, out.latent_points);
    double change = 0.0;
    for (std::size_t i = 0; i < finer.size(); ++i) change += std::abs(finer[i] - out.per_point[i]);
    out.error = finer.empty() ? 0.0 : change / static_cast<double>(finer.size()) / 3.0;
    out.per_point = std::move(finer);
  }
  return out;
}

}  // namespace gmmvae
