#include "host/report/density.hpp"

#include <algorithm>
#include <cmath>

namespace gmmvae {
namespace {

/// A Gaussian sampled at the middles of cells, `deviation` in cells, normalised to sum 1; index 0 is the
/// middle and the rest follow to one side.
std::vector<double> half_kernel(double deviation) {
  const double width = std::max(deviation, 1.0 / 3.0);
  std::vector<double> half(static_cast<std::size_t>(std::ceil(4.0 * width)) + 1);
  double sum = 0.0;
  for (std::size_t i = 0; i < half.size(); ++i) {
    const double at = static_cast<double>(i) / width;
    half[i] = std::exp(-0.5 * at * at);
    sum += i == 0 ? half[i] : 2.0 * half[i];
  }
  for (double& value : half) value /= sum;
  return half;
}

/// Smooths `count` numbers that lie `stride` apart; what leaves the range is lost, as it lies outside.
void smooth(double* values, std::size_t count, std::size_t stride, const std::vector<double>& half,
            std::vector<double>& scratch) {
  scratch.assign(count, 0.0);
  for (std::size_t i = 0; i < count; ++i) {
    const double value = values[i * stride];
    if (value == 0.0) continue;
    const std::size_t first = i >= half.size() ? i - half.size() + 1 : 0;
    const std::size_t last = std::min(count - 1, i + half.size() - 1);
    for (std::size_t j = first; j <= last; ++j) scratch[j] += value * half[j > i ? j - i : i - j];
  }
  for (std::size_t i = 0; i < count; ++i) values[i * stride] = scratch[i];
}

/// Where a value lies in cells of [low, high]: between the middles of which two, and how far.
struct CellPlace {
  CellPlace(double value, double low, double high, std::size_t cells) {
    const double at = (value - low) / (high - low) * static_cast<double>(cells) - 0.5;
    inside = at >= -0.5 && at <= static_cast<double>(cells) - 0.5;
    const double kept = std::clamp(at, 0.0, static_cast<double>(cells - 1));
    cell = std::min(static_cast<std::size_t>(kept), cells - 2);
    part = kept - static_cast<double>(cell);
  }
  std::size_t cell = 0;
  double part = 0.0;
  bool inside = false;
};

/// exp(-q/2) where that shows at all.
double bell(double q) {
  return q < 60.0 ? std::exp(-0.5 * q) : 0.0;
}

}  // namespace

Matrix<double> mixture_density(const Mixture& mixture, std::size_t a, std::size_t b,
                               const DensityGrid& grid) {
  Matrix<double> density(grid.cells, grid.cells);
  const double dx = (grid.x_high - grid.x_low) / static_cast<double>(grid.cells);
  const double dy = (grid.y_high - grid.y_low) / static_cast<double>(grid.cells);
  for (std::size_t k = 0; k < mixture.components(); ++k) {
    const Matrix<double>& s = mixture.covariances()[k];
    const double determinant = s(a, a) * s(b, b) - s(a, b) * s(a, b);
    const double scale = mixture.weights()[k] / (2.0 * M_PI * std::sqrt(determinant));
    for (std::size_t r = 0; r < grid.cells; ++r) {
      const double y = grid.y_low + (static_cast<double>(r) + 0.5) * dy - mixture.means()(k, b);
      for (std::size_t c = 0; c < grid.cells; ++c) {
        const double x = grid.x_low + (static_cast<double>(c) + 0.5) * dx - mixture.means()(k, a);
        density(r, c) +=
            scale * bell((s(b, b) * x * x - 2.0 * s(a, b) * x * y + s(a, a) * y * y) / determinant);
      }
    }
  }
  return density;
}

Matrix<double> model_density(MatrixView<float> means, const std::vector<double>& noise, std::size_t a,
                             std::size_t b, const DensityGrid& grid) {
  const std::size_t cells = grid.cells;
  Matrix<double> density(cells, cells);
  const double dx = (grid.x_high - grid.x_low) / static_cast<double>(cells);
  const double dy = (grid.y_high - grid.y_low) / static_cast<double>(cells);
  const double weight = 1.0 / (static_cast<double>(means.rows) * dx * dy);
  for (std::size_t r = 0; r < means.rows; ++r) {
    const CellPlace x(means(r, a), grid.x_low, grid.x_high, cells);
    const CellPlace y(means(r, b), grid.y_low, grid.y_high, cells);
    if (!x.inside || !y.inside) continue;
    density(y.cell, x.cell) += weight * (1.0 - x.part) * (1.0 - y.part);
    density(y.cell, x.cell + 1) += weight * x.part * (1.0 - y.part);
    density(y.cell + 1, x.cell) += weight * (1.0 - x.part) * y.part;
    density(y.cell + 1, x.cell + 1) += weight * x.part * y.part;
  }
  std::vector<double> scratch;
  const std::vector<double> across = half_kernel(noise[a] / dx), up = half_kernel(noise[b] / dy);
  for (std::size_t r = 0; r < cells; ++r) smooth(density.row(r).data(), cells, 1, across, scratch);
  for (std::size_t c = 0; c < cells; ++c) smooth(density.data() + c, cells, cells, up, scratch);
  return density;
}

std::vector<double> mixture_density(const Mixture& mixture, std::size_t column, double low, double high,
                                    std::size_t cells) {
  std::vector<double> density(cells, 0.0);
  const double step = (high - low) / static_cast<double>(cells);
  for (std::size_t k = 0; k < mixture.components(); ++k) {
    const double variance = mixture.covariances()[k](column, column);
    const double scale = mixture.weights()[k] / std::sqrt(2.0 * M_PI * variance);
    for (std::size_t c = 0; c < cells; ++c) {
      const double x = low + (static_cast<double>(c) + 0.5) * step - mixture.means()(k, column);
      density[c] += scale * bell(x * x / variance);
    }
  }
  return density;
}

std::vector<double> model_density(MatrixView<float> means, const std::vector<double>& noise,
                                  std::size_t column, double low, double high, std::size_t cells) {
  std::vector<double> density(cells, 0.0);
  const double step = (high - low) / static_cast<double>(cells);
  const double weight = 1.0 / (static_cast<double>(means.rows) * step);
  for (std::size_t r = 0; r < means.rows; ++r) {
    const CellPlace at(means(r, column), low, high, cells);
    if (!at.inside) continue;
    density[at.cell] += weight * (1.0 - at.part);
    density[at.cell + 1] += weight * at.part;
  }
  std::vector<double> scratch;
  smooth(density.data(), cells, 1, half_kernel(noise[column] / step), scratch);
  return density;
}

std::vector<double> histogram(MatrixView<float> points, std::size_t column, double low, double high,
                              std::size_t cells) {
  std::vector<double> shares(cells, 0.0);
  const double step = (high - low) / static_cast<double>(cells);
  for (std::size_t r = 0; r < points.rows; ++r) {
    const double at = (points(r, column) - low) / step;
    if (at < 0.0 || at > static_cast<double>(cells)) continue;
    shares[std::min(static_cast<std::size_t>(at), cells - 1)] +=
        1.0 / (static_cast<double>(points.rows) * step);
  }
  return shares;
}

}  // namespace gmmvae
