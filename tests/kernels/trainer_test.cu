// Whole trainings on the emulated device, against the CPU backend and each other.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>

#include "kernels/training/trainers.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"
#include "tests/support/reference_vae.hpp"

namespace gmmvae::cuda {
namespace {

using test::Buffer;
class Trainer : public test::EmulatorTest {};

/// A job on standard normal points, which it owns.
struct Owned {
  Matrix<float> points;
  Matrix<float> held_out;
  TrainingJob job;
  Owned(std::size_t rows, const Architecture& architecture, const Objective& objective,
        const TrainingConfig& config, std::size_t held_out_rows = 0)
      : points(test::to_float(test::some_normals(rows, architecture.data_dim, 100))),
        held_out(test::to_float(test::some_normals(held_out_rows, architecture.data_dim, 200))) {
    job.architecture = architecture;
    job.objective = objective;
    job.config = config;
    job.data = points;
    job.validation = held_out;
    job.state = initial_state(job, Initialization::linear);
  }
};

void train(std::span<TrainingJob> jobs, std::optional<Placement> placement = std::nullopt) {
  ModelTrainer trainer(jobs, nullptr, placement);
  while (trainer.running() > 0) {
    trainer.launch(2);
    trainer.collect();
  }
  trainer.download();
}

void expect_same(const TrainingState& a, const TrainingState& b, const std::string& what) {
  const auto same = [](const auto& x, const auto& y) {
    return x.size() == y.size() &&
           (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof x[0]) == 0);
  };
  EXPECT_EQ(a.epoch, b.epoch) << what;
  EXPECT_EQ(a.status, b.status) << what;
  EXPECT_EQ(a.best_epoch, b.best_epoch) << what;
  EXPECT_TRUE(same(a.parameters, b.parameters)) << what << ": parameters";
  EXPECT_TRUE(same(a.first_moment, b.first_moment)) << what << ": first moments";
  EXPECT_TRUE(same(a.second_moment, b.second_moment)) << what << ": second moments";
  EXPECT_TRUE(same(a.best_parameters, b.best_parameters)) << what << ": best parameters";
  EXPECT_TRUE(same(a.history.values(), b.history.values())) << what << ": histories";
}

struct Case {
  std::string name;
  std::size_t rows;
  std::size_t batch;
  Architecture architecture;
  Objective objective;
};

/// Sizes that do not fit tiles, every activation, head and objective, short last batches of 1 and of 40.
std::vector<Case> cases() {
  using Kind = ObjectiveKind;
  using Variance = DecoderVarianceKind;
  const Objective learned{.decoder_variance = 0.4, .variance_floor = 0.05};
  const Objective per_dim{.beta = 0.7,
                          .variance_kind = Variance::learned_per_dim,
                          .decoder_variance = 0.2,
                          .variance_floor = 0.05};
  return {
      {"the course's shape", 136, 96, {.data_dim = 3}, {.kind = Kind::course}},
      {"last batch of one",
       97,
       32,
       {.data_dim = 3, .latent = 1, .encoder_hidden = {33}, .decoder_hidden = {31}},
       learned},
      {"batch of one",
       5,
       1,
       {.data_dim = 2, .latent = 3, .encoder_hidden = {1}, .decoder_hidden = {3, 1}},
       per_dim},
      {"batch of seven",
       45,
       7,
       {.data_dim = 5,
        .latent = 4,
        .encoder_hidden = {9, 5},
        .decoder_hidden = {33},
        .activation = Activation::tanh},
       {.kind = Kind::lab, .beta = 1.3}},
      {"wide",
       50,
       24,
       {.data_dim = 3,
        .latent = 2,
        .encoder_hidden = {65},
        .decoder_hidden = {200},
        .activation = Activation::gelu},
       learned},
      {"latent 64",
       30,
       16,
       {.data_dim = 17,
        .latent = 64,
        .encoder_hidden = {16},
        .decoder_hidden = {16},
        .activation = Activation::softplus},
       {.kind = Kind::half_sse, .beta = 0.7}},
      {"linear",
       64,
       40,
       {.data_dim = 4, .latent = 2, .encoder_hidden = {}, .decoder_hidden = {}},
       {.variance_kind = Variance::fixed, .decoder_variance = 0.3}},
      {"leaky",
       40,
       64,
       {.data_dim = 1,
        .latent = 2,
        .encoder_hidden = {12, 8, 12},
        .decoder_hidden = {7},
        .activation = Activation::leaky_relu,
        .posterior_variance = PosteriorVariance::softplus_half},
       per_dim},
      {"elu",
       41,
       20,
       {.data_dim = 3,
        .latent = 7,
        .encoder_hidden = {20},
        .decoder_hidden = {20, 20},
        .activation = Activation::elu},
       learned},
      {"identity",
       20,
       20,
       {.data_dim = 3,
        .latent = 2,
        .encoder_hidden = {6},
        .decoder_hidden = {6},
        .activation = Activation::identity},
       {.kind = Kind::course, .beta = 0.5}},
  };
}

TrainingConfig config_of(const Case& shape, std::size_t epochs) {
  TrainingConfig config;
  config.epochs = epochs;
  config.batch = shape.batch;
  config.learning_rate = 2e-3;
  config.schedule = LearningRateSchedule::cosine;
  return config;
}

/// Both backends round their sums in another order: a few parts in 10^6 of a loss after a dozen steps. A relu
/// that one of them sees on the other side of zero moves less than that too.
TEST_F(Trainer, FollowsTheCpuForEveryShape) {
  for (const Case& shape : cases()) {
    SCOPED_TRACE(shape.name);
    Owned mine(shape.rows, shape.architecture, shape.objective, config_of(shape, 3), 20);
    Owned cpu(shape.rows, shape.architecture, shape.objective, config_of(shape, 3), 20);
    train(std::span(&mine.job, 1));
    make_cpu_backend(1)->train(std::span(&cpu.job, 1), {});
    ASSERT_EQ(mine.job.state.history.epochs(), 3U);
    EXPECT_EQ(mine.job.state.status, TrainingStatus::finished);
    const std::vector<double>& got = mine.job.state.history.values();
    const std::vector<double>& wanted = cpu.job.state.history.values();
    double largest = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i)
      largest = std::max(largest, std::abs(got[i] - wanted[i]) / (1 + std::abs(wanted[i])));
    EXPECT_LT(largest, 2e-6);
  }
}

