#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "host/report/axes.hpp"

namespace gmmvae {

/// A colour for a share of the whole, from 0 to 1: cividis (Nuñez, Anderton & Renslow 2018), which is read
/// alike with and without colour-blindness and grows evenly in lightness.
std::array<std::uint8_t, 3> heat_colour(double share);

/// An amount at every pixel [rows,columns] as a picture of one hue that grows opaque with it, so that it fits
/// a light page and a dark one; row 0 is at the bottom. `top` is fully opaque; the root of the share is
/// shown, so that thin bridges between dense places stay visible.
std::string density_image(const Matrix<double>& density, double top);

/// Values [rows,columns] by two axes of a few values each; NaN is left empty.
struct HeatMap {
  Matrix<double> values;
  std::vector<std::string> rows, columns;  ///< names of the axes' values
  std::string row_axis, column_axis;       ///< names of the axes
  std::string quantity;                    ///< what is shown
  double low = 0.0, high = 1.0;            ///< ends of the colours
  std::string description;
};
/// Cells with their numbers written in where they fit; row 0 is at the bottom; a bar of the colours beside
/// it.
std::string heat_chart(const HeatMap& map);

}  // namespace gmmvae
