#include "host/config/completion.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "gmmvae/error.hpp"
#include "host/app/verbs.hpp"
#include "version.hpp"

// What the installation makes of the option table: completion scripts and the manual page.
namespace gmmvae {

int run_completion(const Settings& settings, Console& console) {
  if (settings.arguments().size() != 1) throw UsageError("completion takes one shell: bash, zsh or fish");
  const std::string& shell = settings.arguments().front();
  const std::string script = completion_script(shell);
  if (!console.json()) write_standard_output(script);
  console.result({{"shell", shell}, {"script", script}});
  return 0;
}

int run_man(const Settings&, Console& console) {
  const std::string page = manual_page(kVersion, kDate);
  if (!console.json()) write_standard_output(page);
  console.result({{"version", kVersion}, {"page", page}});
  return 0;
}

}  // namespace gmmvae
