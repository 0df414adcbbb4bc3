#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <nlohmann/json.hpp>
#include <string>

#include "gmmvae/error.hpp"
#include "host/app/command_line.hpp"
#include "host/app/console.hpp"
#include "host/app/signals.hpp"
#include "host/app/verbs.hpp"
#include "host/config/help.hpp"
#include "version.hpp"

namespace gmmvae {
namespace {

/// Whether errors are wanted as JSON, before the command line is understood.
bool asks_for_json(int count, char** arguments) {
  const char* variable = std::getenv("GMMVAE_JSON");
  if (variable != nullptr && std::strcmp(variable, "true") == 0) return true;
  for (int i = 1; i < count; ++i) {
    if (std::strcmp(arguments[i], "--json") == 0) return true;
  }
  return false;
}

/// Text that somebody asked for in place of a verb's work: as it is, or as the only member of an object.
void print_text(const Console& console, const char* name, const std::string& text) {
  if (!console.json()) write_standard_output(text);
  console.result({{name, text}});
}

void print_version(const Console& console) {
  const std::string commit = kCommit;
  if (!console.json())
    write_standard_output(
        fmt::format("gmmvae {}{}\n", kVersion, commit.empty() ? "" : fmt::format(" ({})", commit)));
  console.result({{"version", kVersion}, {"commit", commit}});
}

int run_program(int count, char** arguments, Console& console) {
  const CommandLine line = parse_command_line(count, arguments);
  if (line.version) {
    print_version(console);
    return 0;
  }
  if (line.help) {
    print_text(console, "help", line.verb.empty() ? program_help() : verb_help(*find_verb(line.verb)));
    return 0;
  }
  if (line.verb.empty()) throw UsageError("a verb is missing; 'gmmvae --help' lists them");
  const Verb& verb = verb_named(line.verb);
  Settings settings = load_settings(line, environ);
  if (verb.prepare != nullptr) verb.prepare(settings);
  console.configure(settings);
  for (const std::string& warning : settings.warnings()) console.warn(warning);
  if (line.print_config) {
    print_text(console, "config", settings.to_toml(true));
    return 0;
  }
  return verb.run(settings, console);
}

}  // namespace
}  // namespace gmmvae

int main(int count, char** arguments) {
  using gmmvae::ExitCode;
  gmmvae::ignore_broken_pipes();
  gmmvae::Console console;
  console.set_json(gmmvae::asks_for_json(count, arguments));
  ExitCode code = ExitCode::failed;
  try {
    return gmmvae::run_program(count, arguments, console);
  } catch (const gmmvae::Error& error) {
    code = error.code();
    console.error(error.what(), code);
  } catch (const std::bad_alloc&) {
    console.error("there is not enough memory for this: take fewer points, fewer models or narrower layers",
                  code);
  } catch (const std::exception& error) {
    console.error(fmt::format("this should not happen, please report it: {}", error.what()), code);
  }
  return static_cast<int>(code);
}
