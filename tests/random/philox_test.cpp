#include <gtest/gtest.h>

#include <array>

#include "gmmvae/random.hpp"

namespace gmmvae {
namespace {

using Words = std::array<std::uint32_t, 4>;

/// One line of Random123's published known answers (its examples/kat_vectors, "philox4x32 10").
struct KnownAnswer {
  Words counter;
  std::array<std::uint32_t, 2> key;
  Words output;
};

constexpr std::array<KnownAnswer, 3> known_answers = {{
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
}};

// The distinct words of the third vector fix the place of every argument in key and counter.
TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  for (const KnownAnswer& known : known_answers) {
    const std::uint64_t seed = (std::uint64_t{known.key[1]} << 32) | known.key[0];
    const auto [block, step, model, purpose] = known.counter;
    EXPECT_EQ(philox(seed, static_cast<Purpose>(purpose), model, step, block), known.output);
  }
}

/// Philox4x32-10 as the paper writes it (Salmon et al., SC 2011, section 3.3), without Random123.
Words philox_by_the_paper(Words counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t even = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t odd = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(odd >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(odd),
               static_cast<std::uint32_t>(even >> 32) ^ counter[3] ^ key[1],
               static_cast<std::uint32_t>(even)};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
}

TEST(Philox, IsThePaperAtManyCounters) {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const std::uint64_t seed = 0x9e3779b97f4a7c15ULL * i;
    const Words counter = {i * 7919U, i * 104729U, i % 5, 1};
    EXPECT_EQ(philox(seed, Purpose::training_noise, counter[2], counter[1], counter[0]),
              philox_by_the_paper(
                  counter, {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}));
  }
}

}  // namespace
}  // namespace gmmvae
