#pragma once

#include <cstddef>
#include <cstdint>

#include "host/io/little_endian.hpp"

namespace gmmvae::zip {

// Record signatures and fixed sizes of the zip format (PKWARE APPNOTE 6.3, sections 4.3.7 to 4.3.16).
inline constexpr std::uint32_t kLocalHeader = 0x04034b50;
inline constexpr std::uint32_t kCentralHeader = 0x02014b50;
inline constexpr std::uint32_t kEnd = 0x06054b50;
inline constexpr std::uint32_t kEnd64 = 0x06064b50;
inline constexpr std::uint32_t kEnd64Locator = 0x07064b50;
inline constexpr std::size_t kLocalHeaderSize = 30;
inline constexpr std::size_t kCentralHeaderSize = 46;
inline constexpr std::size_t kEndSize = 22;
inline constexpr std::size_t kEnd64Size = 56;
inline constexpr std::size_t kEnd64LocatorSize = 20;

inline constexpr std::uint16_t kExtra64 = 1;  ///< the extra field that holds 64-bit sizes and offsets
inline constexpr std::uint16_t kStored = 0;
inline constexpr std::uint16_t kDeflated = 8;
inline constexpr std::uint16_t kEncryptedFlag = 1;
inline constexpr std::uint16_t kUtf8Flag = 1 << 11;
inline constexpr std::uint32_t kMoved32 = 0xffffffff;  ///< "see the zip64 field"
inline constexpr std::uint16_t kMoved16 = 0xffff;

using little_endian::get;
using little_endian::put;

}  // namespace gmmvae::zip
