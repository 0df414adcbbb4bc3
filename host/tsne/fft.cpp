#include "host/tsne/fft.hpp"

#include <cmath>
#include <numbers>
#include <stdexcept>
#include <utility>

namespace gmmvae::tsne {
namespace {

struct Complex {
  Lanes re, im;
};

GMMVAE_INLINE void load(const float* element, std::size_t real, Complex& out) {
  gmmvae::load(element + real, out.re);
  gmmvae::load(element + (kLanes - real), out.im);
}
GMMVAE_INLINE void store(const Complex& value, std::size_t real, float* element) {
  gmmvae::store(value.re, element + real);
  gmmvae::store(value.im, element + (kLanes - real));
}
GMMVAE_INLINE void multiply(Complex& x, float cosine, float sine) {  // by cosine - i sine
  const Lanes re = x.re * cosine + x.im * sine;
  x.im = x.im * cosine - x.re * sine;
  x.re = re;
}
/// a + b and a - b
GMMVAE_INLINE void cross(Complex& a, Complex& b) {
  const Complex sum{a.re + b.re, a.im + b.im};
  b = {a.re - b.re, a.im - b.im};
  a = sum;
}
/// a - i b and a + i b
GMMVAE_INLINE void quarter_cross(Complex& a, Complex& b) {
  const Complex low{a.re + b.im, a.im - b.re};
  b = {a.re - b.im, a.im + b.re};
  a = low;
}

/// The transform of Radix numbers, in place and in order.
template <std::size_t Radix>
GMMVAE_INLINE void butterfly(Complex (&x)[Radix]) {
  if constexpr (Radix == 2) {
    cross(x[0], x[1]);
  } else if constexpr (Radix == 3) {
    constexpr float kHalfRoot3 = 0.866025403784438647f;
    cross(x[1], x[2]);
    const Complex middle{x[0].re - 0.5f * x[1].re, x[0].im - 0.5f * x[1].im};
    x[0] = {x[0].re + x[1].re, x[0].im + x[1].im};
    x[1] = middle;
    x[2] = {kHalfRoot3 * x[2].re, kHalfRoot3 * x[2].im};
    quarter_cross(x[1], x[2]);
  } else if constexpr (Radix == 4) {
    cross(x[0], x[2]);
    cross(x[1], x[3]);
    cross(x[0], x[1]);
    quarter_cross(x[2], x[3]);
    const Complex second = x[1];
    x[1] = x[2];
    x[2] = second;
  } else {
    constexpr float kCos1 = 0.309016994374947424f, kCos2 = -0.809016994374947424f;
    constexpr float kSin1 = 0.951056516295153572f, kSin2 = 0.587785252292473129f;
    cross(x[1], x[4]);
    cross(x[2], x[3]);
    const Complex a{x[0].re + kCos1 * x[1].re + kCos2 * x[2].re, x[0].im + kCos1 * x[1].im + kCos2 * x[2].im};
    const Complex b{x[0].re + kCos2 * x[1].re + kCos1 * x[2].re, x[0].im + kCos2 * x[1].im + kCos1 * x[2].im};
    const Complex c{kSin1 * x[4].re + kSin2 * x[3].re, kSin1 * x[4].im + kSin2 * x[3].im};
    const Complex d{kSin2 * x[4].re - kSin1 * x[3].re, kSin2 * x[4].im - kSin1 * x[3].im};
    x[0] = {x[0].re + x[1].re + x[2].re, x[0].im + x[1].im + x[2].im};
    x[1] = a;
    x[4] = c;
    quarter_cross(x[1], x[4]);
    x[2] = b;
    x[3] = d;
    quarter_cross(x[2], x[3]);
  }
}

struct Pass {
  std::size_t length;  ///< of the transforms that are left
  std::size_t stride;  ///< transforms done so far, interleaved
  std::size_t size;
  const float* twiddles;
  std::size_t real;
};

/// y[q + s (r p + j)] = w^(p j) DFT_r(x[q + s (p + m .)])_j with m = length / r and w = exp(-2 pi i /
/// length).
template <std::size_t Radix>
GMMVAE_INLINE void pass_body(const Pass& pass, const float* x, float* y) {
  constexpr std::size_t kElement = LaneFft::kElement;
  const std::size_t m = pass.length / Radix, s = pass.stride;
  for (std::size_t p = 0; p < m; ++p) {
    const float* w[Radix];
    for (std::size_t j = 1; j < Radix; ++j) w[j] = pass.twiddles + 2 * (p * j * s % pass.size);
    for (std::size_t q = 0; q < s; ++q) {
      Complex v[Radix];
      for (std::size_t j = 0; j < Radix; ++j) load(x + (q + s * (p + m * j)) * kElement, pass.real, v[j]);
      butterfly<Radix>(v);
      for (std::size_t j = 1; j < Radix; ++j)
        if (p != 0) multiply(v[j], w[j][0], w[j][1]);
      for (std::size_t j = 0; j < Radix; ++j)
        store(v[j], pass.real, y + (q + s * (Radix * p + j)) * kElement);
    }
  }
}

GMMVAE_CLONES void run_pass(std::size_t radix, const Pass& pass, const float* x, float* y) {
  switch (radix) {
    case 2:
      pass_body<2>(pass, x, y);
      break;
    case 3:
      pass_body<3>(pass, x, y);
      break;
    case 4:
      pass_body<4>(pass, x, y);
      break;
    default:
      pass_body<5>(pass, x, y);
  }
}

}  // namespace

LaneFft::LaneFft(std::size_t size) : size_(size), twiddles_(2 * size) {
  std::size_t rest = size;
  for (const std::size_t radix : {5, 3, 4, 2})
    for (; rest > 0 && rest % radix == 0; rest /= radix) radices_.push_back(radix);
  if (rest != 1) throw std::logic_error("a Fourier transform whose length has a factor above 5");
  for (std::size_t t = 0; t < size; ++t) {
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(t) / static_cast<double>(size);
    twiddles_[2 * t] = static_cast<float>(std::cos(angle));
    twiddles_[2 * t + 1] = static_cast<float>(std::sin(angle));
  }
}

std::size_t LaneFft::good_size(std::size_t least) {
  for (std::size_t size = least + least % 2;; size += 2) {
    std::size_t rest = size;
    for (const std::size_t factor : {2, 3, 5})
      while (rest > 1 && rest % factor == 0) rest /= factor;
    if (rest == 1) return size;
  }
}

float* LaneFft::transform(float* data, float* work, std::size_t real) const {
  Pass pass{size_, 1, size_, twiddles_.data(), real};
  for (const std::size_t radix : radices_) {
    run_pass(radix, pass, data, work);
    std::swap(data, work);
    pass.length /= radix;
    pass.stride *= radix;
  }
  return data;
}

}  // namespace gmmvae::tsne
