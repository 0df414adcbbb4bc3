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
      {"one wide layer",
       100,
       45,
       {.data_dim = 4,
        .latent = 1,
        .encoder_hidden = {64},
        .decoder_hidden = {64},
        .posterior_variance = PosteriorVariance::softplus_half},
       per_dim},
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
  for (const std::size_t number : {0, 1, 2}) {
    const Case shape = cases()[number];
    std::optional<TrainingState> first;
    in_every_order([&] {
      Owned owned(shape.rows, shape.architecture, shape.objective, config_of(shape, 2), 9);
      train(std::span(&owned.job, 1));
      if (!first) first = owned.job.state;
      expect_same(*first, owned.job.state, "another order");
    });
  }
}

/// Every objective, head, number of columns and latent dimensions that the fused trainer takes, beside the
/// resident one: the same epochs, summed in another order. Last batches leave warps without rows, and a warp
/// with some.
TEST_F(Trainer, FusedFollowsResident) {
  using Variance = DecoderVarianceKind;
  const Objective objectives[] = {
      {.kind = ObjectiveKind::course},
      {.decoder_variance = 0.4, .variance_floor = 0.05},
      {.beta = 0.7, .variance_kind = Variance::learned_per_dim, .decoder_variance = 0.2},
      {.kind = ObjectiveKind::lab, .beta = 1.3}};
  for (std::size_t i = 0; i < 8; ++i) {
    SCOPED_TRACE(i);
    std::vector<std::size_t> hidden(1 + i % 2, 64);
    const Case shape{
        "",
        40 + 13 * i,
        i < 4 ? std::size_t{96} : 37 + i,
        {.data_dim = 1 + i % 4,
         .latent = 1 + i / 2 % 2,
         .encoder_hidden = hidden,
         .decoder_hidden = hidden,
         .posterior_variance = i % 4 < 2 ? PosteriorVariance::exp : PosteriorVariance::softplus_half},
        objectives[(i + i / 4) % 4]};
    Owned fused(shape.rows, shape.architecture, shape.objective, config_of(shape, 3), 20 + i);
    Owned resident(shape.rows, shape.architecture, shape.objective, config_of(shape, 3), 20 + i);
    train(std::span(&fused.job, 1), Placement::fused);
    train(std::span(&resident.job, 1), Placement::resident);
    const std::vector<double>& got = fused.job.state.history.values();
    const std::vector<double>& wanted = resident.job.state.history.values();
    ASSERT_EQ(got.size(), wanted.size());
    double largest = 0.0;
    for (std::size_t c = 0; c < got.size(); ++c) {
      ASSERT_EQ(std::isnan(got[c]), std::isnan(wanted[c])) << c;
      if (!std::isnan(got[c]))
        largest = std::max(largest, std::abs(got[c] - wanted[c]) / (1 + std::abs(wanted[c])));
    }
    EXPECT_LT(largest, 2e-6) << "as beside the CPU";
    double farthest = 0.0;
    for (std::size_t p = 0; p < fused.job.state.parameters.size(); ++p)
      farthest = std::max(farthest, std::abs(static_cast<double>(fused.job.state.parameters[p] -
                                                                 resident.job.state.parameters[p])));
    EXPECT_LT(farthest, 0.05 * 2e-3 * 9) << "a part of nine steps of the learning rate: see tiled_test.cu";
  }
}

TEST_F(Trainer, StoppingAndGoingOnChangesNothing) {
  for (const Case& shape : cases()) {
    TrainingConfig config = config_of(shape, 4);
    config.patience = 3;
    Owned whole(shape.rows, shape.architecture, shape.objective, config, 11);
    Owned pieces(shape.rows, shape.architecture, shape.objective, config, 11);
    {
      ModelTrainer trainer(std::span(&whole.job, 1), nullptr);
      trainer.launch(100);
      EXPECT_EQ(trainer.collect(), whole.job.state.epoch);
      trainer.download();
    }
    while (pieces.job.state.status == TrainingStatus::running) {
      ModelTrainer trainer(std::span(&pieces.job, 1), nullptr);
      trainer.launch(1);
      EXPECT_EQ(trainer.collect(), 1U);
      trainer.download();
    }
    expect_same(whole.job.state, pieces.job.state, shape.name);
  }
}

