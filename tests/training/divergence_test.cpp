// A training that runs into NaN, Inf or an exploding loss ends within the epoch in the last good epoch's
// state.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/backends.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class DivergenceTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(DivergenceTest);

bool finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

void expect_last_good_epoch(Backend& backend, TrainingJob& job, TrainingJob& reference) {
  train(backend, job);
  const TrainingState& state = job.state;
  ASSERT_EQ(state.status, TrainingStatus::diverged);
  ASSERT_LT(state.epoch, job.config.epochs);
  EXPECT_EQ(state.history.epochs(), state.epoch);
  EXPECT_TRUE(finite(state.parameters));
  EXPECT_TRUE(finite(state.first_moment));
  EXPECT_TRUE(finite(state.second_moment));
  for (const double value : state.history.values()) EXPECT_TRUE(std::isfinite(value));
  if (state.epoch > 0) train(backend, reference, state.epoch);
  reference.state.status = TrainingStatus::diverged;
  expect_identical(reference.state, state, "last good epoch");
}

TEST_P(DivergenceTest, AnAbsurdLearningRate) {
  TrainingConfig config;
  config.epochs = 50;
  for (const double learning_rate : {1e6, 1e30}) {
    config.learning_rate = learning_rate;
    OwnedJob owned(300, {.data_dim = 3}, {}, config, 0, 20);
    OwnedJob reference(300, {.data_dim = 3}, {}, config, 0, 20);
    expect_last_good_epoch(backend(), owned.job, reference.job);
  }
}

/// One whole-data step of Adam changes nothing that its own epoch reports, so the first epoch is always good:
/// the state has to be brought back to it, with the best epoch that patience remembers.
TEST_P(DivergenceTest, AfterGoodEpochs) {
  TrainingConfig config;
  config.epochs = 50;
  config.batch = 300;
  config.learning_rate = 1.0;
  for (const std::size_t patience : {0, 10}) {
    config.patience = patience;
    OwnedJob owned(300, {.data_dim = 3}, {}, config, 0, 20);
    OwnedJob reference(300, {.data_dim = 3}, {}, config, 0, 20);
    expect_last_good_epoch(backend(), owned.job, reference.job);
    EXPECT_GE(owned.job.state.epoch, 1U);
    EXPECT_EQ(owned.job.state.best_parameters.empty(), patience == 0);
  }
}

TEST_P(DivergenceTest, ParametersThatAreNotNumbers) {
  for (const float poison :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    OwnedJob owned(300, {.data_dim = 3}, {}, {});
    train(backend(), owned.job, 2);
    owned.job.state.parameters[5] = poison;
    const TrainingState before = owned.job.state;
    train(backend(), owned.job);
    EXPECT_EQ(owned.job.state.status, TrainingStatus::diverged);
    EXPECT_EQ(owned.job.state.epoch, 2U);
    EXPECT_EQ(owned.job.state.history.values().size(), before.history.values().size());
  }
}

/// One sick job in a call does not touch the healthy ones.
TEST_P(DivergenceTest, OthersGoOn) {
  TrainingConfig config;
  config.epochs = 5;
  OwnedJob healthy(100, {.data_dim = 3}, {}, config);
  OwnedJob alone(100, {.data_dim = 3}, {}, config);
  config.learning_rate = 1e30;
  OwnedJob sick(100, {.data_dim = 3}, {}, config);
  std::vector<TrainingJob> jobs = {sick.job, healthy.job};
  backend().train(jobs, {});
  train(backend(), alone.job);
  EXPECT_EQ(jobs[0].state.status, TrainingStatus::diverged);
  EXPECT_EQ(jobs[1].state.status, TrainingStatus::finished);
  expect_identical(alone.job.state, jobs[1].state, "healthy job");
}

}  // namespace
}  // namespace gmmvae::test
