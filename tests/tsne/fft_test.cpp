#include "host/tsne/fft.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>

#include "gmmvae/random.hpp"

namespace gmmvae {
namespace {

using tsne::LaneFft;

TEST(LaneFft, IsTheDefinition) {
  const RandomStream random(1, Purpose::evaluation);
  for (const std::size_t size : {1, 2, 3, 4, 5, 6, 8, 30, 32, 60, 90, 125, 144}) {
    const LaneFft fft(size);
    std::vector<float> data(size * LaneFft::kElement), work(data.size());
    for (std::size_t i = 0; i < data.size(); ++i) data[i] = static_cast<float>(random.normal(i));
    const std::vector<float> input = data;
    const float* forward = fft.forward(data.data(), work.data());
    const std::vector<float> got(forward, forward + data.size());
    data = input;
    const float* backward = fft.backward(data.data(), work.data());
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      for (std::size_t k = 0; k < size; ++k) {
        std::complex<double> plus = 0.0, minus = 0.0;
        for (std::size_t t = 0; t < size; ++t) {
          const std::complex<double> x(input[t * LaneFft::kElement + lane],
                                       input[t * LaneFft::kElement + kLanes + lane]);
          const double angle =
              2.0 * std::numbers::pi * static_cast<double>(k * t % size) / static_cast<double>(size);
          minus += x * std::polar(1.0, -angle);
          plus += x * std::polar(1.0, angle);
        }
        // Sums of `size` normal numbers, about sqrt(size) large, through log(size) roundings.
        const double tolerance = 2e-6 * std::sqrt(static_cast<double>(size));
        ASSERT_NEAR(got[k * LaneFft::kElement + lane], minus.real(), tolerance) << size;
        ASSERT_NEAR(got[k * LaneFft::kElement + kLanes + lane], minus.imag(), tolerance) << size;
        ASSERT_NEAR(backward[k * LaneFft::kElement + lane], plus.real(), tolerance) << size;
        ASSERT_NEAR(backward[k * LaneFft::kElement + kLanes + lane], plus.imag(), tolerance) << size;
      }
    }
  }
}

TEST(LaneFft, FindsSizesOfSmallFactors) {
  EXPECT_EQ(LaneFft::good_size(1), 2u);
  EXPECT_EQ(LaneFft::good_size(7), 8u);
  EXPECT_EQ(LaneFft::good_size(61), 64u);
  EXPECT_EQ(LaneFft::good_size(1001), 1024u);
}

}  // namespace
}  // namespace gmmvae
