// Densities against what they are: marginals of Gaussians, integrals of one, a mean of Gaussians summed one
// by one.
#include "host/report/density.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "gmmvae/mixture.hpp"
#include "host/report/heat.hpp"
#include "host/report/png.hpp"

namespace gmmvae {
namespace {

double normal(double x, double mean, double variance) {
  return std::exp(-0.5 * (x - mean) * (x - mean) / variance) / std::sqrt(2.0 * M_PI * variance);
}

Mixture two_components() {
  Matrix<double> a(3, 3, {2.0, 0.6, 0.1, 0.6, 1.0, -0.2, 0.1, -0.2, 0.5}), b(3, 3);
  for (std::size_t d = 0; d < 3; ++d) b(d, d) = 0.3;
  return {{1.0, 3.0}, Matrix<double>(2, 3, {-2.0, 0.5, 1.0, 2.0, -1.0, 0.0}), {a, b}};
}

TEST(DensityTest, AMarginalIntegratesToTheOtherMarginal) {
  const Mixture mixture = two_components();
  const DensityGrid grid{-9.0, 9.0, -9.0, 9.0, 240};
  const Matrix<double> plane = mixture_density(mixture, 0, 1, grid);
  const std::vector<double> line = mixture_density(mixture, 0, -9.0, 9.0, 240);
  const double step = 18.0 / 240;
  for (const std::size_t c : {60u, 93u, 121u, 146u}) {
    double sum = 0.0;
    for (std::size_t r = 0; r < 240; ++r) sum += plane(r, c) * step;
    // The midpoint rule over a smooth function that vanishes at both ends is exact to rounding.
    EXPECT_NEAR(sum, line[c], 1e-9);
    const double x = -9.0 + (static_cast<double>(c) + 0.5) * step;
    EXPECT_NEAR(line[c], 0.25 * normal(x, -2.0, 2.0) + 0.75 * normal(x, 2.0, 0.3), 1e-12);
  }
}

TEST(DensityTest, AModelIsTheMeanOfItsGaussians) {
  const Matrix<float> means(4, 2, {-1.0F, 0.4F, 0.33F, -0.7F, 1.2F, 1.1F, 1.25F, 1.0F});
  const std::vector<double> noise = {0.4, 0.6};
  const DensityGrid grid{-4.0, 4.0, -4.0, 4.0, 96};
  const Matrix<double> plane = model_density(means, noise, 0, 1, grid);
  const std::vector<double> line = model_density(means, noise, 0, -4.0, 4.0, 96);
  const double step = 8.0 / 96;
  for (std::size_t r = 20; r < 80; r += 7) {
    for (std::size_t c = 20; c < 80; c += 7) {
      const double x = -4.0 + (static_cast<double>(c) + 0.5) * step,
                   y = -4.0 + (static_cast<double>(r) + 0.5) * step;
      double exact = 0.0, exact_line = 0.0;
      for (std::size_t m = 0; m < 4; ++m) {
        exact += normal(x, means(m, 0), 0.16) * normal(y, means(m, 1), 0.36) / 4.0;
        exact_line += normal(x, means(m, 0), 0.16) / 4.0;
      }
      // Sharing a point between two cells adds at most a quarter of a cell squared to its variance, and as
      // much relative to it to the density's curvature: (0.083/2)^2 / 0.16 = 1 % of the peak for each axis.
      EXPECT_NEAR(plane(r, c), exact, 0.02 * 0.35) << r << " " << c;
      EXPECT_NEAR(line[c], exact_line, 0.01 * 0.6) << c;
    }
  }
}

TEST(DensityTest, AHistogramHasAllOfThePoints) {
  const Matrix<float> points(5, 1, {0.0F, 0.1F, 0.5F, 0.9F, 1.0F});
  const std::vector<double> shares = histogram(points, 0, 0.0, 1.0, 4);
  double sum = 0.0;
  for (const double share : shares) sum += share * 0.25;
  EXPECT_NEAR(sum, 1.0, 1e-12);
  EXPECT_DOUBLE_EQ(shares[0], 2 / 5.0 / 0.25);
  EXPECT_DOUBLE_EQ(shares[3], 2 / 5.0 / 0.25);
}

TEST(PngTest, Base64OfTheStandard) {
  // The test vectors of RFC 4648, section 10.
  const std::vector<std::string> expected = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
  for (std::size_t length = 0; length <= 6; ++length)
    EXPECT_EQ(base64(std::string("foobar").substr(0, length)), expected[length]);
}

TEST(PngTest, BytesOfTheFormat) {
  const std::vector<std::uint8_t> pixels = {255, 0, 0, 255, 0, 0, 0, 0};
  const std::string bytes = png(2, 1, pixels);
  EXPECT_EQ(bytes.substr(0, 8), "\x89PNG\r\n\x1a\n");
  EXPECT_EQ(bytes.substr(12, 4), "IHDR");
  EXPECT_EQ(bytes[19], 2);
  EXPECT_EQ(bytes[23], 1);
  // The checksum that every PNG file ends in.
  EXPECT_EQ(bytes.substr(bytes.size() - 8), "IEND\xae\x42\x60\x82");
}

TEST(HeatTest, ColoursGrowInLightness) {
  // Relative luminance of Rec. 709, near enough on the encoded values for an order.
  const auto lightness = [](double share) {
    const auto colour = heat_colour(share);
    return 0.2126 * colour[0] + 0.7152 * colour[1] + 0.0722 * colour[2];
  };
  for (int i = 0; i < 50; ++i) EXPECT_LT(lightness(i / 50.0), lightness((i + 1) / 50.0)) << i;
}

}  // namespace
}  // namespace gmmvae
