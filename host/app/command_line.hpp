#pragma once

#include <string>
#include <utility>
#include <vector>

#include "host/config/settings.hpp"

namespace gmmvae {

/// What stood on the command line, in words: nothing is checked yet but the names of verbs and options.
struct CommandLine {
  std::string verb;  ///< "" where there is none
  std::vector<std::pair<std::string, std::string>> flags;
  std::vector<std::string> configs;
  std::vector<std::string> sets;
  std::vector<std::string> arguments;
  bool help = false;
  bool version = false;
  bool print_config = false;
};

/// Throws UsageError for an unknown verb or option, naming the nearest, and for a value that is missing.
CommandLine parse_command_line(int count, const char* const* arguments);

/// The settings of the verb from everything that has a say.
Settings load_settings(const CommandLine& line, const char* const* environment);

}  // namespace gmmvae
