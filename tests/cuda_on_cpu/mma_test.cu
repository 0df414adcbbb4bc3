// The register layout of mma.sync m16n8k8 (TF32) and m16n8k16 (bf16), element by element, against the tables
// of the PTX ISA, and the products against a plain triple loop.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "tests/cuda_on_cpu/mma_kernels.cuh"
#include "tests/cuda_on_cpu/test_device.hpp"

namespace gmmvae {
namespace {

using test::Buffer;
using test::convert;
using test::multiply;
using Words = std::vector<std::uint32_t>;
class Mma : public test::EmulatorTest {};

struct Place {
  int row, column;
};

// PTX ISA 8.x, 9.7.14.5: groupID = lane >> 2, threadID_in_group = lane % 4; element i of the fragment.
Place place_c(int lane, int i) {
  return {i < 2 ? lane >> 2 : (lane >> 2) + 8, lane % 4 * 2 + (i & 1)};
}
Place place_a_tf32(int lane, int i) {
  return {i == 0 || i == 2 ? lane >> 2 : (lane >> 2) + 8, i < 2 ? lane % 4 : lane % 4 + 4};
}
Place place_b_tf32(int lane, int i) {
  return {i == 0 ? lane % 4 : lane % 4 + 4, lane >> 2};
}
Place place_a_bf16(int lane, int i) {
  const int row = i < 2 || (4 <= i && i < 6) ? lane >> 2 : (lane >> 2) + 8;
  return {row, i < 4 ? lane % 4 * 2 + (i & 1) : lane % 4 * 2 + (i & 1) + 8};
}
Place place_b_bf16(int lane, int i) {
  return {i < 2 ? lane % 4 * 2 + (i & 1) : lane % 4 * 2 + (i & 1) + 8, lane >> 2};
}

constexpr float bf16_one = 1.f;
std::uint32_t bits(float value) {
  return emu::bit_copy<std::uint32_t>(value);
}

// Puts element i of a lane's fragment into its words: one a word in TF32, two in bf16.
void put(Words& words, int per_lane, int lane, int i, float value, bool bf16) {
  if (!bf16) {
    words[per_lane * lane + i] = bits(value);
    return;
  }
  std::uint32_t& word = words[per_lane * lane + i / 2];
  word = i % 2 ? (word & 0xffffu) | (bits(value) & 0xffff0000u) : (word & 0xffff0000u) | bits(value) >> 16;
}

std::vector<float> run(const Words& a, const Words& b, const std::vector<float>& c, bool bf16) {
  Buffer<std::uint32_t> device_a(a), device_b(b);
  Buffer<float> device_c(c);
  launch(multiply, 1, 32, 0, nullptr, device_a.data(), device_b.data(), device_c.data(), bf16);
  return device_c.host();
}

// Each element of A alone set to 1, against a B whose elements all differ (8 k + n + 1, exact in bf16 up to
// 128): row r of D must be row k of B and nothing else, so the place of that element and of all of B and D
// are known exactly.
void check_every_place(bool bf16) {
  const int depth = bf16 ? 16 : 8;
  const int elements = bf16 ? 8 : 4;
  Words b(64, 0);
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < elements / 2; ++i) {
      const Place p = bf16 ? place_b_bf16(lane, i) : place_b_tf32(lane, i);
      put(b, 2, lane, i, static_cast<float>(8 * p.row + p.column + 1), bf16);
    }
  }
  int seen = 0;
  for (int lane = 0; lane < 32; ++lane) {
    for (int i = 0; i < elements; ++i) {
      Words a(128, 0);
      put(a, 4, lane, i, bf16_one, bf16);
      const Place p = bf16 ? place_a_bf16(lane, i) : place_a_tf32(lane, i);
      const std::vector<float> d = run(a, b, std::vector<float>(128, 0.f), bf16);
      for (int k = 0; k < 128; ++k) {
        const Place q = place_c(k / 4, k % 4);
        const float expected = q.row == p.row ? static_cast<float>(8 * p.column + q.column + 1) : 0.f;
        ASSERT_EQ(d[k], expected) << "a[" << i << "] of lane " << lane << ", c[" << k % 4 << "] of lane "
                                  << k / 4;
      }
      ++seen;
    }
  }
  EXPECT_EQ(seen, 16 * depth);
}

