// The tiled trainer against the streamed one: the same epochs, summed in another order.
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "kernels/runtime/stream.hpp"
#include "kernels/training/trainers.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"
#include "tests/training/support.hpp"

namespace gmmvae {
namespace {

class Tiled : public test::EmulatorTest {};

TrainingConfig short_training() {
  TrainingConfig config;
  config.epochs = 3;
  config.batch = 30;
  config.schedule = LearningRateSchedule::linear;
  config.patience = 2;
  return config;
}

void train(TrainingJob& job, cuda::Placement placement, std::uint64_t epochs_a_launch,
           cuda::Products products = cuda::Products::own) {
  const Stream stream;
  cuda::ModelTrainer trainer(std::span(&job, 1), stream.get(), placement, products);
  while (trainer.running() > 0) {
    trainer.launch(epochs_a_launch);
    trainer.collect();
  }
  trainer.download();
}

/// Adam's first steps are the learning rate in the gradient's direction whatever its size, so a gradient near
/// zero may turn by rounding: after n steps parameters may differ by a small part of n learning rates, but
/// their losses hardly.
void expect_alike(const TrainingJob& a, const TrainingJob& b, const TrainingConfig& config, int steps) {
  ASSERT_EQ(a.state.epoch, b.state.epoch);
  ASSERT_EQ(a.state.status, b.state.status);
  EXPECT_EQ(a.state.best_epoch, b.state.best_epoch);
  for (std::size_t epoch = 0; epoch < a.state.history.epochs(); ++epoch) {
    const auto x = a.state.history.row(epoch);
    const auto y = b.state.history.row(epoch);
    for (std::size_t c = 0; c < x.size(); ++c)
      EXPECT_NEAR(x[c], y[c], 2e-5 * (1 + std::abs(x[c]))) << "epoch " << epoch + 1 << " column " << c;
  }
  double worst = 0;
  for (std::size_t i = 0; i < a.state.parameters.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(a.state.parameters[i] - b.state.parameters[i])));
  EXPECT_LT(worst, 0.05 * config.learning_rate * steps);
}

/// One model four ways: fused, resident, tiled with the own products, tiled with a library's. Batches of 70,
/// more than the rows of a tile, and a last one of 15; held-out points in batches of 70 and 3.
TEST_F(Tiled, AllTrainersTrainOneModelAlike) {
  TrainingConfig config = short_training();
  config.batch = 70;
  constexpr int steps = 6;
  for (const Activation activation : {Activation::relu, Activation::identity}) {
    const Architecture architecture = {.data_dim = 3,
                                       .latent = 2,
                                       .encoder_hidden = {64, 64},
                                       .decoder_hidden = {64, 64},
                                       .activation = activation};
    test::OwnedJob resident(85, architecture, {}, config, 2, 73);
    train(resident.job, cuda::Placement::resident, 3);
    for (const cuda::Placement placement : {cuda::Placement::fused, cuda::Placement::tiled}) {
      if (placement == cuda::Placement::fused && activation != Activation::relu) continue;
      test::OwnedJob other(85, architecture, {}, config, 2, 73);
      train(other.job, placement, 3);
      expect_alike(resident.job, other.job, config, steps);
    }
    test::OwnedJob library(85, architecture, {}, config, 2, 73);
    train(library.job, cuda::Placement::tiled, 3, cuda::Products::library);
    expect_alike(resident.job, library.job, config, steps);
    if (activation != Activation::relu) continue;
    test::OwnedJob sliced(85, architecture, {}, config, 2, 73);
    train(sliced.job, cuda::Placement::tiled, 1, cuda::Products::library);
    test::expect_identical(library.job.state, sliced.job.state, "slices");
  }
}

/// Batches of 30 and 15, held-out points in batches of 30 and 3; a layer of 70 has more columns than a tile.
TEST_F(Tiled, TrainsAsTheStreamedTrainerDoes) {
  constexpr int steps = 4;
  std::size_t turn = 0;
  for (const Objective& objective : test::all_objectives()) {
    SCOPED_TRACE("objective " + std::to_string(turn));
    TrainingConfig config = short_training();
    config.epochs = 2;
    const Architecture architecture = {.data_dim = 3,
                                       .latent = 1 + turn % 3,
                                       .encoder_hidden = {70, 9},
                                       .decoder_hidden = {33},
                                       .activation = test::all_activations[turn % 7],
                                       .posterior_variance = test::all_heads[turn % 2]};
    test::OwnedJob streamed(45, architecture, objective, config, 2, 33);
    test::OwnedJob tiled(45, architecture, objective, config, 2, 33);
    train(streamed.job, cuda::Placement::streamed, 2);
    train(tiled.job, cuda::Placement::tiled, 2);
    expect_alike(streamed.job, tiled.job, config, steps);
    test::OwnedJob library(45, architecture, objective, config, 2, 33);
    train(library.job, cuda::Placement::tiled, 2, cuda::Products::library);
    expect_alike(streamed.job, library.job, config, steps);
    if (turn++ % 2 == 0) continue;
    test::OwnedJob sliced(45, architecture, objective, config, 2, 33);
    train(sliced.job, cuda::Placement::tiled, 1);
    test::expect_identical(tiled.job.state, sliced.job.state, "slices");
  }
}

TEST_F(Tiled, DivergesToTheLastGoodEpoch) {
  TrainingConfig config = short_training();
  config.patience = 0;
  config.batch = 100;
  config.learning_rate = 1e30;
  test::OwnedJob diverged(100, {.data_dim = 3}, {}, config);
  train(diverged.job, cuda::Placement::tiled, 3);
  ASSERT_EQ(diverged.job.state.status, TrainingStatus::diverged);
  ASSERT_EQ(diverged.job.state.epoch, 1U) << "the first epoch reports what was before its only step";
  for (const float p : diverged.job.state.parameters) ASSERT_TRUE(std::isfinite(p));
}

TEST_F(Tiled, IsChosenForLargeLayersOnly) {
  const cuda::DeviceLimits limits = {232448, 233472, 132};
  const auto placement = [&](std::size_t width) {
    const Architecture architecture = {
        .data_dim = 3, .encoder_hidden = {width, width}, .decoder_hidden = {width, width}};
    return cuda::choose_budget(cuda::lay_out(architecture, {}, 96), 1000, limits).placement;
  };
  EXPECT_EQ(placement(64), cuda::Placement::fused);
  EXPECT_EQ(placement(60), cuda::Placement::resident);
  EXPECT_EQ(placement(256), cuda::Placement::streamed);
  EXPECT_EQ(placement(512), cuda::Placement::tiled);
}

}  // namespace
}  // namespace gmmvae
