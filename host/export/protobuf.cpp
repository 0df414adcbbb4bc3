#include "host/export/protobuf.hpp"

#include "host/io/little_endian.hpp"

namespace gmmvae {
namespace {

constexpr std::uint32_t kVarint = 0, kEightBytes = 1, kCounted = 2, kFourBytes = 5;

}  // namespace

/// Seven bits a byte, the lowest first; the top bit says that more follow.
void ProtobufMessage::varint(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_ += static_cast<char>(value | 0x80);
    value >>= 7;
  }
  bytes_ += static_cast<char>(value);
}

void ProtobufMessage::tag(std::uint32_t field, std::uint32_t wire_type) {
  varint(field << 3 | wire_type);
}

void ProtobufMessage::integer(std::uint32_t field, std::int64_t value) {
  tag(field, kVarint);
  varint(static_cast<std::uint64_t>(value));
}

void ProtobufMessage::real32(std::uint32_t field, float value) {
  tag(field, kFourBytes);
  little_endian::put(bytes_, value);
}

void ProtobufMessage::real64(std::uint32_t field, double value) {
  tag(field, kEightBytes);
  little_endian::put(bytes_, value);
}

void ProtobufMessage::text(std::uint32_t field, std::string_view value) {
  tag(field, kCounted);
  varint(value.size());
  bytes_ += value;
}

}  // namespace gmmvae
