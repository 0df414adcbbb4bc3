#include <string>

#include "kernels/library/fft.hpp"

#if __has_include(<cufft.h>)

#include <cufft.h>

#include "kernels/library/shared_library.hpp"

namespace gmmvae::cuda {
namespace {

void check_cufft(cufftResult result, const char* what, std::size_t size) {
  if (result == CUFFT_SUCCESS) return;
  throw DeviceError(std::string("cuFFT: ") + what + " of " + std::to_string(size) + " x " +
                    std::to_string(size) + " numbers failed with code " + std::to_string(result));
}

std::string name() {
  return "libcufft.so." + std::to_string(CUFFT_VER_MAJOR);
}
std::string remedy() {
  return "install cuFFT of CUDA Toolkit " + std::to_string(CUDART_VERSION / 1000) + "." +
         std::to_string(CUDART_VERSION % 1000 / 10) + ", or use --method exact or --device cpu for t-SNE";
}

/// The functions of cuFFT that are used, from the library of the version that the header is of.
struct Functions {
  decltype(&cufftPlan2d) plan;
  decltype(&cufftDestroy) destroy;
  decltype(&cufftSetStream) set_stream;
  decltype(&cufftExecR2C) forward;
  decltype(&cufftExecC2R) backward;

  static const Functions& loaded() {
    static const Functions functions;
    return functions;
  }

 private:
  Functions() {
    const library::SharedLibrary library(name(), remedy());
    library.take(plan, "cufftPlan2d");
    library.take(destroy, "cufftDestroy");
    library.take(set_stream, "cufftSetStream");
    library.take(forward, "cufftExecR2C");
    library.take(backward, "cufftExecC2R");
  }
};

}  // namespace

class RealFft2d::Implementation {
 public:
  Implementation(std::size_t size, cudaStream_t stream) : size_(size) {
    const int n = static_cast<int>(size);
    check_cufft(cufft_.plan(&forward_, n, n, CUFFT_R2C), "the plan of a transform", size);
    const cufftResult made = cufft_.plan(&backward_, n, n, CUFFT_C2R);
    if (made != CUFFT_SUCCESS) cufft_.destroy(forward_);
    check_cufft(made, "the plan of an inverse transform", size);
    cufft_.set_stream(forward_, stream);
    cufft_.set_stream(backward_, stream);
  }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;
  ~Implementation() {
    cufft_.destroy(forward_);
    cufft_.destroy(backward_);
  }

  void forward(float* grid, float2* spectrum) {
    check_cufft(cufft_.forward(forward_, grid, spectrum), "a transform", size_);
  }
  void backward(float2* spectrum, float* grid) {
    check_cufft(cufft_.backward(backward_, spectrum, grid), "an inverse transform", size_);
  }

 private:
  const Functions& cufft_ = Functions::loaded();
  std::size_t size_;
  cufftHandle forward_ = 0;
  cufftHandle backward_ = 0;
};

std::optional<Trouble> RealFft2d::trouble() {
  try {
    Functions::loaded();
    return std::nullopt;
  } catch (const DeviceError& error) {
    const std::string what = error.what();
    const std::size_t end = what.rfind(": " + remedy());
    return Trouble{what.substr(0, end), remedy()};
  }
}

}  // namespace gmmvae::cuda

#else

namespace gmmvae::cuda {

class RealFft2d::Implementation {
 public:
  Implementation(std::size_t, cudaStream_t) {
    throw DeviceError(RealFft2d::trouble()->what + ": " + RealFft2d::trouble()->fix);
  }
  void forward(float*, float2*) {}
  void backward(float2*, float*) {}
};

std::optional<Trouble> RealFft2d::trouble() {
  return Trouble{"this build has no transforms of cuFFT, whose header was not there",
                 "build with all of the CUDA Toolkit, or use --method exact or --device cpu for t-SNE"};
}

}  // namespace gmmvae::cuda

#endif

namespace gmmvae::cuda {

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
