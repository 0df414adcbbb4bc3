#include "host/export/tensorboard.hpp"

#include <array>
#include <cmath>

#include "host/export/protobuf.hpp"
#include "host/io/little_endian.hpp"

namespace gmmvae {
namespace {

using little_endian::put;

constexpr std::array<std::uint32_t, 256> make_table() {
  constexpr std::uint32_t reversed_polynomial = 0x82f63b78;
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? reversed_polynomial : 0);
    table[byte] = crc;
  }
  return table;
}

/// As TensorFlow's record files hold it: a CRC of bytes that hold CRCs themselves would be a poor check.
std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8;
}

/// Length, its checksum, the bytes, their checksum.
void append_record(std::string& file, const ProtobufMessage& event) {
  std::string length;
  put(length, static_cast<std::uint64_t>(event.bytes().size()));
  file += length;
  put(file, masked_crc(length));
  file += event.bytes();
  put(file, masked_crc(event.bytes()));
}

ProtobufMessage scalar(std::string_view tag, double number) {
  ProtobufMessage value;
  value.text(1, tag);
  value.real32(2, static_cast<float>(number));
  return value;
}

ProtobufMessage event_at(std::size_t step) {
  ProtobufMessage event;
  event.real64(1, static_cast<double>(step));  // wall_time
  event.integer(2, static_cast<std::int64_t>(step));
  return event;
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> table = make_table();
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) crc = crc >> 8 ^ table[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  return ~crc;
}

std::string tensorboard_events(const History& history) {
  std::string file;
  ProtobufMessage version = event_at(0);
  version.text(3, "brain.Event:2");
  append_record(file, version);
  const std::vector<std::string> names = history.column_names();
  for (std::size_t epoch = 0; epoch < history.epochs(); ++epoch) {
    ProtobufMessage summary;
    const std::span<const double> row = history.row(epoch);
    for (std::size_t column = 0; column < names.size(); ++column) {
      if (!std::isnan(row[column])) summary.message(1, scalar(names[column], row[column]));
    }
    ProtobufMessage event = event_at(epoch + 1);
    event.message(5, summary);
    append_record(file, event);
  }
  return file;
}

}  // namespace gmmvae
