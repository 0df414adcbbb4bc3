#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gmmvae::test {

/// The fields of one protobuf message by number, read by the rules of the wire format alone
/// (protobuf.dev/programming-guides/encoding). Shares no code with the writer and so can judge it. Throws
/// std::runtime_error for bytes that are no message.
class ProtobufFields {
 public:
  ProtobufFields() = default;
  explicit ProtobufFields(std::string_view bytes) {
    while (!bytes.empty()) take_field(bytes);
  }

  [[nodiscard]] bool has(std::uint32_t field) const { return fields_.contains(field); }
  [[nodiscard]] std::size_t count(std::uint32_t field) const {
    return has(field) ? fields_.at(field).size() : 0;
  }
  [[nodiscard]] std::string_view text(std::uint32_t field, std::size_t i = 0) const {
    return value(field, i, kCounted).bytes;
  }
  [[nodiscard]] ProtobufFields message(std::uint32_t field, std::size_t i = 0) const {
    return ProtobufFields(text(field, i));
  }
  [[nodiscard]] std::int64_t integer(std::uint32_t field, std::size_t i = 0) const {
    return static_cast<std::int64_t>(value(field, i, kVarint).number);
  }
  [[nodiscard]] float real32(std::uint32_t field) const {
    return number<float>(value(field, 0, kFour).bytes);
  }
  [[nodiscard]] double real64(std::uint32_t field) const {
    return number<double>(value(field, 0, kEight).bytes);
  }

 private:
  static constexpr unsigned kVarint = 0, kEight = 1, kCounted = 2, kFour = 5;
  struct Value {
    unsigned wire_type = 0;
    std::uint64_t number = 0;
    std::string_view bytes;
  };

  [[nodiscard]] const Value& value(std::uint32_t field, std::size_t i, unsigned wire_type) const {
    const Value& found = fields_.at(field).at(i);
    if (found.wire_type != wire_type) throw std::runtime_error("wrong wire type");
    return found;
  }
  template <class T>
  static T number(std::string_view bytes) {
    T result;
    std::memcpy(&result, bytes.data(), sizeof(T));
    return result;
  }
  static std::uint64_t varint(std::string_view& bytes) {
    std::uint64_t result = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes.empty()) throw std::runtime_error("a number ends too early");
      const auto byte = static_cast<unsigned char>(bytes.front());
      bytes.remove_prefix(1);
      result |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    throw std::runtime_error("a number is too long");
  }
  static std::string_view cut(std::string_view& bytes, std::uint64_t count) {
    if (count > bytes.size()) throw std::runtime_error("a field ends too early");
    const std::string_view head = bytes.substr(0, count);
    bytes.remove_prefix(count);
    return head;
  }
  void take_field(std::string_view& bytes) {
    const std::uint64_t tag = varint(bytes);
    Value value{static_cast<unsigned>(tag & 7), 0, {}};
    if (value.wire_type == kVarint) {
      value.number = varint(bytes);
    } else if (value.wire_type == kEight) {
      value.bytes = cut(bytes, 8);
    } else if (value.wire_type == kFour) {
      value.bytes = cut(bytes, 4);
    } else if (value.wire_type == kCounted) {
      value.bytes = cut(bytes, varint(bytes));
    } else {
      throw std::runtime_error("unknown wire type");
    }
    fields_[static_cast<std::uint32_t>(tag >> 3)].push_back(value);
  }

  std::map<std::uint32_t, std::vector<Value>> fields_;
};

}  // namespace gmmvae::test
