#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gmmvae {

/// A file that appears under its name whole or not at all: bytes go to a file without a name in the same
/// folder, of which a process that is killed leaves nothing behind, and commit() flushes them to the disk,
/// names the file PATH.tmp-PID, renames it over PATH and flushes the folder. Where files cannot be without a
/// name (network file systems), it is PATH.tmp-PID from the start, and that stays when the process is killed.
/// Without commit(), and on any error, the temporary is removed and what stood at PATH stays as it was. A
/// symbolic link is followed; a PATH that is a device or pipe (/dev/stdout) is written to directly. Every
/// member throws DataError with the path and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  void write(const void* bytes, std::size_t count);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Bytes written so far.
  [[nodiscard]] std::uint64_t position() const { return flushed_ + buffer_.size(); }
  void commit();

 private:
  void flush();
  void write_through(const char* bytes, std::size_t count);
  [[noreturn]] void fail(int error) const;

  std::string name_;       ///< as the caller gave it, for messages
  std::string target_;     ///< links resolved
  std::string temporary_;  ///< empty when written directly
  std::string buffer_;
  std::uint64_t flushed_ = 0;
  int descriptor_ = -1;
  bool unnamed_ = false;  ///< it gets the name temporary_ at commit()
};

/// Writes a whole file in one go, as AtomicFile does.
void write_file(const std::string& path, std::string_view bytes);

}  // namespace gmmvae
