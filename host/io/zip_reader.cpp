#include "host/io/zip_reader.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <utility>

#include "gmmvae/error.hpp"
#include "host/io/zip_format.hpp"

namespace gmmvae {
namespace {

/// Deflate never shrinks further than this; a larger claim is damage, and must not make us reserve the
/// memory.
constexpr std::uint64_t kDeflateBestRatio = 1032;
constexpr std::size_t kLongestComment = 0xffff;

std::string read_block(const InputFile& file, std::uint64_t offset, std::uint64_t size) {
  if (offset > file.size() || size > file.size() - offset) {
    throw DataError(
        fmt::format("{} is a damaged or cut off zip archive: a record at byte {} lies outside the file",
                    file.name(), offset));
  }
  std::string block(size, '\0');
  file.read(offset, block.data(), block.size());
  return block;
}

[[noreturn]] void damaged(const std::string& name, std::string_view reason) {
  throw DataError(fmt::format("{} is a damaged zip archive: {}", name, reason));
}

/// Counts, hands out and checks the bytes of one entry.
class EntryStream : public ByteStream {
 public:
  EntryStream(const InputFile& file, const ZipEntry& entry, std::uint64_t data_offset, std::string name)
      : file_(file), entry_(entry), offset_(data_offset), remaining_(entry.size), name_(std::move(name)) {}

  void read(void* bytes, std::size_t count) final {
    if (count > remaining_)
      throw DataError(fmt::format("{} is cut off: {} bytes are missing", name_, count - remaining_));
    if (count == 0) return;
    produce(static_cast<unsigned char*>(bytes), count);
    crc_ = ::crc32_z(crc_, static_cast<const unsigned char*>(bytes), count);
    remaining_ -= count;
    if (remaining_ > 0) return;
    finish();
    if (crc_ != entry_.crc) throw DataError(fmt::format("{} is damaged: its checksum does not match", name_));
  }
  [[nodiscard]] std::uint64_t remaining() const final { return remaining_; }
  [[nodiscard]] const std::string& name() const final { return name_; }

 protected:
  virtual void produce(unsigned char* bytes, std::size_t count) = 0;
  virtual void finish() {}

  const InputFile& file_;
  const ZipEntry entry_;
  std::uint64_t offset_;  ///< of the next byte of the file

 private:
  std::uint64_t remaining_;
  std::string name_;
  uLong crc_ = 0;
};

class StoredStream : public EntryStream {
 public:
  using EntryStream::EntryStream;

 protected:
  void produce(unsigned char* bytes, std::size_t count) override {
    file_.read(offset_, bytes, count);
    offset_ += count;
  }
};

class DeflatedStream : public EntryStream {
 public:
  DeflatedStream(const InputFile& file, const ZipEntry& entry, std::uint64_t data_offset, std::string name)
      : EntryStream(file, entry, data_offset, std::move(name)), compressed_left_(entry.compressed_size) {
    // Negative window bits: raw deflate, without zlib's own header.
    if (::inflateInit2(&inflater_, -MAX_WBITS) != Z_OK) throw Error(ExitCode::failed, "zlib cannot start");
  }
  ~DeflatedStream() override { ::inflateEnd(&inflater_); }

 protected:
  void produce(unsigned char* bytes, std::size_t count) override {
    constexpr std::size_t kStep = std::size_t{1} << 30;  // zlib counts in 32 bits
    while (count > 0) {
      const std::size_t wanted = std::min(count, kStep);
      inflater_.next_out = bytes;
      inflater_.avail_out = static_cast<uInt>(wanted);
      while (inflater_.avail_out > 0) {
        if (inflate_more() == Z_STREAM_END && inflater_.avail_out > 0) spoilt();
      }
      bytes += wanted;
      count -= wanted;
    }
  }

