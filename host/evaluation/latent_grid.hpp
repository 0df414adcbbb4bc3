#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <vector>

#include "gmmvae/likelihood.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

/// Grid points come in tiles of so many neighbours, which the decoder maps close together.
inline constexpr std::size_t kTilePoints = 64;

/// A midpoint grid on the cube [-radius, radius]^Z in tiles; tiles outside the ball are left out.
class LatentGrid {
 public:
  LatentGrid(std::size_t latent, std::size_t per_axis, double radius);
  [[nodiscard]] double step() const { return step_; }
  [[nodiscard]] std::size_t tiles() const { return total_; }
  /// Appends tiles from `next` on until `z` [points,Z] holds 1024 of them or the grid ends; returns where to
  /// go on.
  std::size_t collect(std::size_t next, std::vector<float>& z) const;

 private:
  [[nodiscard]] std::array<std::size_t, 3> corner(std::size_t tile) const;
  [[nodiscard]] double coordinate(std::size_t i) const;
  [[nodiscard]] bool inside(std::size_t tile) const;
  void append(std::size_t tile, std::vector<float>& z) const;

  std::size_t latent_, side_, tiles_per_axis_, total_;
  double step_, radius_;
};

/// Radius of a ball that holds the prior but for 1e-7 and the posteriors with four standard deviations.
double latent_radius(const Posterior& posterior);

/// [N] log p(x) on one grid, whose points it counts. `previous` is the result on the grid before, empty at
/// first.
using Integrate = std::function<std::vector<double>(
    const LatentGrid& grid, const std::vector<double>& previous, std::size_t& points)>;

/// Throws UsageError where there are no or more than kQuadratureLatent latent dimensions.
void check_quadrature(std::size_t latent);
/// Halves the step until the results change by less than the tolerance asks for. The integrand of a decoder
/// with kinks converges as the square of the step, so a third of the last change estimates the error that is
/// left.
Likelihood refine(std::size_t latent, double radius, const LikelihoodOptions& options,
                  const Integrate& integrate);

}  // namespace gmmvae
