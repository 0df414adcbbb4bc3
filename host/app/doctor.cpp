#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "host/app/verbs.hpp"
#include "host/backend/plugin.hpp"
#include "version.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

/// One thing looked at. `state` is ok, note (works, but know this) or missing; `fix` is empty where nothing
/// is wrong.
struct Finding {
  std::string name;
  std::string state;
  std::string found;
  std::string fix;
};

std::string gibibytes(double bytes) {
  return fmt::format("{:.1f} GiB", bytes / (1024.0 * 1024.0 * 1024.0));
}

/// The number after "key" in a file of "key value" lines, such as the kernel's.
std::optional<double> value_in(const fs::path& file, const std::string& key) {
  std::ifstream stream(file);
  std::string word;
  while (stream >> word) {
    double value = 0.0;
    if (word == key && stream >> value) return value;
  }
  return std::nullopt;
}

Finding build() {
#ifdef __OPTIMIZE__
  const bool optimised = true;
#else
  const bool optimised = false;
#endif
  return {"build", optimised ? "ok" : "note",
          fmt::format("gmmvae {} {}, g++ {}, {}", kVersion, kCommit, __VERSION__,
                      optimised ? "optimised" : "without optimisation"),
          optimised ? "" : "it is many times slower than it could be: configure with cmake --preset release"};
}

Finding memory() {
  const std::optional<double> available = value_in("/proc/meminfo", "MemAvailable:");
  std::ifstream limit_file("/sys/fs/cgroup/memory.max");
  double limit = 0.0;
  const bool limited = static_cast<bool>(limit_file >> limit);
  if (!available) return {"memory", "note", "unknown: /proc/meminfo is not there", "mount /proc"};
  const double bytes = *available * 1024.0;
  std::string found = fmt::format("{} available", gibibytes(bytes));
  if (limited) found += fmt::format(", the cgroup allows {}", gibibytes(limit));
  const bool little = bytes < 256.0 * 1024.0 * 1024.0;
  return {"memory", little ? "note" : "ok", found,
          little ? "large data sets will not fit: end other programs" : ""};
}

Finding writable(const std::string& name, const fs::path& folder, const std::string& fix) {
  if (access(folder.c_str(), W_OK) != 0) {
    return {name, "missing", fmt::format("{} is not writable", folder.string()), fix};
  }
  struct statvfs volume = {};
  if (statvfs(folder.c_str(), &volume) != 0) return {name, "ok", folder.string(), ""};
  const double free = static_cast<double>(volume.f_bavail) * static_cast<double>(volume.f_frsize);
  const bool little = free < 64.0 * 1024.0 * 1024.0;
  return {name, little ? "note" : "ok", fmt::format("{}, {} free", folder.string(), gibibytes(free)),
          little ? "make room: results are written whole or not at all" : ""};
}

Finding cuda_driver() {
  void* driver = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
  if (driver != nullptr) {
    dlclose(driver);
    return {"cuda driver", "ok", "libcuda.so.1 can be loaded", ""};
  }
  return {"cuda driver", "missing", "libcuda.so.1 cannot be loaded",
          "for an NVIDIA GPU install its driver (Debian: nvidia-driver; in a container start it with --gpus "
          "all); "
          "without one everything runs on the CPU"};
}

Finding cuda_devices() {
  int count = 0;
  while (fs::exists(fmt::format("/dev/nvidia{}", count))) ++count;
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  const std::string limit = visible == nullptr ? "" : fmt::format(", CUDA_VISIBLE_DEVICES={}", visible);
  if (count > 0) return {"cuda devices", "ok", fmt::format("{} in /dev{}", count, limit), ""};
  return {"cuda devices", "missing", "no /dev/nvidia0" + limit,
          "for a GPU: load the kernel module (nvidia-smi does), or give the container the device"};
}

std::string cuda_version(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

/// What the CUDA backend itself says: it is asked rather than guessed at.
std::vector<Finding> cuda_backend() {
  CudaSupport support = find_cuda(default_plugin_path());
  if (support.plugin == nullptr) {
    return {{"cuda backend", "missing", support.trouble->what, support.trouble->fix}};
  }
  const CudaSurvey& survey = support.survey;
  std::string found =
      fmt::format("built with CUDA {} for {}", cuda_version(survey.runtime_version), survey.architectures);
  if (survey.driver_version > 0) {
    found += fmt::format("; the driver knows CUDA {}", cuda_version(survey.driver_version));
  }
  std::vector<Finding> findings = {{"cuda backend", "ok", found, ""}};
  if (support.trouble) findings.push_back({"cuda", "missing", support.trouble->what, support.trouble->fix});
  for (CudaDevice& device : support.survey.devices) {
    support.plugin->examine(device);
    const std::string name = fmt::format("cuda:{}", device.ordinal);
    if (device.trouble) {
      findings.push_back({name, "missing", device.trouble->what, device.trouble->fix});
    } else {
      findings.push_back({name, "ok",
                          fmt::format("{}, sm_{}{}, {} of {} free", device.name, device.major, device.minor,
                                      gibibytes(static_cast<double>(device.free_bytes)),
                                      gibibytes(static_cast<double>(device.memory_bytes))),
                          ""});
    }
  }
  return findings;
}

std::vector<Finding> examine() {
  std::vector<Finding> findings = {build(), memory()};
  findings.push_back(writable("current folder", fs::current_path(), "work in a folder that is yours"));
  std::error_code no_temporary;
  const fs::path temporary = fs::temp_directory_path(no_temporary);
  findings.push_back(no_temporary
                         ? Finding{"temporary folder", "missing", "there is none", "set TMPDIR to a folder"}
                         : writable("temporary folder", temporary, "set TMPDIR to a folder that is yours"));
  for (const Finding& finding : {cuda_driver(), cuda_devices()}) findings.push_back(finding);
  for (const Finding& finding : cuda_backend()) findings.push_back(finding);
  return findings;
}

}  // namespace

int run_doctor(const Settings&, Console& console) {
  nlohmann::ordered_json checks = nlohmann::ordered_json::array();
  for (const Finding& finding : examine()) {
    console.print(fmt::format("{:<8}{:<18}{}", finding.state, finding.name, finding.found));
    if (!finding.fix.empty()) console.print(fmt::format("{:<26}fix: {}", "", finding.fix));
    nlohmann::ordered_json check = {
        {"name", finding.name}, {"state", finding.state}, {"found", finding.found}};
    check["fix"] =
        finding.fix.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(finding.fix);
    checks.push_back(check);
  }
  console.result({{"version", kVersion}, {"checks", checks}});
  return 0;
}

}  // namespace gmmvae
