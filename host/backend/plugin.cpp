#include "host/backend/plugin.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

constexpr const char* kBuildIt =
    "build on a machine with nvcc (CUDA Toolkit 12.4 to 13) and -DGMMVAE_CUDA=ON, or use --device cpu";

[[noreturn]] void refuse(const std::string& asked_for, const Trouble& trouble) {
  throw DeviceError(fmt::format("{}: {}; {}", asked_for, trouble.what, trouble.fix));
}

CudaDevice& device_with(CudaSurvey& survey, int ordinal, const std::string& asked_for) {
  for (CudaDevice& device : survey.devices) {
    if (device.ordinal == ordinal) return device;
  }
  refuse(asked_for, {fmt::format("there is no device {}: this machine shows {} of them, counted from 0",
                                 ordinal, survey.devices.size()),
                     "gmmvae doctor lists them"});
}

}  // namespace

std::string default_plugin_path() {
  Dl_info info = {};
  if (dladdr(reinterpret_cast<const void*>(&default_plugin_path), &info) == 0 || info.dli_fname == nullptr) {
    return "libgmmvae_cuda.so";
  }
  return (std::filesystem::path(info.dli_fname).parent_path() / "libgmmvae_cuda.so").string();
}

const PluginEntry* load_plugin(const std::string& path, Trouble& trouble) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    trouble = {fmt::format("this build has no CUDA backend ({} is not there)", path), kBuildIt};
    return nullptr;
  }
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    const char* reason = dlerror();
    trouble = {fmt::format("the CUDA backend cannot be loaded ({})", reason == nullptr ? path : reason),
               kBuildIt};
    return nullptr;
  }
  using Function = const PluginEntry* (*)();
  const auto function = reinterpret_cast<Function>(dlsym(library, kPluginSymbol));
  const PluginEntry* entry = function == nullptr ? nullptr : function();
  if (entry == nullptr || entry->build != plugin_build()) {
    trouble = {fmt::format("{} is of another build ({}; this library is {})", path,
                           entry == nullptr ? "it is no plugin of gmmvae" : entry->build, plugin_build()),
               "install library and plugin from one build"};
    return nullptr;
  }
  return entry;
}

CudaSupport find_cuda(const std::string& plugin_path) {
  CudaSupport support;
  Trouble trouble;
  support.plugin = load_plugin(plugin_path, trouble);
  if (support.plugin == nullptr) {
    support.trouble = trouble;
    return support;
  }
  support.plugin->survey(support.survey);
  support.trouble = support.survey.trouble;
  return support;
}

std::unique_ptr<Backend> open_cuda(CudaSupport& support, std::span<const int> ordinals,
                                   const std::string& asked_for) {
  if (support.trouble) refuse(asked_for, *support.trouble);
  std::vector<int> chosen(ordinals.begin(), ordinals.end());
  for (const int ordinal : chosen) {
    CudaDevice& device = device_with(support.survey, ordinal, asked_for);
    support.plugin->examine(device);
    if (device.trouble) refuse(asked_for, *device.trouble);
  }
  for (auto device = support.survey.devices.begin(); chosen.empty() && device != support.survey.devices.end();
       ++device) {
    support.plugin->examine(*device);
    if (!device->trouble) chosen = {device->ordinal};
  }
  if (chosen.empty()) refuse(asked_for, support.survey.devices.front().trouble.value());
  return std::unique_ptr<Backend>(support.plugin->open(chosen.data(), chosen.size()));
}

}  // namespace gmmvae
