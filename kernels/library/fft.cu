#include <cufft.h>

#include <string>

#include "kernels/library/fft.hpp"

namespace gmmvae::cuda {
namespace {

void check_cufft(cufftResult result, const char* what, std::size_t size) {
  if (result == CUFFT_SUCCESS) return;
  throw DeviceError(std::string("cuFFT: ") + what + " of " + std::to_string(size) + " x " +
                    std::to_string(size) + " numbers failed with code " + std::to_string(result));
}

}  // namespace

class RealFft2d::Implementation {
 public:
  Implementation(std::size_t size, cudaStream_t stream) : size_(size) {
    const int n = static_cast<int>(size);
    check_cufft(cufftPlan2d(&forward_, n, n, CUFFT_R2C), "the plan of a transform", size);
    const cufftResult made = cufftPlan2d(&backward_, n, n, CUFFT_C2R);
    if (made != CUFFT_SUCCESS) cufftDestroy(forward_);
    check_cufft(made, "the plan of an inverse transform", size);
    cufftSetStream(forward_, stream);
    cufftSetStream(backward_, stream);
  }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;
  ~Implementation() {
    cufftDestroy(forward_);
    cufftDestroy(backward_);
  }

  void forward(float* grid, float2* spectrum) {
    check_cufft(cufftExecR2C(forward_, grid, spectrum), "a transform", size_);
  }
  void backward(float2* spectrum, float* grid) {
    check_cufft(cufftExecC2R(backward_, spectrum, grid), "an inverse transform", size_);
  }

 private:
  std::size_t size_;
  cufftHandle forward_ = 0;
  cufftHandle backward_ = 0;
};

RealFft2d::RealFft2d(std::size_t size, cudaStream_t stream)
    : implementation_(std::make_unique<Implementation>(size, stream)) {}
RealFft2d::~RealFft2d() = default;
RealFft2d::RealFft2d(RealFft2d&&) noexcept = default;
RealFft2d& RealFft2d::operator=(RealFft2d&&) noexcept = default;

void RealFft2d::forward(float* grid, float2* spectrum) {
  implementation_->forward(grid, spectrum);
}
void RealFft2d::backward(float2* spectrum, float* grid) {
  implementation_->backward(spectrum, grid);
}

std::size_t RealFft2d::good_size(std::size_t least) {
  for (std::size_t size = least + least % 2;; size += 2) {
    std::size_t rest = size;
    for (const std::size_t factor : {2, 3, 5})
      while (rest > 1 && rest % factor == 0) rest /= factor;
    if (rest == 1) return size;
  }
}

}  // namespace gmmvae::cuda
