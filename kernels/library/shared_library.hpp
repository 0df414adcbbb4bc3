#pragma once

#include <dlfcn.h>

#include <string>
#include <type_traits>
#include <utility>

#include "kernels/gpu.hpp"

namespace gmmvae::library {

/// A library of the CUDA toolkit, loaded when it is first needed and for the rest of the process, so that
/// libgmmvae_cuda itself needs none.
class SharedLibrary {
 public:
  /// Throws DeviceError that ends with `remedy`.
  SharedLibrary(std::string name, const std::string& remedy)
      : name_(std::move(name)), handle_(dlopen(name_.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    if (handle_ == nullptr) throw DeviceError(name_ + " cannot be loaded (" + dlerror() + "): " + remedy);
  }

  /// Throws DeviceError where the library has no such symbol.
  template <class Function>
  void take(Function& function, const char* symbol) const {
    function = reinterpret_cast<Function>(dlsym(handle_, symbol));
    if (function == nullptr) throw DeviceError(name_ + " has no " + symbol);
  }

 private:
  std::string name_;
  void* handle_;
};

}  // namespace gmmvae::library
