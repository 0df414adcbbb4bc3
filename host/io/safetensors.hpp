#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/io/input_file.hpp"

namespace gmmvae {

/// Text about a safetensors file, its `__metadata__`.
using Metadata = std::map<std::string, std::string>;

/// Reads safetensors files: a 64-bit header length, a JSON header, then the tensors' bytes (little-endian, C
/// order). The constructor checks every rule of the format: length in range, no key twice, known element
/// types, offsets that fit shape and type, and tensors that fill the buffer without gap or overlap. Throws
/// DataError.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::string& path);

  struct Tensor {
    std::string name;
    std::string type;  ///< F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL
    std::vector<std::size_t> shape;
    std::uint64_t offset = 0;  ///< from the start of the file
    std::uint64_t size = 0;    ///< bytes
  };

  [[nodiscard]] const std::string& file_name() const { return file_.name(); }
  [[nodiscard]] const Metadata& metadata() const { return metadata_; }
  /// The text under that key; throws DataError where there is none.
  [[nodiscard]] const std::string& metadata(const std::string& key) const;
  /// In the order of their bytes.
  [[nodiscard]] const std::vector<Tensor>& tensors() const { return tensors_; }
  /// Throws DataError where there is no such tensor.
  [[nodiscard]] const Tensor& tensor(std::string_view name) const;
  /// The numbers of a tensor that must have T's type and this shape. T: float, double, std::int32_t,
  /// std::int64_t.
  template <class T>
  [[nodiscard]] std::vector<T> read(std::string_view name, const std::vector<std::size_t>& shape) const;

 private:
  void parse(const std::string& header);
  void check_offsets(std::uint64_t buffer_size) const;

  InputFile file_;
  Metadata metadata_;
  std::vector<Tensor> tensors_;
};

/// A tensor to be written: its bytes may come in several pieces, one behind the other, all owned by the
/// caller.
struct TensorToWrite {
  std::string name;
  std::string type;
  std::vector<std::size_t> shape;
  std::vector<std::span<const std::byte>> pieces;
};

/// A tensor in one piece. T: float, double, std::int32_t, std::int64_t.
template <class T>
TensorToWrite tensor_of(std::string name, std::vector<std::size_t> shape, std::span<const T> values);

/// Writes the tensors in the given order, as AtomicFile does.
void write_safetensors(const std::string& path, std::span<const TensorToWrite> tensors,
                       const Metadata& metadata);

}  // namespace gmmvae
