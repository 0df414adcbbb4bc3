#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/io/byte_stream.hpp"
#include "host/io/input_file.hpp"

namespace gmmvae {

/// One file inside a zip archive, as the central directory describes it.
struct ZipEntry {
  std::string name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;  ///< 0 stored, 8 deflated
  std::uint32_t crc = 0;
  std::uint64_t compressed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t header_offset = 0;
};

/// Reads zip archives (PKWARE APPNOTE 6.3), zip64 included: entries stored or deflated, not encrypted, on one
/// disk. Throws DataError for anything damaged, cut off or inconsistent.
class ZipReader {
 public:
  explicit ZipReader(const InputFile& file);

  [[nodiscard]] const std::vector<ZipEntry>& entries() const { return entries_; }
  /// The entry's bytes, uncompressed; its CRC-32 is checked when the last one is read. `name` is for
  /// messages. The archive must outlive the stream.
  [[nodiscard]] std::unique_ptr<ByteStream> open(const ZipEntry& entry, std::string name) const;

 private:
  void read_directory(std::uint64_t offset, std::uint64_t size, std::uint64_t count);

  const InputFile& file_;
  std::vector<ZipEntry> entries_;
};

}  // namespace gmmvae