TEST_F(Trainer, StreamedIsResidentToTheByte) {
  for (const Case& shape : cases()) {
    Owned resident(shape.rows, shape.architecture, shape.objective, config_of(shape, 2), 9);
    Owned streamed(shape.rows, shape.architecture, shape.objective, config_of(shape, 2), 9);
    train(std::span(&resident.job, 1), Placement::resident);
    train(std::span(&streamed.job, 1), Placement::streamed);
    expect_same(resident.job.state, streamed.job.state, shape.name);
  }
}

TEST_F(Trainer, MixedShapesAreEachAsAlone) {
  std::vector<std::unique_ptr<Owned>> owned;
  std::vector<TrainingJob> together;
  for (const Case& shape : cases()) {
    owned.push_back(
        std::make_unique<Owned>(shape.rows, shape.architecture, shape.objective, config_of(shape, 3)));
    together.push_back(owned.back()->job);
  }
  train(together);
  for (std::size_t i = 0; i < owned.size(); ++i) {
    train(std::span(&owned[i]->job, 1));
    expect_same(owned[i]->job.state, together[i].state, cases()[i].name);
  }
}

TEST_F(Trainer, TheOrderOfThreadsChangesNothing) {
  const Case shape = cases()[1];
  std::optional<TrainingState> first;
  in_every_order([&] {
    Owned owned(shape.rows, shape.architecture, shape.objective, config_of(shape, 2), 9);
    train(std::span(&owned.job, 1));
    if (!first) first = owned.job.state;
    expect_same(*first, owned.job.state, "another order");
  });
}

}  // namespace
}  // namespace gmmvae::cuda
