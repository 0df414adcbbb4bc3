#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace gmmvae {

/// The numbers to four digits for a line that a person reads: at most ten of them, then how many more there
/// are.
inline std::string short_list(const std::vector<double>& values) {
  constexpr std::size_t most = 10;
  const auto shown = static_cast<std::ptrdiff_t>(std::min(most, values.size()));
  const std::string text = fmt::format("{:.4g}", fmt::join(values.begin(), values.begin() + shown, ", "));
  return values.size() <= most ? text : fmt::format("{} and {} more", text, values.size() - most);
}

}  // namespace gmmvae
