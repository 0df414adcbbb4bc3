#include "host/io/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

[[noreturn]] void fail(const std::string& name, int error) {
  throw DataError(fmt::format("cannot read {}: {}", name, std::strerror(error)));
}

}  // namespace

InputFile::InputFile(const std::string& path) : name_(path == "-" ? "standard input" : path) {
  descriptor_ = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) fail(name_, errno);
  struct stat info {};
  if (::fstat(descriptor_, &info) != 0) fail(name_, errno);
  if (S_ISDIR(info.st_mode)) {
    ::close(descriptor_);
    throw DataError(fmt::format("cannot read {}: it is a directory, not a file", name_));
  }
  if (S_ISREG(info.st_mode) && path != "-") {
    size_ = static_cast<std::uint64_t>(info.st_size);
  } else {
    slurp();
  }
}

InputFile::~InputFile() {
  ::close(descriptor_);
}

void InputFile::slurp() {
  in_memory_ = true;
  std::string block(1 << 16, '\0');
  while (true) {
    const ssize_t count = ::read(descriptor_, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      ::close(descriptor_);
      fail(name_, error);
    }
    if (count == 0) break;
    memory_.append(block.data(), static_cast<std::size_t>(count));
  }
  size_ = memory_.size();
}

void InputFile::read(std::uint64_t offset, void* bytes, std::size_t count) const {
  if (offset > size_ || count > size_ - offset) {
    throw DataError(fmt::format("{} is cut off: it ends at byte {}, but {} bytes are needed from byte {} on",
                                name_, size_, count, offset));
  }
  if (in_memory_) {
    if (count > 0) std::memcpy(bytes, memory_.data() + offset, count);
    return;
  }
  auto* out = static_cast<char*>(bytes);
  while (count > 0) {
    const ssize_t got = ::pread(descriptor_, out, count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(name_, errno);
    if (got == 0) throw DataError(fmt::format("{} became shorter while it was read", name_));
    out += got;
    offset += static_cast<std::uint64_t>(got);
    count -= static_cast<std::size_t>(got);
  }
}

void FileSection::read(void* bytes, std::size_t count) {
  if (count > remaining()) {
    throw DataError(fmt::format("{} is cut off: {} bytes are missing", name(), count - remaining()));
  }
  file_.read(offset_, bytes, count);
  offset_ += count;
}

std::string read_file(const std::string& path) {
  const InputFile file(path);
  std::string bytes(file.size(), '\0');
  file.read(0, bytes.data(), bytes.size());
  return bytes;
}

}  // namespace gmmvae