TEST_F(Trainer, ADivergedTrainingEndsInItsLastGoodEpoch) {
  const Architecture architecture{.data_dim = 3, .latent = 2, .encoder_hidden = {8}, .decoder_hidden = {8}};
  TrainingConfig config;
  config.epochs = 50;
  config.batch = 60;  // one step an epoch: what it spoils, the next epoch reports
  config.learning_rate = 3.0;
  config.patience = 10;
  const Architecture wide{.data_dim = 3, .latent = 2, .encoder_hidden = {64}, .decoder_hidden = {64}};
  for (const Placement placement : {Placement::resident, Placement::streamed, Placement::fused}) {
    const Architecture& shape = placement == Placement::fused ? wide : architecture;
    Owned sick(60, shape, {}, config, 10);
    Owned until(60, shape, {}, config, 10);
    train(std::span(&sick.job, 1), placement);
    ASSERT_EQ(sick.job.state.status, TrainingStatus::diverged);
    ASSERT_GE(sick.job.state.epoch, 1U);
    EXPECT_EQ(sick.job.state.history.epochs(), sick.job.state.epoch);
    EXPECT_TRUE(std::isfinite(sick.job.state.parameters[0]));
    ModelTrainer trainer(std::span(&until.job, 1), nullptr, placement);
    trainer.launch(sick.job.state.epoch);
    trainer.collect();
    trainer.download();
    until.job.state.status = TrainingStatus::diverged;
    expect_same(until.job.state, sick.job.state, "last good epoch");
  }
}

TEST_F(Trainer, PatienceEndsWhereTheCpuEnds) {
  TrainingConfig config;
  config.epochs = 400;
  config.learning_rate = 2e-2;
  config.patience = 15;
  const Architecture architecture{.data_dim = 3, .latent = 2, .encoder_hidden = {24}, .decoder_hidden = {24}};
  Owned mine(20, architecture, {}, config, 40);
  train(std::span(&mine.job, 1));
  const TrainingState& state = mine.job.state;
  ASSERT_EQ(state.status, TrainingStatus::stopped_early);
  EXPECT_EQ(state.epoch, state.best_epoch + 15);
  std::size_t best = 0;
  for (std::size_t epoch = 1; epoch < state.history.epochs(); ++epoch)
    if (state.history.elbo_validation(epoch) > state.history.elbo_validation(best)) best = epoch;
  EXPECT_EQ(state.best_epoch, best + 1);
  Owned until(20, architecture, {}, config, 40);
  ModelTrainer trainer(std::span(&until.job, 1), nullptr);
  trainer.launch(state.best_epoch);
  trainer.collect();
  trainer.download();
  EXPECT_EQ(until.job.state.parameters, state.best_parameters);
}

/// A block's shared memory on real cards: 64 kB on sm_75, 163 on sm_80, 99 on sm_86, 227 on sm_90.
TEST_F(Trainer, TheBudgetChoosesByTheDevice) {
  const auto chosen = [](const char* device, std::size_t width, std::size_t batch) {
    const emu::DeviceSpec spec = emu::device_spec(device);
    const LaidOutModel model = lay_out(
        {.data_dim = 3, .latent = 2, .encoder_hidden = {width, width}, .decoder_hidden = {width, width}}, {},
        batch);
    return choose_budget(model, 1000,
                         {spec.shared_per_block, spec.shared_per_multiprocessor, spec.multiprocessors});
  };
  EXPECT_EQ(chosen("sm_90", 64, 96).placement, Placement::fused);
  EXPECT_EQ(chosen("sm_90", 64, 20).placement, Placement::resident);
  EXPECT_EQ(chosen("sm_90", 63, 96).placement, Placement::resident);
  EXPECT_TRUE(chosen("sm_90", 64, 96).data_in_shared);
  EXPECT_EQ(chosen("sm_80", 64, 96).placement, Placement::streamed);
  EXPECT_EQ(chosen("sm_80", 32, 96).placement, Placement::resident);
  EXPECT_EQ(chosen("sm_86", 64, 96).placement, Placement::streamed);
  EXPECT_EQ(chosen("sm_86", 16, 96).placement, Placement::resident);
  EXPECT_EQ(chosen("sm_75", 16, 96).placement, Placement::resident);
  EXPECT_EQ(chosen("sm_75", 32, 96).placement, Placement::streamed);
  EXPECT_EQ(chosen("sm_90", 200, 96).placement, Placement::streamed);
  EXPECT_EQ(chosen("sm_90", 64, 1000).placement, Placement::streamed);
  EXPECT_NE(chosen("sm_80", 64, 96).why.find("a block has 166912"), std::string::npos)
      << chosen("sm_80", 64, 96).why;
}

TEST_F(Trainer, TrainsTheCoursesShapeWhereItHasToStream) {
  emu::reset({emu::device_spec("sm_86")});
  const Case shape = cases()[0];
  Owned here(shape.rows, shape.architecture, shape.objective, config_of(shape, 1));
  ModelTrainer trainer(std::span(&here.job, 1), nullptr);
  EXPECT_EQ(trainer.description().rfind("streamed: ", 0), 0U) << trainer.description();
  trainer.launch(1);
  EXPECT_EQ(trainer.collect(), 1U);
  EXPECT_EQ(trainer.running(), 0U);
}

}  // namespace
}  // namespace gmmvae::cuda
