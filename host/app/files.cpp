#include "host/app/files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "gmmvae/error.hpp"
#include "host/config/values.hpp"
#include "host/io/dataset_file.hpp"
#include "host/io/model_file.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

/// Options that name files a verb reads.
constexpr std::string_view kInputs[] = {"data", "model", "samples", "rescale-to", "mixture", "transform"};

LoadOptions load_options(const Settings& settings) {
  LoadOptions options;
  if (settings.is_given("columns")) options.columns = settings.names("columns");
  if (settings.is_given("label")) options.label = settings.text("label");
  if (settings.is_given("delimiter")) {
    const std::string text = settings.text("delimiter");
    options.delimiter = text == "tab" ? '\t' : text.front();
  }
  if (settings.is_given("key")) options.key = settings.text("key");
  return options;
}

bool verb_reads(const Settings& settings, std::string_view option) {
  return find_option(settings.verb(), option) != nullptr;
}

void refuse_input(const Settings& settings, std::string_view option, const fs::path& path) {
  for (std::string_view input : kInputs) {
    if (!verb_reads(settings, input) || !settings.is_set(input)) continue;
    std::error_code ignored;  // files that do not exist yet are not the same
    if (fs::equivalent(path, settings.text(input), ignored))
      throw UsageError(fmt::format("{} names {}, which is also the input {}: choose another file",
                                   settings.label(option), path.string(), settings.label(input)));
  }
}

}  // namespace

Dataset read_data(const Settings& settings) {
  return load_dataset(settings.required_path("data").string(), load_options(settings));
}

Dataset read_data(const Settings& settings, std::string_view option) {
  const fs::path path = settings.required_path(option);
  LoadOptions options = load_options(settings);
  // The options are there for --data; beside it only what this file's format knows is taken.
  if (path.extension() != ".csv") {
    options.columns.clear();
    options.delimiter.reset();
    options.label.reset();
  }
  if (path.extension() != ".npz") options.key.reset();
  return load_dataset(path.string(), options);
}

Dataset read_latents(const Settings& settings) {
  LoadOptions options = load_options(settings);
  options.default_key = "mean";
  return load_dataset(settings.required_path("data").string(), options);
}

ChosenModel read_model(const Settings& settings) {
  return read_model(settings, settings.required_path("model").string());
}

ChosenModel read_model(const Settings& settings, const std::string& file) {
  ChosenModel chosen{load_model(file), settings.count("index")};
  if (chosen.index >= chosen.vae.models)
    throw UsageError(fmt::format("{} is {}, but {} holds {} model{}, counted from 0", settings.label("index"),
                                 chosen.index, file, chosen.vae.models, chosen.vae.models == 1 ? "" : "s"));
  return chosen;
}

std::string writable_path(const Settings& settings, std::string_view option, std::string_view endings) {
  const fs::path path = settings.required_path(option);
  const std::string ending = path.extension().string();
  const std::string padded = fmt::format(" {} ", endings);
  if (!endings.empty() && (ending.empty() || padded.find(fmt::format(" {} ", ending)) == std::string::npos)) {
    std::string list(endings);
    for (std::size_t at = list.find(' '); at != std::string::npos; at = list.find(' ', at + 4))
      list.replace(at, 1, " or ");
    throw UsageError(fmt::format("{} takes a file that ends in {}, not '{}'", settings.label(option), list,
                                 path.string()));
  }
  refuse_input(settings, option, path);
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(folder, error))
    throw DataError(
        fmt::format("{} cannot be written: there is no folder {}", path.string(), folder.string()));
  if (fs::is_directory(path, error))
    throw DataError(fmt::format("{} cannot be written: it is a folder", path.string()));
  const bool exists = fs::exists(path, error);
  if (::access(folder.c_str(), W_OK) != 0 && !(exists && ::access(path.c_str(), W_OK) == 0))
    throw DataError(
        fmt::format("{} cannot be written: the folder {} is not writable", path.string(), folder.string()));
  return path.string();
}

bool is_regular_file(const std::string& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

bool same_place(const std::string& a, const std::string& b) {
  std::error_code ignored;
  // Of a relative path where nothing lies yet, weakly_canonical alone would leave "." and ".." in place.
  return fs::weakly_canonical(fs::absolute(a), ignored) == fs::weakly_canonical(fs::absolute(b), ignored);
}

void write_points(const std::string& path, MatrixView<float> points) {
  save_points(path, points);
}

}  // namespace gmmvae
