#include "host/tsne/kernel_convolution.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gmmvae::tsne {
namespace {

constexpr std::size_t kPair =
    2 * kLanes;  // columns that one complex transform serves: one half real, one imaginary
constexpr std::size_t kElement = LaneFft::kElement;

std::size_t rounded_up(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// 1 / (1 + r^2) between nodes that are i and j apart.
double kernel_at(std::size_t i, std::size_t j) {
  const double x = kNodeSpacing * static_cast<double>(i), y = kNodeSpacing * static_cast<double>(j);
  return 1.0 / (1.0 + x * x + y * y);
}

/// What cubic B-splines on nodes make of one frequency k, in radians a node, along one axis: their spectrum
/// is W(k) = sinc(k/2)^4, and waves of frequency k + 2 pi m look alike on the nodes.
struct SplineSpectrum {
  double squared;  ///< k^2
  double own;      ///< W(k)^2
  double alike;    ///< sum over m of W(k + 2 pi m)^2: the B-spline of degree 7 at the nodes
  double slopes;   ///< sum over m of (k + 2 pi m)^2 W(k + 2 pi m)^2: minus its second derivative

  /// Of frequency 0 <= f <= size / 2.
  SplineSpectrum(std::size_t f, std::size_t size) {
    const double k = 2.0 * std::numbers::pi * static_cast<double>(f) / static_cast<double>(size);
    const double one = std::cos(k), two = std::cos(2.0 * k), three = std::cos(3.0 * k);
    squared = k * k;
    own = f == 0 ? 1.0 : std::pow(std::sin(0.5 * k) / (0.5 * k), 8);
    alike = (2416.0 + 2382.0 * one + 240.0 * two + 2.0 * three) / 5040.0;
    slopes = (2.0 - 2.0 * one) * (66.0 + 52.0 * one + 2.0 * two) / 120.0;
  }
};

/// By what the kernel's spectrum is to be multiplied for the least error of slopes (Ballenegger et al.,
/// equation 33, where the kernel's own waves alike are nothing beside the first).
double best_factor(const SplineSpectrum& x, const SplineSpectrum& y) {
  const double squared = x.squared + y.squared;
  if (squared == 0.0) return 1.0;
  return squared * x.own * y.own / (x.alike * y.alike * (x.slopes * y.alike + x.alike * y.slopes));
}

std::vector<SplineSpectrum> spline_spectra(std::size_t size) {
  std::vector<SplineSpectrum> out;
  for (std::size_t f = 0; f <= size / 2; ++f) out.emplace_back(f, size);
  return out;
}

/// 16 x 16 numbers: out[c][r] = in[r][c], rows `in_stride` and `out_stride` floats apart.
GMMVAE_CLONES void transpose(const float* in, std::size_t in_stride, float* out, std::size_t out_stride) {
  for (std::size_t c = 0; c < kLanes; ++c)
    for (std::size_t r = 0; r < kLanes; ++r) out[c * out_stride + r] = in[r * in_stride + c];
}

/// From the transform z of a + i b to those of the real a and b, at frequencies 0 to size / 2.
GMMVAE_CLONES void separate(const float* z, std::size_t size, std::size_t stride, float* out) {
  for (std::size_t k = 0; k <= size / 2; ++k) {
    const float* here = z + k * kElement;
    const float* there = z + (k == 0 ? 0 : size - k) * kElement;
    Lanes re, im, mirror_re, mirror_im;
    load(here, re);
    load(here + kLanes, im);
    load(there, mirror_re);
    load(there + kLanes, mirror_im);
    float* row = out + 2 * k * stride;
    store(0.5f * (re + mirror_re), row);
    store(0.5f * (im + mirror_im), row + kLanes);
    store(0.5f * (im - mirror_im), row + stride);
    store(0.5f * (mirror_re - re), row + stride + kLanes);
  }
}

/// The way back.
GMMVAE_CLONES void combine(const float* in, std::size_t size, std::size_t stride, float* z) {
  for (std::size_t k = 0; k <= size / 2; ++k) {
    const float* row = in + 2 * k * stride;
    Lanes a_re, a_im, b_re, b_im;
    load(row, a_re);
    load(row + kLanes, b_re);
    load(row + stride, a_im);
    load(row + stride + kLanes, b_im);
    store(a_re - b_im, z + k * kElement);
    store(a_im + b_re, z + k * kElement + kLanes);
    if (k == 0 || 2 * k == size) continue;
    store(a_re + b_im, z + (size - k) * kElement);
    store(b_re - a_im, z + (size - k) * kElement + kLanes);
  }
}

/// Multiplies a transform [size][32] by a real, even spectrum [size/2+1][16].
GMMVAE_CLONES void scale(float* z, const float* spectrum, std::size_t size) {
  for (std::size_t k = 0; k < size; ++k) {
    Lanes factor, re, im;
    load(spectrum + (k <= size / 2 ? k : size - k) * kLanes, factor);
    load(z + k * kElement, re);
    load(z + k * kElement + kLanes, im);
    store(re * factor, z + k * kElement);
    store(im * factor, z + k * kElement + kLanes);
  }
}

/// Grids grow again and again, a little each time: room for half as much more is reserved, lest the heap fill
/// with holes.
void make_zeros(std::size_t count, std::vector<float>& out) {
  out.clear();
  if (count > out.capacity()) out.reserve(count + count / 2);
  out.resize(count, 0.0f);
}

/// One for all uses: each instance of over_groups would keep its own for ever.
float* scratch_of_thread(std::size_t length) {
  thread_local std::vector<float> scratch;
  if (scratch.size() < length) scratch.resize(length);
  return scratch.data();
}

/// Runs body(group, data, work) for every group, with two scratch buffers of `length` elements.
template <class Body>
void over_groups(std::size_t groups, std::size_t length, ThreadPool& pool, const Body& body) {
  pool.run(groups, [&](std::size_t group) {
    float* scratch = scratch_of_thread(2 * length * kElement);
    body(group, scratch, scratch + length * kElement);
  });
}

}  // namespace

void KernelConvolution::resize(std::size_t rows, std::size_t columns, ThreadPool& pool) {
  rows_ = rows;
  columns_ = columns;
  stride_ = rounded_up(columns, kPair);
  make_zeros(rows_ * stride_, grid_);
  // Twice as many nodes keep what wraps around away from what is read.
  const std::size_t down = LaneFft::good_size(2 * rows);
  // Transposition works on blocks of sixteen columns, which must fit.
  const std::size_t across = LaneFft::good_size(std::max(2 * columns, 2 * kLanes));
  half_.resize(rounded_up(down / 2 + 1, kLanes) * 2 * stride_);
  if (down_ && down_->size() == down && across_->size() == across) return;
  down_ = std::make_unique<LaneFft>(down);
  across_ = std::make_unique<LaneFft>(across);
  build_spectrum(pool);
}

// The kernel is real and even in both directions, and so is its spectrum: half of each direction is enough.
void KernelConvolution::build_spectrum(ThreadPool& pool) {
  const std::size_t down = down_->size(), across = across_->size();
  const std::size_t stride = rounded_up(across / 2 + 1, kPair);
  const std::size_t groups = rounded_up(down / 2 + 1, kLanes) / kLanes;
  std::vector<float>& half = half_;  // which holds nothing yet
  if (half.size() < groups * kLanes * 2 * stride) half.resize(groups * kLanes * 2 * stride);
  over_groups(stride / kPair, down, pool, [&](std::size_t group, float* data, float* work) {
    for (std::size_t i = 0; i < down; ++i)
      for (std::size_t l = 0; l < kPair; ++l)
        data[i * kElement + l] =
            static_cast<float>(kernel_at(std::min(i, down - i), std::min(group * kPair + l, across / 2)));
    separate(down_->forward(data, work), down, stride, half.data() + group * kPair);
  });
  const std::vector<SplineSpectrum> along = spline_spectra(down), beside = spline_spectra(across);
  make_zeros(groups * (across / 2 + 1) * kLanes, spectrum_);
  over_groups(groups, across, pool, [&](std::size_t group, float* data, float* work) {
    for (std::size_t j = 0; j < across; ++j)
      for (std::size_t l = 0; l < kLanes; ++l) {
        data[j * kElement + l] = half[(group * kLanes + l) * 2 * stride + std::min(j, across - j)];
        data[j * kElement + kLanes + l] = 0.0f;
      }
    const float* z = across_->forward(data, work);
    const double size = static_cast<double>(down * across);
    for (std::size_t k = 0; k <= across / 2; ++k)
      for (std::size_t l = 0; l < kLanes; ++l) {
        const std::size_t f = group * kLanes + l;  // beyond the last there is nothing to transform
        const double factor = best_factor(along[std::min(f, down / 2)], beside[k]);
        spectrum_[(group * (across / 2 + 1) + k) * kLanes + l] =
            static_cast<float>(z[k * kElement + l] * factor / size);
      }
  });
}

void KernelConvolution::rows_forward(std::size_t group, float* data, float* work) {
  for (std::size_t i = 0; i < rows_; ++i) std::copy_n(row(i) + group * kPair, kPair, data + i * kElement);
  std::fill(data + rows_ * kElement, data + down_->size() * kElement, 0.0f);
  separate(down_->forward(data, work), down_->size(), stride_, half_.data() + group * kPair);
}

void KernelConvolution::columns_through(std::size_t group, float* data, float* work) {
  const std::size_t across = across_->size();
  float* first = half_.data() + group * kLanes * 2 * stride_;
  for (std::size_t part = 0; part < 2; ++part)
    for (std::size_t j = 0; j < columns_; j += kLanes)
      transpose(first + part * stride_ + j, 2 * stride_, data + j * kElement + part * kLanes, kElement);
  std::fill(data + columns_ * kElement, data + across * kElement, 0.0f);
  float* z = across_->forward(data, work);
  scale(z, spectrum_.data() + group * (across / 2 + 1) * kLanes, across);
  z = across_->backward(z, z == data ? work : data);
  for (std::size_t part = 0; part < 2; ++part)
    for (std::size_t j = 0; j < columns_; j += kLanes)
      transpose(z + j * kElement + part * kLanes, kElement, first + part * stride_ + j, 2 * stride_);
}

void KernelConvolution::rows_backward(std::size_t group, float* data, float* work) {
  combine(half_.data() + group * kPair, down_->size(), stride_, data);
  const float* z = down_->backward(data, work);
  for (std::size_t i = 0; i < rows_; ++i) std::copy_n(z + i * kElement, kPair, row(i) + group * kPair);
}

void KernelConvolution::apply(ThreadPool& pool) {
  const std::size_t pairs = stride_ / kPair;
  over_groups(pairs, down_->size(), pool,
              [&](std::size_t group, float* data, float* work) { rows_forward(group, data, work); });
  over_groups(rounded_up(down_->size() / 2 + 1, kLanes) / kLanes, across_->size(), pool,
              [&](std::size_t group, float* data, float* work) { columns_through(group, data, work); });
  over_groups(pairs, down_->size(), pool,
              [&](std::size_t group, float* data, float* work) { rows_backward(group, data, work); });
}

std::vector<float> spectrum_factors(std::size_t size) {
  const std::vector<SplineSpectrum> spline = spline_spectra(size);
  std::vector<float> out;
  out.reserve(spline.size() * spline.size());
  for (const SplineSpectrum& x : spline)
    for (const SplineSpectrum& y : spline) out.push_back(static_cast<float>(best_factor(x, y)));
  return out;
}

// The kernel's spectrum times the factor, transformed back. What the factor changes is local, so a period of
// 128 nodes stands for every grid, to 1e-5.
const float (&kernel_near_zero())[kSplineNodes][kSplineNodes] {
  constexpr std::size_t kPeriod = 128, kHalf = kPeriod / 2;
  struct Table {
    float values[kSplineNodes][kSplineNodes];
    Table() {
      // Kernel and spectrum are even along both axes: cosines do, ends counted once and the rest twice.
      std::vector<double> cosines(kPeriod);
      for (std::size_t t = 0; t < kPeriod; ++t)
        cosines[t] = std::cos(2.0 * std::numbers::pi * static_cast<double>(t) / kPeriod);
      const auto times = [&](std::size_t i) { return i == 0 || i == kHalf ? 1.0 : 2.0; };
      const auto transformed = [&](const Matrix<double>& in, std::size_t rows) {
        Matrix<double> out(rows, in.cols());
        for (std::size_t k = 0; k < rows; ++k)
          for (std::size_t i = 0; i < in.rows(); ++i)
            for (std::size_t j = 0; j < in.cols(); ++j)
              out(k, j) += times(i) * cosines[k * i % kPeriod] * in(i, j);
        return out;
      };
      const auto turned = [](const Matrix<double>& in) {
        Matrix<double> out(in.cols(), in.rows());
        for (std::size_t i = 0; i < in.rows(); ++i)
          for (std::size_t j = 0; j < in.cols(); ++j) out(j, i) = in(i, j);
        return out;
      };
      Matrix<double> kernel(kHalf + 1, kHalf + 1);
      for (std::size_t i = 0; i <= kHalf; ++i)
        for (std::size_t j = 0; j <= kHalf; ++j) kernel(i, j) = kernel_at(i, j);
      Matrix<double> spectrum = transformed(turned(transformed(kernel, kHalf + 1)), kHalf + 1);
      const std::vector<SplineSpectrum> spline = spline_spectra(kPeriod);
      for (std::size_t i = 0; i <= kHalf; ++i)
        for (std::size_t j = 0; j <= kHalf; ++j) spectrum(i, j) *= best_factor(spline[i], spline[j]);
      const Matrix<double> near = transformed(turned(transformed(spectrum, kSplineNodes)), kSplineNodes);
      for (std::size_t a = 0; a < kSplineNodes; ++a)
        for (std::size_t b = 0; b < kSplineNodes; ++b)
          values[a][b] = static_cast<float>(near(a, b) / (kPeriod * kPeriod));
    }
  };
  static const Table table;
  return table.values;
}

}  // namespace gmmvae::tsne
