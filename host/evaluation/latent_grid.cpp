#include "host/evaluation/latent_grid.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmmvae/error.hpp"

namespace gmmvae {

namespace {

constexpr std::size_t kTilesAtOnce = 1024;

std::size_t power(std::size_t base, std::size_t exponent) {
  std::size_t out = 1;
  for (std::size_t i = 0; i < exponent; ++i) out *= base;
  return out;
}

}  // namespace

LatentGrid::LatentGrid(std::size_t latent, std::size_t per_axis, double radius)
    : latent_(latent),
      side_(latent == 1 ? 64 : (latent == 2 ? 8 : 4)),
      tiles_per_axis_(per_axis / side_),
      total_(power(tiles_per_axis_, latent)),
      step_(2.0 * radius / static_cast<double>(per_axis)),
      radius_(radius) {}

std::size_t LatentGrid::collect(std::size_t next, std::vector<float>& z) const {
  for (; next < total_ && z.size() < kTilesAtOnce * kTilePoints * latent_; ++next)
    if (inside(next)) append(next, z);
  return next;
}

std::array<std::size_t, 3> LatentGrid::corner(std::size_t tile) const {
  std::array<std::size_t, 3> at{};
  for (std::size_t j = 0; j < latent_; ++j) {
    at[j] = tile % tiles_per_axis_ * side_;
    tile /= tiles_per_axis_;
  }
  return at;
}

double LatentGrid::coordinate(std::size_t i) const {
  return -radius_ + (static_cast<double>(i) + 0.5) * step_;
}

bool LatentGrid::inside(std::size_t tile) const {
  const auto at = corner(tile);
  double nearest = 0.0;
  for (std::size_t j = 0; j < latent_; ++j) {
    const double low = coordinate(at[j]), high = coordinate(at[j] + side_ - 1);
    const double gap = std::max({low, -high, 0.0});
    nearest += gap * gap;
  }
  return nearest <= radius_ * radius_;
}

void LatentGrid::append(std::size_t tile, std::vector<float>& z) const {
  const auto at = corner(tile);
  for (std::size_t p = 0; p < kTilePoints; ++p) {
    std::size_t rest = p;
    for (std::size_t j = 0; j < latent_; ++j) {
      z.push_back(static_cast<float>(coordinate(at[j] + rest % side_)));
      rest /= side_;
    }
  }
}

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

void check_quadrature(std::size_t latent) {
  if (latent == 0 || latent > kQuadratureLatent)
    throw UsageError(
        "quadrature over the latent space works for 1 to 3 latent dimensions; use importance weighting");
}

Likelihood refine(std::size_t latent, double radius, const LikelihoodOptions& options,
                  const Integrate& integrate) {
  Likelihood out;
  std::size_t per_axis = latent == 1 ? 256 : (latent == 2 ? 96 : 32);
  out.per_point = integrate(LatentGrid(latent, per_axis, radius), {}, out.latent_points);
  out.error = std::numeric_limits<double>::infinity();
  while (out.error > options.tolerance && power(2 * per_axis, latent) <= options.max_points) {
    per_axis *= 2;
    std::vector<double> finer =
        integrate(LatentGrid(latent, per_axis, radius), out.per_point, out.latent_points);
    double change = 0.0;
    for (std::size_t i = 0; i < finer.size(); ++i) change += std::abs(finer[i] - out.per_point[i]);
    out.error = finer.empty() ? 0.0 : change / static_cast<double>(finer.size()) / 3.0;
    out.per_point = std::move(finer);
  }
  return out;
}

}  // namespace gmmvae
