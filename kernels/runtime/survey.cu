#include "kernels/runtime/device.hpp"
#include "kernels/runtime/survey.hpp"

namespace gmmvae::cuda {
namespace {

/// Stands for all kernels: they are compiled for the same architectures.
__global__ void probe(int* answer) {
  *answer = 1;
}

std::string version_text(int version) {
  return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

Trouble no_devices(cudaError_t error, const CudaSurvey& found) {
  if (found.driver_version == 0) {
    return {
        "no NVIDIA driver is loaded",
        "install the driver (Debian: nvidia-driver; start a container with --gpus all), or use --device cpu"};
  }
  if (error == cudaErrorInsufficientDriver) {
    return {
        "the NVIDIA driver knows CUDA " + version_text(found.driver_version) + ", but this build needs " +
            version_text(found.runtime_version),
        "update the driver, or build with a CUDA Toolkit of at most " + version_text(found.driver_version)};
  }
  if (error == cudaErrorNoDevice || error == cudaSuccess) {
    return {"the NVIDIA driver shows no GPU",
            "see that nvidia-smi lists one and that CUDA_VISIBLE_DEVICES does not hide it (start a container "
            "with "
            "--gpus all), or use --device cpu"};
  }
  return {
      std::string("CUDA cannot start: ") + cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")",
      "see that nvidia-smi works, or use --device cpu"};
}

Trouble no_code_for(const CudaDevice& device) {
  const std::string architecture = std::to_string(device.major) + std::to_string(device.minor);
  Trouble trouble{
      device.name + " is sm_" + architecture + ", but this build has code for " GMMVAE_CUDA_BUILT_FOR, ""};
  // nvcc 13 begins at sm_75; the last release that knows sm_50 to sm_70 is 12.9
  const bool needs_older_toolkit = device.major * 10 + device.minor < 75;
  trouble.fix = needs_older_toolkit
                    ? "install CUDA Toolkit 12.4 to 12.9, the last ones for this card, and build with "
                      "-DGMMVAE_CUDA_ARCHITECTURES=" +
                          architecture
                    : "build with -DGMMVAE_CUDA_ARCHITECTURES=" + architecture + " or the preset release-all";
  trouble.fix += ", or use --device cpu";
  return trouble;
}

}  // namespace

void survey(CudaSurvey& survey) {
  survey.architectures = GMMVAE_CUDA_BUILT_FOR;
  cudaRuntimeGetVersion(&survey.runtime_version);
  if (cudaDriverGetVersion(&survey.driver_version) != cudaSuccess) survey.driver_version = 0;
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  cudaGetLastError();
  if (error != cudaSuccess || count == 0) {
    survey.trouble = no_devices(error, survey);
    return;
  }
  for (int ordinal = 0; ordinal < count; ++ordinal) {
    const DeviceProperties properties = device_properties(ordinal);
    CudaDevice device;
    device.ordinal = ordinal;
    device.name = properties.name;
    device.major = properties.major;
    device.minor = properties.minor;
    device.memory_bytes = properties.memory_bytes;
    survey.devices.push_back(device);
  }
}

void examine(CudaDevice& device) {
  try {
    const DeviceScope scope(device.ordinal);
    cudaFuncAttributes attributes{};
    const cudaError_t error = cudaFuncGetAttributes(&attributes, probe);
    if (error == cudaErrorNoKernelImageForDevice) {
      cudaGetLastError();
      device.trouble = no_code_for(device);
      return;
    }
    GPU_CHECK(error);
    std::size_t total = 0;
    GPU_CHECK(cudaMemGetInfo(&device.free_bytes, &total));
  } catch (const DeviceError& error) {
    device.trouble = {error.what(),
                      "see that nvidia-smi shows the device idle and healthy, or use --device cpu"};
  }
}

}  // namespace gmmvae::cuda
