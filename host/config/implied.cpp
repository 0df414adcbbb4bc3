#include "host/config/implied.hpp"

#include <algorithm>

#include "host/config/options.hpp"
#include "host/config/values.hpp"

namespace gmmvae {

std::optional<std::string> implied_value(std::string_view key) {
  for (const Option& option : option_table())
    if (option.came_later && option.name == key)
      return toml_value(option, canonical_value(option, option.default_value, key));
  return std::nullopt;
}

bool is_implied(std::string_view line) {
  constexpr std::string_view equals = " = ";
  const std::size_t middle = line.find(equals);
  return middle != std::string_view::npos &&
         implied_value(line.substr(0, middle)) == line.substr(middle + equals.size());
}

std::string without_implied(std::string_view toml) {
  std::string out;
  bool top = true;
  while (!toml.empty()) {
    const std::size_t end = std::min(toml.find('\n'), toml.size() - 1) + 1;
    const std::string_view line = toml.substr(0, end);
    toml.remove_prefix(end);
    top = top && !line.starts_with('[');
    if (!top || !is_implied(line.substr(0, line.find('\n')))) out += line;
  }
  return out;
}

}  // namespace gmmvae
