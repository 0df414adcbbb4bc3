#pragma once

#include <memory>

#include "gmmvae/kernel_bench.hpp"
#include "kernels/gpu.hpp"
#include "kernels/runtime/device.hpp"

namespace gmmvae::cuda {

/// The kernels of one device, timed by events in `stream`, which must outlive the result. Calls are made with
/// the device current.
std::unique_ptr<KernelBench> make_kernel_bench(const DeviceProperties& device, cudaStream_t stream);

}  // namespace gmmvae::cuda