  /// The stream's end marker must follow the last byte.
  void finish() override {
    unsigned char extra = 0;
    while (!ended_) {
      inflater_.next_out = &extra;
      inflater_.avail_out = 1;
      inflate_more();
      if (inflater_.avail_out == 0) spoilt();
    }
  }

 private:
  [[noreturn]] void spoilt() const {
    throw DataError(fmt::format("{} is damaged: its compressed data is broken", name()));
  }

  int inflate_more() {
    if (ended_) return Z_STREAM_END;
    if (inflater_.avail_in == 0) {
      const std::size_t count = std::min<std::uint64_t>(compressed_left_, input_.size());
      if (count == 0) spoilt();
      file_.read(offset_, input_.data(), count);
      offset_ += count;
      compressed_left_ -= count;
      inflater_.next_in = input_.data();
      inflater_.avail_in = static_cast<uInt>(count);
    }
    const int status = ::inflate(&inflater_, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) spoilt();
    ended_ = status == Z_STREAM_END;
    return status;
  }

  z_stream inflater_{};
  std::vector<unsigned char> input_ = std::vector<unsigned char>(1 << 16);
  std::uint64_t compressed_left_;
  bool ended_ = false;
};

/// Takes the 64-bit values out of an entry's extra field, in the order the format fixes, for those marked as
/// moved.
void apply_extra64(const std::string& extra, ZipEntry& entry, const std::string& name) {
  std::size_t place = 0;
  while (place + 4 <= extra.size()) {
    const auto id = zip::get<std::uint16_t>(extra, place);
    const std::size_t end = place + 4 + zip::get<std::uint16_t>(extra, place + 2);
    if (end > extra.size()) damaged(name, "an extra field is longer than its record");
    if (id == zip::kExtra64) {
      std::size_t next = place + 4;
      for (std::uint64_t* value : {&entry.size, &entry.compressed_size, &entry.header_offset}) {
        if (*value != zip::kMoved32) continue;
        if (next + 8 > end) damaged(name, "a zip64 field is too short");
        *value = zip::get<std::uint64_t>(extra, next);
        next += 8;
      }
    }
    place = end;
  }
}

/// Where the last end-of-directory record starts. A comment may follow it, so it is searched from the back.
std::uint64_t find_end(const InputFile& file) {
  const std::uint64_t reach = std::min<std::uint64_t>(file.size(), zip::kEndSize + kLongestComment);
  const std::uint64_t base = file.size() - reach;
  const std::string tail = read_block(file, base, reach);
  for (std::size_t place = tail.size() < zip::kEndSize ? 0 : tail.size() - zip::kEndSize + 1; place-- > 0;) {
    if (zip::get<std::uint32_t>(tail, place) != zip::kEnd) continue;
    if (place + zip::kEndSize + zip::get<std::uint16_t>(tail, place + 20) == tail.size()) return base + place;
  }
  std::string start(std::min<std::uint64_t>(4, file.size()), '\0');
  file.read(0, start.data(), start.size());
  if (start == "PK\x03\x04") {
    throw DataError(fmt::format("{} is a zip archive that is cut off: its directory, at the end, is missing",
                                file.name()));
  }
  throw DataError(fmt::format("{} is not a .npz file: it is no zip archive", file.name()));
}

}  // namespace

ZipReader::ZipReader(const InputFile& file) : file_(file) {
  const std::uint64_t end_offset = find_end(file);
  const std::string end = read_block(file, end_offset, zip::kEndSize);
  std::uint64_t count = zip::get<std::uint16_t>(end, 10);
  std::uint64_t size = zip::get<std::uint32_t>(end, 12);
  std::uint64_t offset = zip::get<std::uint32_t>(end, 16);
  if (zip::get<std::uint16_t>(end, 8) != count) damaged(file.name(), "it is spread over several disks");
  if (count == zip::kMoved16 || size == zip::kMoved32 || offset == zip::kMoved32) {
    if (end_offset < zip::kEnd64LocatorSize) damaged(file.name(), "its zip64 directory is missing");
    const std::string locator = read_block(file, end_offset - zip::kEnd64LocatorSize, zip::kEnd64LocatorSize);
    if (zip::get<std::uint32_t>(locator, 0) == zip::kEnd64Locator) {
      const std::string end64 = read_block(file, zip::get<std::uint64_t>(locator, 8), zip::kEnd64Size);
      if (zip::get<std::uint32_t>(end64, 0) != zip::kEnd64)
        damaged(file.name(), "its zip64 directory is missing");
      count = zip::get<std::uint64_t>(end64, 32);
      size = zip::get<std::uint64_t>(end64, 40);
      offset = zip::get<std::uint64_t>(end64, 48);
    }
  }
  read_directory(offset, size, count);
}

void ZipReader::read_directory(std::uint64_t offset, std::uint64_t size, std::uint64_t count) {
  const std::string directory = read_block(file_, offset, size);
  std::size_t place = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (directory.size() - place < zip::kCentralHeaderSize ||
        zip::get<std::uint32_t>(directory, place) != zip::kCentralHeader) {
      damaged(file_.name(), "its directory is broken");
    }
    const std::size_t name_size = zip::get<std::uint16_t>(directory, place + 28);
    const std::size_t extra_size = zip::get<std::uint16_t>(directory, place + 30);
    const std::size_t comment_size = zip::get<std::uint16_t>(directory, place + 32);
    const std::size_t name_place = place + zip::kCentralHeaderSize;
    if (directory.size() - name_place < name_size + extra_size + comment_size) {
      damaged(file_.name(), "its directory is broken");
    }
    ZipEntry entry;
    entry.flags = zip::get<std::uint16_t>(directory, place + 8);
    entry.method = zip::get<std::uint16_t>(directory, place + 10);
    entry.crc = zip::get<std::uint32_t>(directory, place + 16);
    entry.compressed_size = zip::get<std::uint32_t>(directory, place + 20);
    entry.size = zip::get<std::uint32_t>(directory, place + 24);
    entry.header_offset = zip::get<std::uint32_t>(directory, place + 42);
    entry.name = directory.substr(name_place, name_size);
    apply_extra64(directory.substr(name_place + name_size, extra_size), entry, file_.name());
    entries_.push_back(std::move(entry));
    place = name_place + name_size + extra_size + comment_size;
  }
}

