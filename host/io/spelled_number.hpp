#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>

namespace gmmvae {

/// The number that the whole of `text` spells, whatever the locale, or nothing: no blanks, no sign but -.
template <class T>
std::optional<T> spelled_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace gmmvae
