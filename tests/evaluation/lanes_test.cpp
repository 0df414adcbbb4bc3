#include "host/parallel/lanes.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace gmmvae {
namespace {

TEST(Lanes, ExponentialsKeepTheirStatedError) {
  for (double x = -86.9; x < 88.0; x += 0.0371) {
    Lanes values = Lanes{} + static_cast<float>(x);
    const double expected = std::exp(static_cast<double>(values[3]));
    exponential(values);
    EXPECT_NEAR(values[3], expected, 2e-7 * expected) << x;
  }
  for (double x = -707.9; x < 709.0; x += 0.371) {
    DoubleLanes values = DoubleLanes{} + x;
    exponential(values);
    EXPECT_NEAR(values[5], std::exp(x), 1e-15 * std::exp(x)) << x;
  }
  Lanes far = Lanes{} - 1e30f;
  exponential(far);
  EXPECT_EQ(far[0], 0.0f);
  DoubleLanes ends = {-1e9, 0.0};
  exponential(ends);
  EXPECT_EQ(ends[0], 0.0);
  EXPECT_EQ(ends[1], 1.0);
}

TEST(Lanes, BlocksRepeatTheLastPoint) {
  Matrix<float> x(18, 2);
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(i);
  const LaneBlocks blocks(x);
  EXPECT_EQ(blocks.blocks(), 2u);
  EXPECT_EQ(blocks.filled(0), 16u);
  EXPECT_EQ(blocks.filled(1), 2u);
  EXPECT_EQ(blocks.block(0)[16 + 5], x(5, 1));
  EXPECT_EQ(blocks.block(1)[1], x(17, 0));
  EXPECT_EQ(blocks.block(1)[15], x(17, 0));
}

}  // namespace
}  // namespace gmmvae
