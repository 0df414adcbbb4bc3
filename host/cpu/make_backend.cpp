#include <fmt/core.h>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"

namespace gmmvae {

std::unique_ptr<Backend> make_backend(const BackendOptions& options, std::string* note) {
  if (options.device == "cpu" || options.device == "auto") {
    if (options.device == "auto" && note != nullptr)
      *note = "no CUDA backend in this build: running on the CPU";
    return make_cpu_backend(options.threads);
  }
  if (options.device.starts_with("cuda")) {
    throw DeviceError(fmt::format(
        "--device {}: this build has no CUDA backend; install the CUDA toolkit and build again, or use "
        "--device cpu",
        options.device));
  }
  throw UsageError(
      fmt::format("--device {}: it must be auto, cpu, cuda, cuda:N or cuda:0,1", options.device));
}

}  // namespace gmmvae
