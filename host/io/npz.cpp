#include "host/io/npz.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/io/excerpt.hpp"
#include "host/io/npy.hpp"
#include "host/io/zip_format.hpp"

namespace gmmvae {
namespace {

constexpr std::string_view kSuffix = ".npy";
constexpr std::uint16_t kPlainVersion = 20;
constexpr std::uint16_t kZip64Version = 45;
constexpr std::uint16_t kMadeOnUnix = 3 << 8;
constexpr std::uint16_t kFirstDay = 1 << 5 | 1;          ///< 1980-01-01, the zip format's day one
constexpr std::uint32_t kOrdinaryFile = 0100644U << 16;  ///< Unix mode -rw-r--r--

std::uint32_t narrow(std::uint64_t value, bool moved) {
  return moved ? zip::kMoved32 : static_cast<std::uint32_t>(value);
}

/// The extra field for the values that do not fit into 32 bits; empty where all do.
std::string extra64(std::initializer_list<std::uint64_t> values) {
  std::string extra;
  if (values.size() == 0) return extra;
  zip::put<std::uint16_t>(extra, zip::kExtra64);
  zip::put(extra, static_cast<std::uint16_t>(8 * values.size()));
  for (const std::uint64_t value : values) zip::put(extra, value);
  return extra;
}

/// What the local header and the directory's entry have in common, from "version needed" to "extra length".
std::string common_fields(const std::string& name, std::uint32_t crc, std::uint64_t size, bool large,
                          std::uint16_t version, std::size_t extra_size) {
  std::string bytes;
  zip::put(bytes, version);
  zip::put<std::uint16_t>(bytes, zip::kUtf8Flag);
  zip::put<std::uint16_t>(bytes, zip::kStored);
  zip::put<std::uint16_t>(bytes, 0);  // midnight
  zip::put<std::uint16_t>(bytes, kFirstDay);
  zip::put(bytes, crc);
  zip::put(bytes, narrow(size, large));  // compressed and plain size are the same
  zip::put(bytes, narrow(size, large));
  zip::put(bytes, static_cast<std::uint16_t>(name.size()));
  zip::put(bytes, static_cast<std::uint16_t>(extra_size));
  return bytes;
}

}  // namespace

NpzReader::NpzReader(std::unique_ptr<InputFile> file) : file_(std::move(file)), zip_(*file_) {
  for (const ZipEntry& entry : zip_.entries()) {
    std::string_view key = entry.name;
    if (key.ends_with(kSuffix)) key.remove_suffix(kSuffix.size());
    keys_.emplace_back(key);
  }
}

bool NpzReader::contains(std::string_view key) const {
  return std::ranges::find(keys_, key) != keys_.end();
}

std::unique_ptr<ByteStream> NpzReader::open(std::string_view key) const {
  const auto found = std::ranges::find(keys_, key);
  if (found == keys_.end()) {
    throw DataError(
        fmt::format("{} has no array named {}; it has {}", file_->name(), excerpt(key),
                    keys_.empty() ? "none at all" : excerpt(fmt::format("{}", fmt::join(keys_, ", ")))));
  }
  const auto index = static_cast<std::size_t>(found - keys_.begin());
  return zip_.open(zip_.entries()[index], fmt::format("{}, array {}", file_->name(), excerpt(key)));
}

Array NpzReader::read(std::string_view key) const {
  return read_npy_array(*open(key));
}

template <class T>
void NpzWriter::add(const std::string& key, const std::vector<std::size_t>& shape,
                    std::span<const T> values) {
  if (element_count(shape) != values.size()) {
    throw UsageError(
        fmt::format("{} numbers do not make an array {} of shape {}", values.size(), key, shape_text(shape)));
  }
  write_entry(key, npy_header_bytes(npy_descr<T>(), shape), values.data(), values.size_bytes());
}

void NpzWriter::write_entry(const std::string& key, const std::string& header, const void* bytes,
                            std::size_t count) {
  const std::string name = key + std::string(kSuffix);
  const std::uint64_t offset = file_.position();
  const std::uint64_t size = header.size() + count;
  uLong crc = ::crc32_z(0, reinterpret_cast<const unsigned char*>(header.data()), header.size());
  // zlib takes a null pointer as "start anew", and an empty array may have one.
  if (count > 0) crc = ::crc32_z(crc, static_cast<const unsigned char*>(bytes), count);
  const auto crc32 = static_cast<std::uint32_t>(crc);
  const bool large = size > limits_.bytes;
  const bool far = offset > limits_.bytes;

  const std::string local_extra = large ? extra64({size, size}) : "";
  std::string local;
  zip::put(local, zip::kLocalHeader);
  local += common_fields(name, crc32, size, large, large ? kZip64Version : kPlainVersion, local_extra.size());
  file_.write(local + name + local_extra);
  file_.write(header);
  if (count > 0) file_.write(bytes, count);

  std::string extra;
  if (large && far) {
    extra = extra64({size, size, offset});
  } else if (large) {
    extra = extra64({size, size});
  } else if (far) {
    extra = extra64({offset});
  }
  const std::uint16_t version = large || far ? kZip64Version : kPlainVersion;
  zip::put(directory_, zip::kCentralHeader);
  zip::put<std::uint16_t>(directory_, kMadeOnUnix | version);
  directory_ += common_fields(name, crc32, size, large, version, extra.size());
  zip::put<std::uint16_t>(directory_, 0);  // comment length
  zip::put<std::uint16_t>(directory_, 0);  // disk
  zip::put<std::uint16_t>(directory_, 0);  // internal attributes
  zip::put<std::uint32_t>(directory_, kOrdinaryFile);
  zip::put(directory_, narrow(offset, far));
  directory_ += name + extra;
  ++entries_;
}

void NpzWriter::commit() {
  const std::uint64_t offset = file_.position();
  const std::uint64_t size = directory_.size();
  file_.write(directory_);
  const bool moved = offset > limits_.bytes || size > limits_.bytes || entries_ > limits_.entries;
  std::string end;
  if (moved) {
    const std::uint64_t end64_offset = file_.position();
    zip::put(end, zip::kEnd64);
    zip::put<std::uint64_t>(end, zip::kEnd64Size - 12);  // without the signature and this field
    zip::put<std::uint16_t>(end, kMadeOnUnix | kZip64Version);
    zip::put<std::uint16_t>(end, kZip64Version);
    zip::put<std::uint32_t>(end, 0);  // this disk
    zip::put<std::uint32_t>(end, 0);  // the directory's disk
    zip::put(end, entries_);
    zip::put(end, entries_);
    zip::put(end, size);
    zip::put(end, offset);
    zip::put(end, zip::kEnd64Locator);
    zip::put<std::uint32_t>(end, 0);
    zip::put(end, end64_offset);
    zip::put<std::uint32_t>(end, 1);  // disks
  }
  const auto count = moved ? zip::kMoved16 : static_cast<std::uint16_t>(entries_);
  zip::put(end, zip::kEnd);
  zip::put<std::uint16_t>(end, 0);
  zip::put<std::uint16_t>(end, 0);
  zip::put(end, count);
  zip::put(end, count);
  zip::put(end, narrow(size, moved));
  zip::put(end, narrow(offset, moved));
  zip::put<std::uint16_t>(end, 0);  // comment length
  file_.write(end);
  file_.commit();
}

template void NpzWriter::add<float>(const std::string&, const std::vector<std::size_t>&,
                                    std::span<const float>);
template void NpzWriter::add<double>(const std::string&, const std::vector<std::size_t>&,
                                     std::span<const double>);
template void NpzWriter::add<std::int32_t>(const std::string&, const std::vector<std::size_t>&,
                                           std::span<const std::int32_t>);
template void NpzWriter::add<std::int64_t>(const std::string&, const std::vector<std::size_t>&,
                                           std::span<const std::int64_t>);

}  // namespace gmmvae
