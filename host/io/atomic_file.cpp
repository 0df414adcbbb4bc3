#include "host/io/atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

constexpr std::size_t kBufferSize = 1 << 16;

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// Some file systems cannot flush (pipes, some network mounts) and say so with these; that is not a failed
/// write.
bool flush_is_unsupported(int error) {
  return error == EINVAL || error == ENOTSUP || error == EROFS;
}

/// So that the new name survives a power cut. Best effort: the data itself is already safe.
void flush_folder(const std::string& folder) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

/// Gives an open file without a name this one, in the place of what has it.
bool give_name(int descriptor, const std::string& path) {
  ::unlink(path.c_str());
  return ::linkat(AT_FDCWD, fmt::format("/proc/self/fd/{}", descriptor).c_str(), AT_FDCWD, path.c_str(),
                  AT_SYMLINK_FOLLOW) == 0;
}

/// A new file without a name in the folder of `path`, which can be given that one later on; -1 where the file
/// system or the machine knows no such thing, which is tried rather than believed.
int open_unnamed(const std::string& path) {
  const std::string folder = folder_of(path);
  const auto open_new = [&] { return ::open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666); };
  const int trial = open_new();
  if (trial < 0) return -1;
  const bool nameable = give_name(trial, path);
  if (nameable) ::unlink(path.c_str());
  ::close(trial);
  return nameable ? open_new() : -1;
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path) : name_(path), target_(path) {
  if (path.empty()) throw DataError("cannot write a file with an empty name");
  struct stat info {};
  const bool exists = ::stat(path.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) {
    throw DataError(fmt::format("cannot write {}: it is a directory; give a file name", name_));
  }
  if (exists && !S_ISREG(info.st_mode)) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor_ < 0) fail(errno);
    return;
  }
  std::error_code unresolved;
  const std::filesystem::path resolved = std::filesystem::weakly_canonical(path, unresolved);
  if (!unresolved) target_ = resolved.string();
  const std::string folder = folder_of(path);
  if (::stat(folder.c_str(), &info) != 0 && errno == ENOENT) {
    throw DataError(
        fmt::format("cannot write {}: the folder {} does not exist; create it first", name_, folder));
  }
  temporary_ = fmt::format("{}.tmp-{}", target_, ::getpid());
  descriptor_ = open_unnamed(temporary_);
  unnamed_ = descriptor_ >= 0;
  if (unnamed_) return;
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const int error = errno;
    temporary_.clear();
    fail(error);
  }
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* bytes, std::size_t count) {
  if (buffer_.size() + count > kBufferSize) flush();
  if (count >= kBufferSize) {
    write_through(static_cast<const char*>(bytes), count);
  } else {
    buffer_.append(static_cast<const char*>(bytes), count);
  }
}

void AtomicFile::flush() {
  write_through(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void AtomicFile::write_through(const char* bytes, std::size_t count) {
  std::size_t done = 0;
  while (done < count) {
    const ssize_t written = ::write(descriptor_, bytes + done, count - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno);
    done += static_cast<std::size_t>(written);
  }
  flushed_ += count;
}

void AtomicFile::commit() {
  flush();
  if (::fsync(descriptor_) != 0 && !flush_is_unsupported(errno)) fail(errno);
  if (unnamed_ && !give_name(descriptor_, temporary_)) fail(errno);
  // Network file systems report a full disk only here.
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  if (closed != 0) fail(errno);
  if (temporary_.empty()) return;
  if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail(errno);
  temporary_.clear();
  flush_folder(folder_of(target_));
}

void AtomicFile::fail(int error) const {
  throw DataError(fmt::format("cannot write {}: {}{}", name_, std::strerror(error),
                              temporary_.empty() ? "" : "; what was there before is untouched"));
}

void write_file(const std::string& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace gmmvae