std::unique_ptr<ByteStream> ZipReader::open(const ZipEntry& entry, std::string name) const {
  if ((entry.flags & zip::kEncryptedFlag) != 0) throw DataError(fmt::format("{} is encrypted", name));
  const std::string header = read_block(file_, entry.header_offset, zip::kLocalHeaderSize);
  if (zip::get<std::uint32_t>(header, 0) != zip::kLocalHeader)
    damaged(file_.name(), "an entry is not where it should be");
  const std::uint64_t data = entry.header_offset + zip::kLocalHeaderSize +
                             zip::get<std::uint16_t>(header, 26) + zip::get<std::uint16_t>(header, 28);
  if (data > file_.size() || entry.compressed_size > file_.size() - data) {
    damaged(file_.name(), fmt::format("{} reaches beyond the end of the file", name));
  }
  if (entry.method == zip::kStored && entry.size == entry.compressed_size) {
    return std::make_unique<StoredStream>(file_, entry, data, std::move(name));
  }
  if (entry.method == zip::kDeflated && entry.size / kDeflateBestRatio <= entry.compressed_size) {
    return std::make_unique<DeflatedStream>(file_, entry, data, std::move(name));
  }
  if (entry.method == zip::kStored || entry.method == zip::kDeflated)
    damaged(file_.name(), "its sizes contradict");
  throw DataError(
      fmt::format("{} is compressed with method {}; save it with numpy.savez or numpy.savez_compressed", name,
                  entry.method));
}

}  // namespace gmmvae
