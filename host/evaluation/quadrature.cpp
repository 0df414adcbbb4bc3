#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "gmmvae/error.hpp"
#include "host/evaluation/latent_grid.hpp"
#include "host/evaluation/likelihood.hpp"
#include "host/parallel/lanes.hpp"

namespace gmmvae {

namespace {

constexpr std::size_t kTileBlocks = kTilePoints / kLanes;
// Terms e^-30 below the largest are dropped: with 2^25 of them at most 3e-6 in the logarithm.
constexpr float kNegligible = 30.0f;
constexpr float kNothing = -1e30f;

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

}  // namespace

Likelihood quadrature_likelihood(const GaussianDecoder& decoder, MatrixView<float> x,
                                 const LikelihoodOptions& options, ThreadPool& pool) {
  check_quadrature(decoder.latent());
  const Matrix<float> u = decoder.whiten(x);
  return refine(decoder.latent(), latent_radius(decoder.posterior(x)), options,
                [&](const LatentGrid& grid, const std::vector<double>& previous, std::size_t& points) {
                  return integrate(decoder, u, grid, previous, pool, points);
                });
}

}  // namespace gmmvae
