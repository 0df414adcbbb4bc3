#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

namespace gmmvae::little_endian {

static_assert(std::endian::native == std::endian::little, "files are written as the machine holds numbers");

/// A little-endian number of type T at `place`, which the caller knows to lie inside.
template <class T>
T get(std::string_view bytes, std::size_t place) {
  T value;
  std::memcpy(&value, bytes.data() + place, sizeof(T));
  return value;
}

/// Appends a little-endian number.
template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

}  // namespace gmmvae::little_endian
