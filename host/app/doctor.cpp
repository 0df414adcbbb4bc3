#include <dlfcn.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/app/findings.hpp"
#include "host/app/verbs.hpp"
#include "host/backend/plugin.hpp"
#include "version.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

Finding build() {
#ifdef __OPTIMIZE__
  const bool optimised = true;
#else
  const bool optimised = false;
#endif
#ifdef __clang__
  const std::string compiler = "clang++ " __clang_version__;
#else
  const std::string compiler = "g++ " __VERSION__;
#endif
  return {"build",
          optimised ? "ok" : "note",
          fmt::format("gmmvae {} {}, {}, {}", kVersion, kCommit, compiler,
                      optimised ? "optimised" : "without optimisation"),
          optimised ? "" : "it is many times slower than it could be: configure with cmake --preset release",
          {{"version", kVersion}, {"commit", kCommit}, {"compiler", compiler}, {"optimised", optimised}}};
}

/// Whether a program is in one of the folders of PATH.
bool on_the_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((fs::path(folder) / program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

Finding pictures() {
  const bool there = on_the_path("rsvg-convert");
  return {"pictures",
          there ? "ok" : "note",
          there ? "rsvg-convert makes PNG files" : "no rsvg-convert: reports are HTML and SVG, not PNG",
          there ? "" : "for report --format png install Debian's package librsvg2-bin",
          {{"rsvg_convert", there}}};
}

Finding cuda_driver() {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver != nullptr) {
    dlclose(driver);
    return {"cuda driver", "ok", "libcuda.so.1 can be loaded", "", {{"loadable", true}}};
  }
  return {"cuda driver",
          "missing",
          "libcuda.so.1 cannot be loaded",
          "for an NVIDIA GPU install its driver (Debian: nvidia-driver; in a container start it with --gpus "
          "all); without one everything runs on the CPU",
          {{"loadable", false}}};
}

Finding cuda_devices() {
  int count = 0;
  while (fs::exists(fmt::format("/dev/nvidia{}", count))) ++count;
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  const std::string limit = visible == nullptr ? "" : fmt::format(", CUDA_VISIBLE_DEVICES={}", visible);
  Finding finding{"cuda devices", "ok", fmt::format("{} in /dev{}", count, limit), "", {}};
  finding.facts = {{"count", count}, {"visible", nullptr}};
  if (visible != nullptr) finding.facts["visible"] = visible;
  if (count > 0) return finding;
  finding.state = "missing";
  finding.found = "no /dev/nvidia0" + limit;
  finding.fix = "for a GPU: load the kernel module (nvidia-smi does), or give the container the device";
  return finding;
}

std::string cuda_version(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

Finding cuda_device(const PluginEntry& plugin, CudaDevice& device) {
  plugin.examine(device);
  Finding finding{fmt::format("cuda:{}", device.ordinal), "ok", "", "", {}};
  finding.facts = {{"name", device.name},
                   {"compute_capability", fmt::format("{}.{}", device.major, device.minor)},
                   {"memory_bytes", device.memory_bytes},
                   {"usable", !device.trouble}};
  if (device.trouble) {
    finding.state = "missing";
    finding.found = device.trouble->what;
    finding.fix = device.trouble->fix;
    return finding;
  }
  finding.facts["free_bytes"] = device.free_bytes;
  finding.found = fmt::format("{}, sm_{}{}, {} of {} free", device.name, device.major, device.minor,
                              gibibytes(static_cast<double>(device.free_bytes)),
                              gibibytes(static_cast<double>(device.memory_bytes)));
  return finding;
}

Finding examine_transforms(const PluginEntry& plugin) {
  std::optional<Trouble> trouble;
  plugin.examine_transforms(trouble);
  return {"cufft",
          trouble ? "missing" : "ok",
          trouble ? trouble->what : "cuFFT can be loaded: t-SNE's FFT-accelerated gradient runs on the GPU",
          trouble ? trouble->fix : "",
          {{"loadable", !trouble}}};
}

/// What the CUDA backend itself says: it is asked rather than guessed at.
std::vector<Finding> cuda_backend() {
  CudaSupport support = find_cuda(default_plugin_path());
  if (support.plugin == nullptr)
    return {{"cuda backend", "missing", support.trouble->what, support.trouble->fix, {{"built", false}}}};
  const CudaSurvey& survey = support.survey;
  Finding backend{"cuda backend", "ok", "", "", {}};
  backend.found =
      fmt::format("built with CUDA {} for {}", cuda_version(survey.runtime_version), survey.architectures);
  backend.facts = {{"built", true},
                   {"runtime", cuda_version(survey.runtime_version)},
                   {"driver", nullptr},
                   {"architectures", survey.architectures}};
  if (survey.driver_version > 0) {
    backend.facts["driver"] = cuda_version(survey.driver_version);
    backend.found += fmt::format("; the driver knows CUDA {}", cuda_version(survey.driver_version));
  }
  std::vector<Finding> findings = {backend, examine_transforms(*support.plugin)};
  if (support.trouble)
    findings.push_back({"cuda", "missing", support.trouble->what, support.trouble->fix, {}});
  for (CudaDevice& device : support.survey.devices) findings.push_back(cuda_device(*support.plugin, device));
  return findings;
}

std::vector<Finding> examine(const std::string& folder) {
  std::vector<Finding> findings = {build(), examine_processor(), examine_memory()};
  findings.push_back(examine_folder("folder", folder, "work in a folder that is yours"));
  std::error_code no_temporary;
  const fs::path temporary = fs::temp_directory_path(no_temporary);
  findings.push_back(
      no_temporary ? Finding{"temporary folder", "missing", "there is none", "set TMPDIR to a folder", {}}
                   : examine_folder("temporary folder", temporary, "set TMPDIR to a folder that is yours"));
  findings.push_back(examine_launcher(environ));
  for (const Finding& finding : {pictures(), cuda_driver(), cuda_devices()}) findings.push_back(finding);
  for (const Finding& finding : cuda_backend()) findings.push_back(finding);
  return findings;
}

/// The folder that is looked at: the argument, or the current one.
std::string folder_of(const Settings& settings) {
  const std::vector<std::string>& arguments = settings.arguments();
  if (arguments.size() > 1) throw UsageError("doctor looks at one folder at a time");
  if (arguments.empty()) return fs::current_path();
  std::error_code error;
  if (!fs::is_directory(arguments.front(), error))
    throw DataError(fmt::format("there is no folder {}", arguments.front()));
  return fs::absolute(arguments.front());
}

}  // namespace

int run_doctor(const Settings& settings, Console& console) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const Finding& finding : examine(folder_of(settings))) {
    console.print(fmt::format("{:<8}{:<18}{}", finding.state, finding.name, finding.found));
    if (!finding.fix.empty()) console.print(fmt::format("{:<26}fix: {}", "", finding.fix));
    nlohmann::ordered_json check = {
        {"name", finding.name}, {"state", finding.state}, {"found", finding.found}};
    check["fix"] =
        finding.fix.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(finding.fix);
    check["facts"] = finding.facts.is_null() ? nlohmann::ordered_json::object() : finding.facts;
    checks.push_back(check);
  }
  console.result({{"version", kVersion}, {"commit", kCommit}, {"checks", checks}});
  return 0;
}

}  // namespace gmmvae
