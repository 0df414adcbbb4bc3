// Each instruction set that this processor has against references that share no code with it, and against the
// others.
#include "host/cpu/instruction_sets.hpp"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <numbers>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/cpu/workspace.hpp"

namespace gmmvae::cpu {
namespace {

/// GMMVAE_ISA for the life of the object.
class ChosenSet {
 public:
  explicit ChosenSet(const std::string& name) {
    if (const char* old = std::getenv("GMMVAE_ISA")) old_ = old;
    setenv("GMMVAE_ISA", name.c_str(), 1);
  }
  ~ChosenSet() { old_.empty() ? unsetenv("GMMVAE_ISA") : setenv("GMMVAE_ISA", old_.c_str(), 1); }
  ChosenSet(const ChosenSet&) = delete;
  ChosenSet& operator=(const ChosenSet&) = delete;

 private:
  std::string old_;
};

class InstructionSetTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    chosen_ = std::make_unique<ChosenSet>(GetParam());
    try {
      set_ = choose_instruction_set();
    } catch (const DeviceError&) {
      GTEST_SKIP() << "this processor has no " << GetParam();
    }
  }
  std::unique_ptr<ChosenSet> chosen_;
  InstructionSet set_{};
};

INSTANTIATE_TEST_SUITE_P(Sets, InstructionSetTest, testing::Values("baseline", "avx2", "avx512"),
                         [](const auto& parameter) { return std::string(parameter.param); });

TEST_P(InstructionSetTest, NoiseIsBoxMullerOfThePhiloxWords) {
  Architecture shape;
  shape.data_dim = 3;
  shape.latent = 3;  // 3 numbers a sample: blocks of four straddle samples
  constexpr std::size_t batch = 37;
  constexpr std::uint64_t first = 111;  // in the middle of a block
  Workspace<float> workspace(shape, {}, batch, set_.single.lanes, Workspace<float>::Mode::use);
  const ModelPlan<float>& plan = workspace.plan();
  const NoiseKey key{0x123456789abcdefULL, static_cast<std::uint32_t>(Purpose::training_noise), 5, 77};
  set_.single.fill_noise(plan, key, first, batch);
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t j = 0; j < shape.latent; ++j) {
      const std::uint64_t element = first + b * shape.latent + j;
      const auto words =
          philox(key.seed, Purpose::training_noise, 5, 77, static_cast<std::uint32_t>(element / 4));
      const std::size_t pair = element % 4 / 2;
      // the uniforms are floats by definition of the stream; what follows is exact here
      const double u0 = static_cast<float>(words[2 * pair]) * 0x1p-32f + 0x1p-33f;
      const double u1 = static_cast<float>(words[2 * pair + 1]) * 0x1p-32f + 0x1p-33f;
      const double radius = std::sqrt(-2.0 * std::log(u0));
      const double angle = 2.0 * std::numbers::pi * u1;
      const double expected = radius * (element % 2 == 0 ? std::cos(angle) : std::sin(angle));
      // four roundings in the radius and two in the turn, relative to the radius
      const float got = plan.noise[j * static_cast<std::size_t>(plan.batch_stride) + b];
      EXPECT_NEAR(got, expected, 6 * 0x1p-24 * (radius + 1e-3)) << "sample " << b << ", dimension " << j;
    }
  }
}

TEST_P(InstructionSetTest, PermutationIsTheKeyedOne) {
  for (const std::uint32_t size : {1u, 2u, 15u, 16u, 17u, 255u, 257u, 1000u, 5000u}) {
    const KeyedPermutation permutation(size, 99, Purpose::shuffle, 3, size);
    std::vector<std::uint32_t> order(size);
    set_.permute(permutation.keys().data(), keyed_permutation::halves_of(size), size, order.data());
    for (std::uint32_t i = 0; i < size; ++i)
      ASSERT_EQ(order[i], permutation(i)) << "size " << size << ", place " << i;
  }
}

TEST_P(InstructionSetTest, GradientsAreThoseOfTheBaselineInDouble) {
  // every combination of narrow and wide neighbours for vectors of 4, 8 and 16 numbers
  const std::vector<std::vector<std::size_t>> hiddens = {{}, {3}, {17, 5}, {40, 2, 70}, {130}};
  for (const std::vector<std::size_t>& hidden : hiddens) {
    for (const std::size_t latent : {std::size_t{1}, std::size_t{2}, std::size_t{9}}) {
      Architecture shape;
      shape.data_dim = latent + 2;
      shape.latent = latent;
      shape.encoder_hidden = hidden;
      shape.decoder_hidden = hidden;
      shape.activation = Activation::gelu;
      const Objective objective;
      const std::vector<float> start = initial_parameters(shape, objective, Initialization::linear, 3, 0);
      const std::vector<double> parameters(start.begin(), start.end());
      constexpr std::size_t batch = 23;
      Matrix<double> x(batch, shape.data_dim);
      Matrix<double> noise(batch, latent);
      const RandomStream random(8, Purpose::evaluation);
      for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = random.normal(i);
      for (std::size_t i = 0; i < noise.size(); ++i) noise.data()[i] = random.normal(1000 + i);
      const auto gradient = [&](const char* name, Precision precision) {
        const ChosenSet chosen(name);
        return make_cpu_backend(1)->loss_gradient(shape, objective, parameters, x, noise, 0.0, precision);
      };
      const LossGradient exact = gradient("baseline", Precision::double_);
      const LossGradient in_double = gradient(GetParam(), Precision::double_);
      const LossGradient in_single = gradient(GetParam(), Precision::single);
      double norm = 0.0;
      for (const double g : exact.gradient) norm += g * g;
      norm = std::sqrt(norm);
      for (std::size_t i = 0; i < exact.gradient.size(); ++i) {
        ASSERT_NEAR(in_double.gradient[i], exact.gradient[i], 1e-13 * norm) << i;
        // a chain of at most 8 layers, each a sum of up to 130 terms: some 30 roundings survive, at random
        // signs
        ASSERT_NEAR(in_single.gradient[i], exact.gradient[i], 30 * 0x1p-24 * norm) << i;
      }
      EXPECT_NEAR(in_single.loss, exact.loss, 30 * 0x1p-24 * std::abs(exact.loss));
    }
  }
}

TEST(InstructionSetChoice, UnknownNameIsAUsageError) {
  const ChosenSet chosen("avx1024");
  EXPECT_THROW(choose_instruction_set(), UsageError);
}

}  // namespace
}  // namespace gmmvae::cpu
