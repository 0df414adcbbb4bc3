#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "host/backend/plugin.hpp"
#include "kernels/gpu.hpp"

// Fourier transforms on the device: cuFFT in fft.cu, loaded when the first object is made, the CPU's own in
// fft_on_cpu.cpp for the emulator.
namespace gmmvae::cuda {

/// Transforms of a real grid [size][size] to the half of its spectrum [size][size/2+1] that says everything,
/// and back, neither scaled: there and back multiplies by size^2. Both may be recorded in a graph, which then
/// needs this object to live.
class RealFft2d {
 public:
  /// Why there can be no transforms here, if there is a reason.
  static std::optional<Trouble> trouble();

  /// `size` is even and a product of 2, 3 and 5. Throws DeviceError where there is trouble.
  RealFft2d(std::size_t size, cudaStream_t stream);
  ~RealFft2d();
  RealFft2d(RealFft2d&&) noexcept;
  RealFft2d& operator=(RealFft2d&&) noexcept;

  /// Smallest even product of 2, 3 and 5 from `least` on.
  static std::size_t good_size(std::size_t least);

  /// sum over (s, t) of grid(s, t) exp(-2 pi i (k s + l t) / size); leaves the grid as it is.
  void forward(float* grid, float2* spectrum);
  /// sum over (k, l) with the opposite sign; the spectrum is scratch afterwards.
  void backward(float2* spectrum, float* grid);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace gmmvae::cuda
