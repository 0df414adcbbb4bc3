#include "tests/support/backends.hpp"

#include "gmmvae/error.hpp"
#include "host/backend/plugin.hpp"

namespace gmmvae::test {

std::vector<BackendName> all_backends() {
  return {{"cpu"}, {"cuda_on_cpu"}, {"cuda"}};
}

std::unique_ptr<Backend> open_backend(const std::string& name, std::size_t threads, std::string* reason) {
  if (name == "cpu") return make_cpu_backend(threads);
  try {
    if (name == "cuda_on_cpu") {
#ifdef GMMVAE_CUDA_ON_CPU
      CudaSupport support = find_cuda(GMMVAE_CUDA_ON_CPU);
      return open_cuda(support, {}, "the emulated backend");
#else
      *reason = "this build has no emulated backend";
      return nullptr;
#endif
    }
    return make_backend({.device = name, .threads = threads});
  } catch (const DeviceError& error) {
    *reason = error.what();
    return nullptr;
  }
}

}  // namespace gmmvae::test
