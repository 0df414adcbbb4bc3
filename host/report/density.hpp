#pragma once

#include <cstddef>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/mixture.hpp"

namespace gmmvae {

/// Cells of equal size over [low, high] of two columns.
struct DensityGrid {
  double x_low = 0.0, x_high = 1.0, y_low = 0.0, y_high = 1.0;
  std::size_t cells = 96;  ///< along each side
};

/// The density of columns a and b of a mixture at the middle of every cell, [cells,cells], row 0 at the least
/// y: the marginal of a Gaussian is the Gaussian of those columns.
Matrix<double> mixture_density(const Mixture& mixture, std::size_t a, std::size_t b, const DensityGrid& grid);

/// The same of a model, from `means` [N,D] that its decoder gives for N draws of the prior: the mean of N
/// Gaussians with the decoder's standard deviations `noise` [D], raw units. The draws are counted into cells
/// and the counts smoothed; deviations below a third of a cell are shown as that.
Matrix<double> model_density(MatrixView<float> means, const std::vector<double>& noise, std::size_t a,
                             std::size_t b, const DensityGrid& grid);

/// The density of one column at the middles of `cells` cells of [low, high], likewise.
std::vector<double> mixture_density(const Mixture& mixture, std::size_t column, double low, double high,
                                    std::size_t cells);
std::vector<double> model_density(MatrixView<float> means, const std::vector<double>& noise,
                                  std::size_t column, double low, double high, std::size_t cells);

/// Share of the points [N,D] in each of `cells` cells of a column, divided by the width of a cell.
std::vector<double> histogram(MatrixView<float> points, std::size_t column, double low, double high,
                              std::size_t cells);

}  // namespace gmmvae
