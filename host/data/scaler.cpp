#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

struct Column {
  double least;
  double greatest;
  double mean;
  double deviation;  ///< divisor N
};

Column describe(MatrixView<float> x, std::size_t c) {
  const auto n = static_cast<double>(x.rows);
  Column column{x(0, c), x(0, c), 0.0, 0.0};
  for (std::size_t r = 0; r < x.rows; ++r) {
    column.least = std::min(column.least, double{x(r, c)});
    column.greatest = std::max(column.greatest, double{x(r, c)});
    column.mean += x(r, c);
  }
  column.mean /= n;
  for (std::size_t r = 0; r < x.rows; ++r) {
    const double centred = x(r, c) - column.mean;
    column.deviation += centred * centred;
  }
  column.deviation = std::sqrt(column.deviation / n);
  return column;
}

void require_columns(const Scaler& scaler, MatrixView<float> x) {
  if (x.cols != scaler.offset.size()) {
    throw DataError(
        fmt::format("The data have {} columns; the model was trained on {}.", x.cols, scaler.offset.size()));
  }
}

}  // namespace

Scaler Scaler::fit(ScaleKind kind, MatrixView<float> x) {
  if (x.empty()) throw DataError("The data hold no rows, so there is nothing to scale by.");
  Scaler scaler{kind, std::vector<double>(x.cols, 0.0), std::vector<double>(x.cols, 1.0)};
  if (kind == ScaleKind::none) return scaler;
  for (std::size_t c = 0; c < x.cols; ++c) {
    const Column column = describe(x, c);
    const bool minmax = kind == ScaleKind::minmax;
    if (column.least == column.greatest) {
      scaler.offset[c] = column.least;  // a constant column becomes 0 in either kind
      continue;
    }
    scaler.offset[c] = minmax ? column.least : column.mean;
    scaler.scale[c] = minmax ? column.greatest - column.least : column.deviation;
  }
  return scaler;
}

Matrix<float> Scaler::apply(MatrixView<float> raw) const {
  require_columns(*this, raw);
  Matrix<float> scaled(raw.rows, raw.cols);
  for (std::size_t r = 0; r < raw.rows; ++r) {
    for (std::size_t c = 0; c < raw.cols; ++c)
      scaled(r, c) = static_cast<float>((raw(r, c) - offset[c]) / scale[c]);
  }
  return scaled;
}

Matrix<float> Scaler::undo(MatrixView<float> scaled) const {
  require_columns(*this, scaled);
  Matrix<float> raw(scaled.rows, scaled.cols);
  for (std::size_t r = 0; r < scaled.rows; ++r) {
    for (std::size_t c = 0; c < scaled.cols; ++c)
      raw(r, c) = static_cast<float>(scaled(r, c) * scale[c] + offset[c]);
  }
  return raw;
}

double Scaler::log_jacobian() const {
  double sum = 0.0;
  for (const double s : scale) sum += std::log(s);
  return sum;
}

}  // namespace gmmvae
