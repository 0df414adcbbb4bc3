// The cuRAND stand-in against the project's own Philox, which has frozen vectors of its own.
#include <curand_kernel.h>
#include <gtest/gtest.h>

#include "gmmvae/random.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"

namespace gmmvae {
namespace {

using test::Buffer;
class Random : public test::EmulatorTest {};

__global__ void draw(unsigned long long seed, unsigned long long subsequence, unsigned long long offset,
                     uint4* out) {
  curandStatePhilox4_32_10_t state;
  curand_init(seed, subsequence, offset, &state);
  out[0] = curand4(&state);
  out[1] = curand4(&state);
}

std::array<uint4, 2> drawn(unsigned long long seed, unsigned long long subsequence,
                           unsigned long long offset) {
  Buffer<uint4> out({{}, {}});
  launch(draw, 1, 1, 0, nullptr, seed, subsequence, offset, out.data());
  const std::vector<uint4> words = out.host();
  return {words[0], words[1]};
}

TEST_F(Random, BlocksAreTheProjectsPhilox) {
  const unsigned long long seed = 0x123456789abcdefull;
  for (std::uint32_t step : {0u, 1u, 77u}) {
    for (std::uint32_t block : {0u, 5u, 0xffffffffu}) {
      const auto expected = philox(seed, Purpose::training_noise, 9, step, block);
      const auto purpose = static_cast<unsigned long long>(Purpose::training_noise);
      const uint4 got =
          drawn(seed, purpose << 32 | 9, 4 * (static_cast<unsigned long long>(step) << 32 | block))[0];
      EXPECT_EQ(expected, (std::array<std::uint32_t, 4>{got.x, got.y, got.z, got.w}));
    }
  }
}

TEST_F(Random, OffsetsInsideABlockShiftTheWords) {
  const auto whole = drawn(42, 3, 8);
  const auto shifted = drawn(42, 3, 10);
  EXPECT_EQ(shifted[0].x, whole[0].z);
  EXPECT_EQ(shifted[0].y, whole[0].w);
  EXPECT_EQ(shifted[0].z, whole[1].x);
  EXPECT_EQ(shifted[0].w, whole[1].y);
}

}  // namespace
}  // namespace gmmvae
