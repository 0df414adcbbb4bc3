#include "tests/support/python.hpp"

#include <cstdlib>
#include <map>

namespace gmmvae::test {
namespace {

/// Read before any test clears the program's variables.
const std::string kPython = [] {
  const char* chosen = std::getenv("GMMVAE_TEST_PYTHON");
  return std::string(chosen != nullptr && *chosen != '\0' ? chosen : GMMVAE_TEST_PYTHON_DEFAULT);
}();

bool runs(const std::string& code) {
  const std::string command = "'" + python() + "' -c '" + code + "' >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

/// Whether the module is there, without the time that importing it takes.
bool has_module(const std::string& module) {
  static std::map<std::string, bool> known;
  const auto found = known.find(module);
  if (found != known.end()) return found->second;
  return known[module] = runs("import importlib.util, sys; sys.exit(importlib.util.find_spec(\"" + module +
                              "\") is None)");
}

}  // namespace

std::string python() {
  return kPython;
}

std::string missing_modules(const std::vector<std::string>& modules) {
  static const bool there = runs("");
  if (!there) return "python3";
  std::string missing;
  for (const std::string& module : modules) {
    if (!has_module(module)) missing += (missing.empty() ? "" : ", ") + module;
  }
  return missing;
}

}  // namespace gmmvae::test
