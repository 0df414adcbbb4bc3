#include "host/report/write_report.hpp"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
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

/// Runs rsvg-convert and waits for it; its exit status, or -1 where there is no such program.
int run_converter(const std::string& from, const std::string& to) {
  std::string words[] = {"rsvg-convert", "--zoom", "2", "--output", to, from};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(),
                       words[4].data(), words[5].data(), nullptr};
  pid_t child = 0;
  const int code = posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments, environ);
  if (code == ENOENT) return -1;
  if (code != 0)
    throw Error(ExitCode::failed, fmt::format("rsvg-convert cannot be started: {}", std::strerror(code)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/// A temporary file that is gone when its maker is.
struct Scratch {
  explicit Scratch(std::string name) : path(std::move(name)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { ::unlink(path.c_str()); }
  std::string path;
};

void write_png(const std::string& svg, const std::string& path) {
  const Scratch source(fmt::format("{}.tmp-{}.svg", path, ::getpid()));
  const Scratch target(fmt::format("{}.tmp-{}", path, ::getpid()));
  write_file(source.path, svg);
  const int code = run_converter(source.path, target.path);
  if (code == -1)
    throw Error(ExitCode::failed,
                "there is no rsvg-convert here, which makes PNG files: install Debian's package "
                "librsvg2-bin, or take "
                "--format svg");
  if (code != 0)
    throw Error(ExitCode::failed, fmt::format("rsvg-convert could not make {} (exit {})", path, code));
  std::error_code error;
  fs::rename(target.path, path, error);
  if (error) throw DataError(fmt::format("{} cannot be written: {}", path, error.message()));
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
      write_png(svg, fmt::format("{}/{}.png", out, picture.name));
    }
  }
  return {out, page.pictures().size()};
}

void write_run_report(const RunDirectory& folder) {
  const auto backend = make_cpu_backend();
  write_report(run_report(read_run(folder), *backend), ReportFormat::html, folder.file("report.html"));
}

}  // namespace gmmvae
