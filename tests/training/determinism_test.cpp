// Same seed, same bytes: whatever the threads, the company and the slices.
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <vector>

#include "tests/support/backends.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class DeterminismTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(DeterminismTest);

TrainingConfig short_training() {
  TrainingConfig config;
  config.epochs = 7;
  config.batch = 48;
  config.schedule = LearningRateSchedule::cosine;
  config.patience = 100;
  return config;
}

/// Seven models that differ in shape, data, objective and index.
std::deque<OwnedJob> company() {
  std::deque<OwnedJob> jobs;
  const auto objectives = all_objectives();
  for (std::uint32_t m = 0; m < 7; ++m) {
    const Architecture architecture = {.data_dim = 2 + m % 3,
                                       .latent = 1 + m % 4,
                                       .encoder_hidden = {16 + 5 * m, 16},
                                       .decoder_hidden = {33},
                                       .activation = all_activations[m]};
    jobs.emplace_back(90 + 10 * m, architecture, objectives[m % objectives.size()], short_training(), m, 30);
  }
  return jobs;
}

void train_together(Backend& backend, std::deque<OwnedJob>& owned) {
  std::vector<TrainingJob> jobs;
  for (OwnedJob& one : owned) jobs.push_back(one.job);
  backend.train(jobs, {});
  for (std::size_t i = 0; i < jobs.size(); ++i) owned[i].job.state = jobs[i].state;
}

TEST_P(DeterminismTest, OneAndTwoThreadsAndAloneOrAmongOthers) {
  auto one_thread = company();
  auto two_threads = company();
  auto alone = company();
  train_together(backend(), one_thread);
  const auto parallel = open(2);
  train_together(*parallel, two_threads);
  for (OwnedJob& owned : alone) train(backend(), owned.job);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    ASSERT_EQ(alone[i].job.state.history.epochs(), 7U);
    expect_identical(one_thread[i].job.state, two_threads[i].job.state,
                     "2 threads, job " + std::to_string(i));
    expect_identical(one_thread[i].job.state, alone[i].job.state, "alone, job " + std::to_string(i));
  }
}

TEST_P(DeterminismTest, SlicesOfEpochsEqualOneCall) {
  auto whole = company();
  auto sliced = company();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    train(backend(), whole[i].job);
    EXPECT_EQ(whole[i].job.state.status, TrainingStatus::finished);
    for (const std::uint64_t epochs : {1, 3, 2}) train(backend(), sliced[i].job, epochs);
    EXPECT_EQ(sliced[i].job.state.epoch, 6U);
    EXPECT_EQ(sliced[i].job.state.status, TrainingStatus::running);
    const auto fresh = open(1);  // another process would find nothing but the state
    train(*fresh, sliced[i].job, 5);
    expect_identical(whole[i].job.state, sliced[i].job.state, "job " + std::to_string(i));
  }
}

TEST_P(DeterminismTest, AFinishedJobStaysAsItIs) {
  OwnedJob owned(50, {.data_dim = 3}, {}, short_training());
  train(backend(), owned.job);
  const TrainingState finished = owned.job.state;
  train(backend(), owned.job);
  expect_identical(finished, owned.job.state, "second call");
}

TEST_P(DeterminismTest, StopsAfterTheEpochUnderWay) {
  OwnedJob stopped(50, {.data_dim = 3}, {}, short_training());
  OwnedJob reference(50, {.data_dim = 3}, {}, short_training());
  std::uint64_t epochs = 0;
  TrainingControl control;
  control.on_epochs = [&](std::uint64_t count) { epochs += count; };
  control.should_stop = [&] { return epochs >= 2; };
  backend().train(std::span(&stopped.job, 1), control);
  EXPECT_EQ(stopped.job.state.status, TrainingStatus::running);
  EXPECT_EQ(stopped.job.state.epoch, epochs);
  ASSERT_GE(epochs, 2U);
  ASSERT_LT(epochs, 7U);
  train(backend(), reference.job, epochs);
  expect_identical(reference.job.state, stopped.job.state, "stopped");
}

TEST_P(DeterminismTest, SeedAndModelIndexMatter) {
  TrainingConfig other_seed = short_training();
  other_seed.seed = 2;
  OwnedJob a(50, {.data_dim = 3}, {}, short_training(), 0);
  OwnedJob b(50, {.data_dim = 3}, {}, short_training(), 1);
  OwnedJob c(50, {.data_dim = 3}, {}, other_seed, 0);
  b.job.state.parameters = c.job.state.parameters =
      a.job.state.parameters;  // only order and noise may differ
  for (OwnedJob* owned : {&a, &b, &c}) train(backend(), owned->job);
  EXPECT_NE(a.job.state.parameters, b.job.state.parameters);
  EXPECT_NE(a.job.state.parameters, c.job.state.parameters);
}

}  // namespace
}  // namespace gmmvae::test
