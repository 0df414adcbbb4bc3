#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "host/backend/plugin.hpp"

namespace gmmvae {
namespace {

/// The numbers of "cuda:0,1"; none for "cuda".
std::vector<int> cuda_ordinals(const std::string& device) {
  const auto complain = [&] {
    throw UsageError(fmt::format(
        "--device {}: it must be auto, cpu, cuda, cuda:N or a list without repeats such as cuda:0,1",
        device));
  };
  std::string_view rest = device;
  if (!rest.starts_with("cuda")) complain();
  rest.remove_prefix(4);
  std::vector<int> ordinals;
  for (char separator = ':'; !rest.empty(); separator = ',') {
    if (rest.front() != separator) complain();
    rest.remove_prefix(1);
    int ordinal = -1;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), ordinal);
    if (error != std::errc() || ordinal < 0) complain();
    if (std::find(ordinals.begin(), ordinals.end(), ordinal) != ordinals.end()) complain();
    ordinals.push_back(ordinal);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
  }
  return ordinals;
}

std::unique_ptr<Backend> choose_backend(const BackendOptions& options, std::string* note) {
  try {
    CudaSupport support = find_cuda(default_plugin_path());
    return open_cuda(support, {}, "no CUDA device");
  } catch (const DeviceError& error) {
    if (note != nullptr) *note = fmt::format("running on the CPU: {}", error.what());
    return make_cpu_backend(options.threads);
  }
}

}  // namespace

std::unique_ptr<Backend> make_backend(const BackendOptions& options, std::string* note) {
  if (options.device == "cpu") return make_cpu_backend(options.threads);
  if (options.device == "auto") return choose_backend(options, note);
  const std::vector<int> ordinals = cuda_ordinals(options.device);
  CudaSupport support = find_cuda(default_plugin_path());
  return open_cuda(support, ordinals, "--device " + options.device);
}

}  // namespace gmmvae
