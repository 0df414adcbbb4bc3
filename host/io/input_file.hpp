#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "host/io/byte_stream.hpp"

namespace gmmvae {

/// A file open for reading at any place. `-` is standard input; that, and anything else that cannot seek, is
/// read into memory at once. Everything throws DataError with the file and the reason.
class InputFile {
 public:
  explicit InputFile(const std::string& path);
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Fills `count` bytes from `offset`; throws where the file ends earlier.
  void read(std::uint64_t offset, void* bytes, std::size_t count) const;

 private:
  void slurp();

  std::string name_;
  std::uint64_t size_ = 0;
  int descriptor_ = -1;
  bool in_memory_ = false;
  std::string memory_;
};

/// The bytes [offset, offset + size) of a file as a stream.
class FileSection : public ByteStream {
 public:
  FileSection(const InputFile& file, std::uint64_t offset, std::uint64_t size)
      : file_(file), offset_(offset), end_(offset + size) {}
  explicit FileSection(const InputFile& file) : FileSection(file, 0, file.size()) {}

  void read(void* bytes, std::size_t count) override;
  [[nodiscard]] std::uint64_t remaining() const override { return end_ - offset_; }
  [[nodiscard]] const std::string& name() const override { return file_.name(); }

 private:
  const InputFile& file_;
  std::uint64_t offset_;
  std::uint64_t end_;
};

/// A whole file, or standard input for `-`.
std::string read_file(const std::string& path);

}  // namespace gmmvae
