#include "host/app/console.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

#include "host/io/json_file.hpp"

namespace gmmvae {
namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

bool dumb_terminal() {
  const char* term = std::getenv("TERM");
  return term == nullptr || std::strcmp(term, "dumb") == 0;
}

/// Writes all of it; false with errno set where that fails.
bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Messages that cannot be delivered have nowhere to be reported.
void write_standard_error(std::string_view text) {
  (void)write_all(STDERR_FILENO, text);
}

nlohmann::ordered_json error_object(std::string_view sentence, ExitCode code) {
  return {{"error", sentence}, {"exit_code", static_cast<int>(code)}};
}

}  // namespace

void write_standard_output(std::string_view text) {
  if (write_all(STDOUT_FILENO, text)) return;
  if (errno == EPIPE) _exit(static_cast<int>(ExitCode::failed));
  throw DataError(fmt::format("standard output cannot be written: {}", std::strerror(errno)));
}

Console::Console() {
  terminal_ = isatty(STDERR_FILENO) == 1 && !dumb_terminal();
  colour_ = terminal_ && !is_set("NO_COLOR");
}

void Console::configure(const Settings& settings) {
  json_ = settings.flag("json");
  quiet_ = settings.flag("quiet");
  verbose_ = settings.count("verbose") > 0;
  const std::string progress = settings.text("progress");
  progress_ = progress == "always"  ? Progress::always
              : progress == "never" ? Progress::never
                                    : Progress::automatic;
}

bool Console::draws_progress() const {
  const bool wanted = progress_ == Progress::always || (progress_ == Progress::automatic && !quiet_);
  return wanted && terminal_;
}

bool Console::prints_progress() const {
  return progress_ == Progress::always && !terminal_;
}

std::string Console::painted(std::string_view text, std::string_view colour) const {
  return colour_ ? fmt::format("\033[{}m{}\033[0m", colour, text) : std::string(text);
}

void Console::print(std::string_view line) const {
  if (!json_) write_standard_output(fmt::format("{}\n", line));
}

void Console::result(const nlohmann::ordered_json& object) const {
  if (json_) write_standard_output(json_text(object));
}

void Console::say(std::string_view line) const {
  if (!quiet_) write_standard_error(fmt::format("{}\n", line));
}

void Console::detail(std::string_view line) const {
  if (verbose_ && !quiet_) write_standard_error(fmt::format("{}\n", line));
}

void Console::warn(std::string_view line) const {
  if (!quiet_) write_standard_error(fmt::format("gmmvae: {} {}\n", painted("warning:", "1;33"), line));
}

void Console::error(std::string_view sentence, ExitCode code) const {
  write_standard_error(fmt::format("gmmvae: {} {}\n", painted("error:", "1;31"), sentence));
  if (json_) (void)write_all(STDOUT_FILENO, json_text(error_object(sentence, code)));
}

int Console::stopped(std::string_view sentence) const {
  say(sentence);
  result(error_object(sentence, ExitCode::interrupted));
  return static_cast<int>(ExitCode::interrupted);
}

void Console::draw(std::string_view text) const {
  write_standard_error(text);
}

}  // namespace gmmvae
