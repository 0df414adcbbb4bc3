#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gmmvae {

/// Bytes of one protobuf message in the wire format (fields in the order of the calls). A nested message is a
/// ProtobufMessage of its own, added by its bytes.
class ProtobufMessage {
 public:
  /// int32, int64, enum and bool fields.
  void integer(std::uint32_t field, std::int64_t value);
  void real32(std::uint32_t field, float value);
  void real64(std::uint32_t field, double value);
  /// string and bytes fields.
  void text(std::uint32_t field, std::string_view value);
  void message(std::uint32_t field, const ProtobufMessage& value) { text(field, value.bytes_); }

  /// All fields of another message, as fields of this one.
  void fields(const ProtobufMessage& other) { bytes_ += other.bytes_; }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  void varint(std::uint64_t value);
  void tag(std::uint32_t field, std::uint32_t wire_type);

  std::string bytes_;
};

}  // namespace gmmvae
