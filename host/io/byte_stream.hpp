#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace gmmvae {

/// Bytes that are read once, front to back, and whose number is known beforehand.
class ByteStream {
 public:
  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  /// Fills `count` bytes; throws DataError where that many are not there or are damaged.
  virtual void read(void* bytes, std::size_t count) = 0;
  /// Bytes still to come.
  [[nodiscard]] virtual std::uint64_t remaining() const = 0;
  /// What a person calls it, for messages: a file name, or "file.npz, array x".
  [[nodiscard]] virtual const std::string& name() const = 0;
};

}  // namespace gmmvae
