// Early stopping on the held-out points' ELBO.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/backends.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class PatienceTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(PatienceTest);

/// 20 training points and a wide model: it overfits within the epochs given, so the held-out ELBO turns.
TrainingConfig overfitting(std::size_t patience) {
  TrainingConfig config;
  config.epochs = 2000;
  config.learning_rate = 1e-2;
  config.patience = patience;
  return config;
}

TEST_P(PatienceTest, StopsAfterThatManyEpochsWithoutABetterOne) {
  const std::size_t patience = 15;
  OwnedJob owned(20, {.data_dim = 3}, {}, overfitting(patience), 0, 40);
  train(backend(), owned.job);
  const TrainingState& state = owned.job.state;
  ASSERT_EQ(state.status, TrainingStatus::stopped_early);
  ASSERT_LT(state.epoch, 2000U);
  EXPECT_EQ(state.history.epochs(), state.epoch);

  std::size_t best = 0;
  for (std::size_t epoch = 1; epoch < state.history.epochs(); ++epoch)
    if (state.history.elbo_validation(epoch) > state.history.elbo_validation(best)) best = epoch;
  EXPECT_EQ(state.best_epoch, best + 1) << "epochs are counted from 1: `epoch` is how many were done";
  EXPECT_EQ(state.epoch, state.best_epoch + patience);

  OwnedJob until_best(20, {.data_dim = 3}, {}, overfitting(patience), 0, 40);
  train(backend(), until_best.job, state.best_epoch);
  EXPECT_EQ(state.best_parameters, until_best.job.state.parameters);
}

TEST_P(PatienceTest, WithoutPatienceNothingStopsIt) {
  TrainingConfig config = overfitting(0);
  config.epochs = 200;
  OwnedJob owned(20, {.data_dim = 3}, {}, config, 0, 40);
  train(backend(), owned.job);
  EXPECT_EQ(owned.job.state.status, TrainingStatus::finished);
  EXPECT_EQ(owned.job.state.epoch, 200U);
}

}  // namespace
}  // namespace gmmvae::test
