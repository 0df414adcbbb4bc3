#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "gmmvae/matrix.hpp"

namespace gmmvae {

/// Numbers of any shape in C order, as .npy and .npz hold them: f4, f8, i4 or i8.
struct Array {
  using Values = std::variant<std::vector<float>, std::vector<double>, std::vector<std::int32_t>,
                              std::vector<std::int64_t>>;

  std::vector<std::size_t> shape;  ///< () for a single number
  Values values;

  bool operator==(const Array&) const = default;
};

/// The product of the sizes; 1 for (). Throws std::overflow_error beyond 2^63.
std::size_t element_count(const std::vector<std::size_t>& shape);

/// As Python prints it: (), (5,), (5, 3).
std::string shape_text(const std::vector<std::size_t>& shape);

/// An array made of one's own numbers.
template <class T>
Array make_array(std::vector<std::size_t> shape, std::vector<T> values) {
  return {std::move(shape), std::move(values)};
}

}  // namespace gmmvae