TEST_F(Mma, Tf32LayoutIsThePtxIsas) {
  check_every_place(false);
}
TEST_F(Mma, Bf16LayoutIsThePtxIsas) {
  check_every_place(true);
}

TEST_F(Mma, ProductsAgreeWithALoopInDouble) {
  in_every_order([] {
    for (bool bf16 : {false, true}) {
      const int depth = bf16 ? 16 : 8;
      const int elements = bf16 ? 8 : 4;
      std::array<std::array<double, 16>, 16> a{}, b{};
      Words fragment_a(128, 0), fragment_b(64, 0);
      std::vector<float> c(128);
      const auto value = [](int i) {
        return static_cast<float>((i * 37 + 11) % 64 - 31) / 16;
      };  // exact in bf16
      for (int lane = 0; lane < 32; ++lane) {
        for (int i = 0; i < elements; ++i) {
          const Place p = bf16 ? place_a_bf16(lane, i) : place_a_tf32(lane, i);
          a[p.row][p.column] = value(16 * p.row + p.column);
          put(fragment_a, 4, lane, i, value(16 * p.row + p.column), bf16);
        }
        for (int i = 0; i < elements / 2; ++i) {
          const Place p = bf16 ? place_b_bf16(lane, i) : place_b_tf32(lane, i);
          b[p.row][p.column] = value(500 + 8 * p.row + p.column);
          put(fragment_b, 2, lane, i, value(500 + 8 * p.row + p.column), bf16);
        }
        for (int i = 0; i < 4; ++i) c[4 * lane + i] = 0.1f * static_cast<float>(lane - i);
      }
      const std::vector<float> d = run(fragment_a, fragment_b, c, bf16);
      for (int k = 0; k < 128; ++k) {
        const Place p = place_c(k / 4, k % 4);
        double sum = c[k], size = std::fabs(c[k]);
        for (int j = 0; j < depth; ++j) {
          sum += a[p.row][j] * b[j][p.column];
          size += std::fabs(a[p.row][j] * b[j][p.column]);
        }
        EXPECT_NEAR(d[k], sum, std::ldexp(size, -22));  // the bound that mma.cuh states
      }
    }
  });
}

TEST_F(Mma, RoundsToTf32AndBf16) {
  std::vector<float> in(64, 0.f);
  in[0] = 1.f + 0x1p-11f;  // half way between two TF32 numbers: away from zero
  in[1] = -1.f - 0x1p-11f;
  in[2] = 1.f + 0x1p-12f;  // less than half
  in[3] = 1.f + 0x1p-8f;   // half way between two bf16 numbers: to the even one, 1
  in[4] = 1.f + 0x3p-8f;   // half way, the even one is above
  in[36] = -2.f;           // the high half of pair 4
  in[5] = INFINITY;
  Buffer<float> device_in(in);
  Buffer<std::uint32_t> out(Words(64, 0));
  launch(convert, 1, 32, 0, nullptr, device_in.data(), out.data());
  const Words words = out.host();
  EXPECT_EQ(words[0], bits(1.f + 0x1p-10f));
  EXPECT_EQ(words[1], bits(-1.f - 0x1p-10f));
  EXPECT_EQ(words[2], bits(1.f));
  EXPECT_EQ(words[5], bits(INFINITY));
  EXPECT_EQ(words[32 + 3], 0x3f80u);
  EXPECT_EQ(words[32 + 4], 0xc0003f82u);
  EXPECT_EQ(words[32 + 5], 0x7f80u);
}

}  // namespace
}  // namespace gmmvae
