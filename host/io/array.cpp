#include "host/io/array.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <stdexcept>

namespace gmmvae {

std::size_t element_count(const std::vector<std::size_t>& shape) {
  constexpr std::size_t kLimit = std::size_t{1} << 63;
  std::size_t count = 1;
  bool zero = false;
  for (const std::size_t size : shape) {
    if (size == 0) {
      zero = true;
    } else if (count > kLimit / size) {
      throw std::overflow_error("array too large");
    } else {
      count *= size;
    }
  }
  return zero ? 0 : count;
}

std::string shape_text(const std::vector<std::size_t>& shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

}  // namespace gmmvae
