// The emulator's twin of fft.cu, on the CPU's own transform of sixteen lines side by side.
#include <algorithm>
#include <deque>
#include <vector>

#include "host/tsne/fft.hpp"
#include "kernels/library/fft.hpp"
#include "runtime_state.hpp"

namespace gmmvae::cuda {
using tsne::LaneFft;

class RealFft2d::Implementation {
 public:
  Implementation(std::size_t size, cudaStream_t stream)
      : fft_(size), stream_(stream), data_(size * LaneFft::kElement), work_(size * LaneFft::kElement) {}

  void enqueue(float* grid, float2* spectrum, bool back) {
    jobs_.push_back({this, grid, spectrum, back});
    GPU_CHECK(cudaLaunchHostFunc(stream_, &run, &jobs_.back()));
  }

 private:
  /// What a host function of the stream works on; a recorded graph may call it again at any time.
  struct Job {
    Implementation* self;
    float* grid;
    float2* spectrum;
    bool back;
  };
  static void run(void* data) {
    const emu::DeviceAccess access;
    const Job& job = *static_cast<const Job*>(data);
    job.back ? job.self->backward(job.spectrum, job.grid) : job.self->forward(job.grid, job.spectrum);
  }

  [[nodiscard]] std::size_t half() const { return fft_.size() / 2 + 1; }
  float& re(std::size_t t, std::size_t lane) { return data_[t * LaneFft::kElement + lane]; }
  float& im(std::size_t t, std::size_t lane) { return data_[t * LaneFft::kElement + kLanes + lane]; }

  /// Calls load(t, line) -> float2, transforms along t, calls store(t, line, value).
  template <class Load, class Store>
  void transform(std::size_t lines, bool back, const Load& load, const Store& store) {
    for (std::size_t first = 0; first < lines; first += kLanes) {
      const std::size_t filled = std::min(kLanes, lines - first);
      std::fill(data_.begin(), data_.end(), 0.0f);
      for (std::size_t t = 0; t < fft_.size(); ++t)
        for (std::size_t lane = 0; lane < filled; ++lane) {
          const float2 value = load(t, first + lane);
          re(t, lane) = value.x;
          im(t, lane) = value.y;
        }
      const float* out =
          back ? fft_.backward(data_.data(), work_.data()) : fft_.forward(data_.data(), work_.data());
      for (std::size_t t = 0; t < fft_.size(); ++t)
        for (std::size_t lane = 0; lane < filled; ++lane)
          store(t, first + lane,
                make_float2(out[t * LaneFft::kElement + lane], out[t * LaneFft::kElement + kLanes + lane]));
    }
  }

  void forward(const float* grid, float2* spectrum) {
    const std::size_t n = fft_.size();
    transform(
        n, false, [&](std::size_t t, std::size_t row) { return make_float2(grid[row * n + t], 0.0f); },
        [&](std::size_t t, std::size_t row, float2 value) {
          if (t < half()) spectrum[row * half() + t] = value;
        });
    along_columns(spectrum, false);
  }
  void backward(float2* spectrum, float* grid) {
    const std::size_t n = fft_.size();
    along_columns(spectrum, true);
    transform(
        n, true,
        [&](std::size_t t, std::size_t row) {
          if (t < half()) return spectrum[row * half() + t];
          const float2 mirror = spectrum[row * half() + (n - t)];
          return make_float2(mirror.x, -mirror.y);
        },
        [&](std::size_t t, std::size_t row, float2 value) { grid[row * n + t] = value.x; });
  }
  void along_columns(float2* spectrum, bool back) {
    transform(
        half(), back, [&](std::size_t t, std::size_t column) { return spectrum[t * half() + column]; },
        [&](std::size_t t, std::size_t column, float2 value) { spectrum[t * half() + column] = value; });
  }

  LaneFft fft_;
  cudaStream_t stream_;
  std::vector<float> data_;
  std::vector<float> work_;
  std::deque<Job> jobs_;
};

RealFft2d::RealFft2d(std::size_t size, cudaStream_t stream)
    : implementation_(std::make_unique<Implementation>(size, stream)) {}
RealFft2d::~RealFft2d() = default;
RealFft2d::RealFft2d(RealFft2d&&) noexcept = default;
RealFft2d& RealFft2d::operator=(RealFft2d&&) noexcept = default;

std::optional<Trouble> RealFft2d::trouble() {
  return std::nullopt;
}

std::size_t RealFft2d::good_size(std::size_t least) {
  return LaneFft::good_size(least);
}
void RealFft2d::forward(float* grid, float2* spectrum) {
  implementation_->enqueue(grid, spectrum, false);
}
void RealFft2d::backward(float2* spectrum, float* grid) {
  implementation_->enqueue(grid, spectrum, true);
}

}  // namespace gmmvae::cuda
