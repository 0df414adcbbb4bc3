#include "host/study/run_directory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <sstream>
#include <string_view>
#include <system_error>

#include "gmmvae/error.hpp"
#include "host/config/implied.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/text_file.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

/// The first lines in which two texts differ, as "'a' there, 'b' now".
std::string first_difference(const std::string& before, const std::string& now) {
  std::istringstream old_lines(before), new_lines(now);
  for (;;) {
    std::string was, is;
    const bool more_old = static_cast<bool>(std::getline(old_lines, was));
    const bool more_new = static_cast<bool>(std::getline(new_lines, is));
    if (!more_old && !more_new) return "";
    if (was == is && more_old == more_new) continue;
    return fmt::format("{} there, {} now", more_old ? fmt::format("'{}'", was) : "nothing",
                       more_new ? fmt::format("'{}'", is) : "nothing");
  }
}

/// Whether there is anything in the folder but what a run that was killed at its very start leaves there.
bool holds_something(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with("config.toml.tmp-")) return true;
  }
  return false;
}

void create_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    throw DataError(fmt::format("the folder {} cannot be created: {}", folder.string(), error.message()));
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    throw DataError(fmt::format("the folder {} is not writable", folder.string()));
}

}  // namespace

void RunDirectory::claim(const std::string& config) const {
  std::error_code error;
  const fs::path file = folder_ / "config.toml";
  if (fs::exists(folder_, error) && !fs::is_directory(folder_, error))
    throw DataError(fmt::format("{} is a file; a run needs a folder", folder_.string()));
  if (fs::exists(file, error)) {
    const std::string difference =
        first_difference(without_implied(read_text_file(file.string())), without_implied(config));
    if (!difference.empty())
      throw UsageError(fmt::format(
          "{} holds a run with another configuration ({}); choose another --out, or remove that folder",
          folder_.string(), difference));
  } else if (fs::exists(folder_, error) && holds_something(folder_)) {
    throw DataError(fmt::format(
        "{} is not empty and holds no run; choose another --out, or empty that folder", folder_.string()));
  }
  create_folder(folder_);
  if (!fs::exists(file, error)) write_file(file.string(), config);
}

void RunDirectory::require_folder_name(const std::string& model) {
  const bool plain = !model.empty() && model.front() != '.' && model.find('/') == std::string::npos;
  if (plain) return;
  throw UsageError(fmt::format(
      "the model name '{}' cannot be the name of a folder: take one without / and without a dot in front",
      model));
}

void RunDirectory::create_model_folder(const std::string& model) const {
  create_folder(folder_ / model);
}

}  // namespace gmmvae
