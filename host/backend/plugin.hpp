#pragma once

// What libgmmvae and libgmmvae_cuda know of each other. The plugin is loaded when a CUDA device is asked for,
// so that the program runs where neither a driver nor a CUDA library is installed.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "version.hpp"

namespace gmmvae {

/// Raised with each change of Backend, of what its calls carry, or of this header: a plugin of another build
/// is refused.
inline constexpr int kPluginInterface = 6;
inline constexpr const char* kPluginSymbol = "gmmvae_cuda_plugin";

/// What stands in the way, and what to do about it.
struct Trouble {
  std::string what;
  std::string fix;
};

struct CudaDevice {
  int ordinal = 0;
  std::string name;
  int major = 0;  ///< compute capability
  int minor = 0;
  std::size_t memory_bytes = 0;
  std::size_t free_bytes = 0;      ///< known once examined
  std::optional<Trouble> trouble;  ///< why it cannot be used, once examined
};

/// What is there, found without waking any device.
struct CudaSurvey {
  std::string architectures;  ///< what the kernels were compiled for
  int runtime_version = 0;    ///< 1000 * major + 10 * minor, as CUDA counts
  int driver_version = 0;     ///< the newest CUDA that the driver knows; 0: no driver
  std::optional<Trouble> trouble;
  std::vector<CudaDevice> devices;
};

/// What the plugin's function kPluginSymbol returns. `build` stays the first member in every version.
struct PluginEntry {
  const char* build;  ///< plugin_build() of the plugin
  void (*survey)(CudaSurvey& survey);
  void (*examine)(CudaDevice& device);  ///< wakes the device: a fraction of a second
  Backend* (*open)(const int* ordinals, std::size_t count);
  /// Why t-SNE's Fourier transforms cannot be had, if they cannot; loads their library.
  void (*examine_transforms)(std::optional<Trouble>& trouble);
};

/// The version and the interface that library and plugin must share; compiled into both.
inline std::string plugin_build() {
  return std::string(kVersion) + ", interface " + std::to_string(kPluginInterface);
}

/// Where the plugin is looked for: beside libgmmvae.
std::string default_plugin_path();

/// Loads a plugin, for the rest of the process. Null, and `trouble`, where that cannot be.
const PluginEntry* load_plugin(const std::string& path, Trouble& trouble);

/// The plugin and what it finds on this machine, whole or up to the first trouble.
struct CudaSupport {
  const PluginEntry* plugin = nullptr;
  CudaSurvey survey;
  std::optional<Trouble> trouble;  ///< why no CUDA device can be used
};
CudaSupport find_cuda(const std::string& plugin_path);

/// A backend on the devices with these ordinals, or on the first that works where none is named. Throws
/// DeviceError that begins with `asked_for`.
std::unique_ptr<Backend> open_cuda(CudaSupport& support, std::span<const int> ordinals,
                                   const std::string& asked_for);

}  // namespace gmmvae
