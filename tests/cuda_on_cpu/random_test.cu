// The cuRAND stand-in against the project's own Philox, which has frozen vectors of its own.
#include <curand_kernel.h>
#include <gtest/gtest.h>

#include "gmmvae/random.hpp"
#include "tests/cuda_on_cpu/curand/toolkit_philox.hpp"
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

/// Random triples, and offsets around the carries of the counter.
TEST_F(Random, TheStandInIsTheToolkitsCurand) {
  std::uint32_t expected[8];
  if (!test::toolkit_philox(1, 2, 3, expected)) GTEST_SKIP() << "no curand_kernel.h of a CUDA toolkit here";
  const RandomStream stream(7, Purpose::evaluation);
  const auto word = [&](std::uint64_t i) {
    return static_cast<std::uint64_t>(stream.uniform(i) * 18446744073709551616.0);
  };
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const std::uint64_t seed = word(3 * i);
    const std::uint64_t subsequence = word(3 * i + 1);
    std::uint64_t offset = word(3 * i + 2);
    if (i % 3 == 1) offset = (std::uint64_t{1} << (i % 62)) - i % 5;
    ASSERT_TRUE(test::toolkit_philox(seed, subsequence, offset, expected));
    curandStatePhilox4_32_10_t state;
    curand_init(seed, subsequence, offset, &state);
    for (int half = 0; half < 2; ++half) {
      const uint4 got = curand4(&state);
      const std::uint32_t* four = expected + 4 * half;
      ASSERT_TRUE(got.x == four[0] && got.y == four[1] && got.z == four[2] && got.w == four[3])
          << "seed " << seed << " subsequence " << subsequence << " offset " << offset;
    }
  }
}

}  // namespace
}  // namespace gmmvae
