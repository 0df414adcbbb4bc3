#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "gmmvae/training.hpp"

namespace gmmvae {
namespace {

/// PyTorch's ConstantLR(factor 1), CosineAnnealingLR(T_max = steps) and LinearLR(1 -> 0, steps), stepped
/// every batch.
TEST(LearningRateSchedule, FollowsItsFormula) {
  TrainingConfig config;
  config.learning_rate = 3e-3;
  constexpr std::uint64_t steps = 1100;
  for (std::uint64_t step = 0; step < steps; ++step) {
    const double progress = static_cast<double>(step) / steps;
    config.schedule = LearningRateSchedule::constant;
    EXPECT_DOUBLE_EQ(learning_rate_at(config, step, steps), 3e-3);
    config.schedule = LearningRateSchedule::cosine;
    EXPECT_NEAR(learning_rate_at(config, step, steps),
                3e-3 * 0.5 * (1 + std::cos(std::numbers::pi * progress)), 1e-17);
    config.schedule = LearningRateSchedule::linear;
    EXPECT_NEAR(learning_rate_at(config, step, steps), 3e-3 * (1 - progress), 1e-17);
  }
}

/// It starts at the full rate, never rises, and a training of one step still learns.
TEST(LearningRateSchedule, StartsFullAndNeverRises) {
  TrainingConfig config;
  for (const auto schedule :
       {LearningRateSchedule::constant, LearningRateSchedule::cosine, LearningRateSchedule::linear}) {
    config.schedule = schedule;
    EXPECT_DOUBLE_EQ(learning_rate_at(config, 0, 1), config.learning_rate);
    for (std::uint64_t step = 1; step < 10; ++step) {
      EXPECT_LE(learning_rate_at(config, step, 10), learning_rate_at(config, step - 1, 10));
      EXPECT_GT(learning_rate_at(config, step, 10), 0.0);
    }
  }
}

}  // namespace
}  // namespace gmmvae
