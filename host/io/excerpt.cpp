#include "host/io/excerpt.hpp"

#include <cstddef>

namespace gmmvae {

std::string excerpt(std::string_view text) {
  constexpr std::size_t kLongest = 60;
  std::string result;
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    result += byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  if (text.size() > kLongest) {
    // Do not leave half of a UTF-8 character before the dots.
    while (!result.empty() && (static_cast<unsigned char>(text[result.size()]) & 0xc0) == 0x80)
      result.pop_back();
    result += "...";
  }
  return result;
}

}  // namespace gmmvae
