#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gmmvae {

/// Base64 (RFC 4648, with padding).
std::string base64(std::string_view bytes);

/// An image of 8-bit RGBA pixels [height,width,4] as the bytes of a PNG file (ISO/IEC 15948).
std::string png(std::size_t width, std::size_t height, std::span<const std::uint8_t> rgba);

/// The same as a data: address.
std::string png_data_uri(std::size_t width, std::size_t height, std::span<const std::uint8_t> rgba);

}  // namespace gmmvae
