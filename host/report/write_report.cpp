#include "host/report/write_report.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "host/io/atomic_file.hpp"
#include "host/report/run_report.hpp"
#include "host/report/svg.hpp"
#include "host/study/run_record.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

void create_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder))
    throw DataError(fmt::format("the folder {} cannot be created: {}", folder,
                                error ? error.message() : std::string("it is a file")));
}

/// Bytes in memory that another program can read or write as a file.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes = "") : descriptor_(::memfd_create("gmmvae", MFD_CLOEXEC)) {
    while (descriptor_ >= 0 && !bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count < 0) fail();
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    if (descriptor_ < 0 || ::lseek(descriptor_, 0, SEEK_SET) < 0) fail();
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(descriptor_); }

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::string bytes() const {
    const off_t size = ::lseek(descriptor_, 0, SEEK_END);
    if (size < 0) fail();
    std::string out(static_cast<std::size_t>(size), '\0');
    if (::pread(descriptor_, out.data(), out.size(), 0) != size) fail();
    return out;
  }

 private:
  [[noreturn]] static void fail() {
    throw Error(ExitCode::failed, fmt::format("no memory for a picture: {}", std::strerror(errno)));
  }
  int descriptor_;
};

/// What rsvg-convert makes of a picture, at twice its size.
std::string rendered(const std::string& svg, const std::string& name) {
  const MemoryFile input(svg), output, complaints;
  std::string words[] = {"rsvg-convert", "--zoom", "2"};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input.descriptor(), 0);
  posix_spawn_file_actions_adddup2(&actions, output.descriptor(), 1);
  posix_spawn_file_actions_adddup2(&actions, complaints.descriptor(), 2);
  pid_t child = 0;
  const int code = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code == ENOENT)
    throw Error(ExitCode::failed,
                "there is no rsvg-convert here, which makes PNG files: install Debian's package "
                "librsvg2-bin, or take --format svg");
  if (code != 0)
    throw Error(ExitCode::failed, fmt::format("rsvg-convert cannot be started: {}", std::strerror(code)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return output.bytes();
  const std::string said = complaints.bytes();
  throw Error(ExitCode::failed,
              fmt::format("rsvg-convert could not make the picture {}: {}", name,
                          said.empty() ? "it was stopped" : said.substr(0, said.find('\n'))));
}

}  // namespace

WrittenReport write_report(const Page& page, ReportFormat format, const std::string& out) {
  if (format == ReportFormat::html) {
    write_file(out, page.html());
    return {out, page.pictures().size()};
  }
  create_folder(out);
  for (const Picture& picture : page.pictures()) {
    const std::string svg = standalone_svg(picture.svg);
    if (format == ReportFormat::svg) {
      write_file(fmt::format("{}/{}.svg", out, picture.name), svg);
    } else {
      write_file(fmt::format("{}/{}.png", out, picture.name), rendered(svg, picture.name));
    }
  }
  return {out, page.pictures().size()};
}

void write_run_report(const RunDirectory& folder) {
  const auto backend = make_cpu_backend();
  write_report(run_report(read_run(folder), *backend), ReportFormat::html, folder.file("report.html"));
}

}  // namespace gmmvae
