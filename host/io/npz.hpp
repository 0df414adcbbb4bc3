#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "host/io/array.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/input_file.hpp"
#include "host/io/zip_reader.hpp"

namespace gmmvae {

/// Reads .npz files, as numpy.savez and numpy.savez_compressed write them. Throws DataError.
class NpzReader {
 public:
  explicit NpzReader(const std::string& path) : NpzReader(std::make_unique<InputFile>(path)) {}
  explicit NpzReader(std::unique_ptr<InputFile> file);

  /// In the order of the file.
  [[nodiscard]] const std::vector<std::string>& keys() const { return keys_; }
  [[nodiscard]] bool contains(std::string_view key) const;
  [[nodiscard]] const std::string& file_name() const { return file_->name(); }
  /// The .npy file under that key. Throws DataError that names the keys that are there. The reader must
  /// outlive it.
  [[nodiscard]] std::unique_ptr<ByteStream> open(std::string_view key) const;
  /// The array under that key.
  Array read(std::string_view key) const;

 private:
  std::unique_ptr<InputFile> file_;
  ZipReader zip_;
  std::vector<std::string> keys_;
};

/// Above these the zip format needs its 64-bit fields. Only tests lower them.
struct ZipLimits {
  std::uint64_t bytes = 0xffffffff - 1;  ///< largest size or offset in 32 bits; 2^32 - 1 itself marks "moved"
  std::uint64_t entries = 0xffff - 1;
};

/// Writes .npz files that numpy.load takes: entries stored, dated 1980-01-01 so that equal arrays give equal
/// bytes, zip64 fields where sizes need them. The file appears at commit(), see AtomicFile.
class NpzWriter {
 public:
  explicit NpzWriter(const std::string& path, ZipLimits limits = {}) : file_(path), limits_(limits) {}

  template <class T>
  void add(const std::string& key, const std::vector<std::size_t>& shape, std::span<const T> values);
  template <class T>
  void add(const std::string& key, MatrixView<T> matrix) {
    add<T>(key, {matrix.rows, matrix.cols}, {matrix.data, matrix.size()});
  }
  template <class T>
  void add(const std::string& key, const std::vector<T>& values) {
    add<T>(key, {values.size()}, values);
  }
  void commit();

 private:
  void write_entry(const std::string& key, const std::string& header, const void* bytes, std::size_t count);

  AtomicFile file_;
  ZipLimits limits_;
  std::string directory_;
  std::uint64_t entries_ = 0;
};

}  // namespace gmmvae
