// A training session: stopped and gone on with, it ends as if nothing had happened.
#include "host/training/session.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "tests/support/backends.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class SessionTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(SessionTest);

/// Points of two blobs far from the origin, so that scaling and splitting matter.
Dataset some_points(std::size_t rows = 90) {
  Dataset data;
  data.x = Matrix<float>(rows, 3);
  const RandomStream random(3, Purpose::evaluation);
  for (std::size_t i = 0; i < data.x.size(); ++i)
    data.x.data()[i] = static_cast<float>(random.normal(i) + (i / 3 % 2 == 0 ? 20.0 : 26.0));
  return data;
}

TrainingPlan short_plan(std::size_t models, std::size_t patience) {
  TrainingPlan plan;
  plan.architecture = {.data_dim = 3, .latent = 2, .encoder_hidden = {9, 5}, .decoder_hidden = {7}};
  plan.config.epochs = 12;
  plan.config.batch = 32;
  plan.config.learning_rate = 0.02;
  plan.config.schedule = LearningRateSchedule::cosine;
  plan.config.patience = patience;
  plan.validation = 0.3;
  plan.models = models;
  return plan;
}

/// A control that asks for a stop as soon as `epochs` epochs are done in all.
struct StopAfter {
  std::atomic<std::uint64_t> done{0};
  SessionControl control;

  StopAfter(std::uint64_t epochs, const std::string& checkpoint) {
    control.on_epochs = [this](std::uint64_t count) { done += count; };
    control.should_stop = [this, epochs] { return done >= epochs; };
    control.checkpoint = checkpoint;
  }
};

void expect_identical_sessions(const TrainingSession& a, const TrainingSession& b, const std::string& what) {
  ASSERT_EQ(a.models(), b.models());
  for (std::size_t m = 0; m < a.models(); ++m)
    expect_identical(a.state(m), b.state(m), what + ", model " + std::to_string(m));
  EXPECT_EQ(a.vae().parameters, b.vae().parameters) << what;
}

TEST_P(SessionTest, StoppedAnywhereAndResumedEqualsUninterrupted) {
  const TemporaryFolder folder;
  const Dataset data = some_points();
  for (const std::size_t models : {1, 3}) {
    for (const std::size_t patience : {0, 2}) {
      const TrainingPlan plan = short_plan(models, patience);
      TrainingSession whole(plan, data, "");
      ASSERT_EQ(whole.advance(backend()), TrainingStatus::finished);
      for (std::uint64_t stop = 1; stop < whole.epochs(); stop += 2 * models + 1) {
        const std::string what =
            std::to_string(models) + " models, stopped after " + std::to_string(stop) + " epochs";
        TrainingSession first(plan, data, "some text");
        StopAfter stopper(stop, folder / "checkpoint");
        const TrainingStatus status = first.advance(backend(), stopper.control);
        if (status == TrainingStatus::finished && GetParam().value != "cpu") {
          expect_identical_sessions(whole, first,
                                    what);  // a GPU's slice of epochs went past the stop to the end
          continue;
        }
        ASSERT_EQ(status, TrainingStatus::running) << what;
        EXPECT_EQ(first.epochs(), stopper.done) << what;
        TrainingSession second(plan, data, "some text");
        const Checkpoint saved = load_checkpoint(folder / "checkpoint");
        EXPECT_EQ(saved.config, "some text");
        second.restore(saved);
        EXPECT_EQ(second.epochs(), first.epochs());
        ASSERT_EQ(second.advance(*open(2)), TrainingStatus::finished) << what;
        expect_identical_sessions(whole, second, what);
      }
    }
  }
}

/// A checkpoint after every epoch, which is as often as it can be, changes nothing and always lets training
/// go on.
TEST_P(SessionTest, CheckpointsOnTheWayChangeNothing) {
  const TemporaryFolder folder;
  const Dataset data = some_points();
  const TrainingPlan plan = short_plan(3, 4);
  TrainingSession plain(plan, data, "");
  plain.advance(backend());
  for (const std::size_t threads : {1, 2}) {
    TrainingSession careful(plan, data, "");
    SessionControl control;
    control.checkpoint = folder / "checkpoint";
    control.checkpoint_every = 1e-9;
    std::uint64_t told = 0;
    control.on_epochs = [&, mutex = std::make_shared<std::mutex>()](std::uint64_t count) {
      const std::lock_guard lock(*mutex);
      told += count;
    };
    ASSERT_EQ(careful.advance(*open(threads), control), TrainingStatus::finished);
    EXPECT_EQ(told, careful.epochs());
    expect_identical_sessions(plain, careful, std::to_string(threads) + " threads");

    // What lies there after the last stop on the way leads to the same end.
    TrainingSession late(plan, data, "");
    late.restore(load_checkpoint(folder / "checkpoint"));
    EXPECT_LT(late.epochs(), careful.epochs());
    late.advance(backend());
    expect_identical_sessions(plain, late, "from the last checkpoint");
  }
}

TEST_P(SessionTest, AStopBeforeTheFirstEpochIsSaved) {
  const TemporaryFolder folder;
  const Dataset data = some_points();
  TrainingSession session(short_plan(2, 0), data, "");
  StopAfter at_once(0, folder / "checkpoint");
  EXPECT_EQ(session.advance(backend(), at_once.control), TrainingStatus::running);
  EXPECT_EQ(session.epochs(), 0U);
  TrainingSession other(short_plan(2, 0), data, "");
  other.restore(load_checkpoint(folder / "checkpoint"));
  other.advance(backend());
  session.advance(backend());
  expect_identical_sessions(session, other, "from epoch 0");
}

/// Without a file to save to, neither a stop nor the time between checkpoints writes anything.
TEST_P(SessionTest, WithoutAPathNothingIsWritten) {
  const TemporaryFolder folder;
  TrainingSession session(short_plan(1, 0), some_points(), "");
  StopAfter stopper(3, "");
  stopper.control.checkpoint_every = 1e-9;
  EXPECT_EQ(session.advance(backend(), stopper.control), TrainingStatus::running);
  EXPECT_EQ(session.epochs(), 3U);
  EXPECT_EQ(folder.count(), 0U);
}

TEST_P(SessionTest, AModelIsTheSameAloneAndAmongOthers) {
  const Dataset data = some_points();
  TrainingSession alone(short_plan(1, 0), data, "");
  TrainingSession several(short_plan(3, 0), data, "");
  alone.advance(backend());
  several.advance(*open(2));
  expect_identical(alone.state(0), several.state(0), "model 0");
  EXPECT_NE(several.state(0).parameters, several.state(1).parameters);
  const Vae vae = several.vae();
  EXPECT_EQ(vae.models, 3U);
  const std::span<const float> second = vae.parameters_of(1);
  EXPECT_EQ(std::vector<float>(second.begin(), second.end()), several.state(1).parameters);
}

TEST_P(SessionTest, KeepsTheBestEpochOfAPatientTraining) {
  TrainingPlan plan = short_plan(2, 5);
  plan.config.epochs = 400;
  plan.config.learning_rate = 0.05;
  TrainingSession session(plan, some_points(30), "");
  ASSERT_EQ(session.advance(backend()), TrainingStatus::finished);
  for (std::size_t m = 0; m < 2; ++m) {
    const TrainingState& state = session.state(m);
    ASSERT_EQ(state.status, TrainingStatus::stopped_early);
    EXPECT_EQ(session.kept_epoch(m), state.epoch - 5);
    const Vae vae = session.vae();
    const std::span<const float> kept = vae.parameters_of(m);
    EXPECT_EQ(std::vector<float>(kept.begin(), kept.end()), state.best_parameters);
    EXPECT_NE(state.best_parameters, state.parameters);
  }
}

/// The scaler knows the rows that are trained on and no others; they and the rest are those of
/// validation_split.
TEST_P(SessionTest, HoldsOutTheRowsOfValidationSplit) {
  Dataset data = some_points(40);
  TrainingPlan plan = short_plan(1, 0);
  plan.validation = 0.25;
  plan.scale = ScaleKind::minmax;
  const Split split = validation_split(40, 0.25, plan.config.seed);
  ASSERT_EQ(split.validation.size(), 10U);
  data.x(split.validation[4], 1) = 200.0F;
  TrainingSession session(plan, data, "");
  EXPECT_EQ(session.training_rows(), 30U);
  EXPECT_EQ(session.validation_rows(), 10U);
  const Scaler scaler = session.vae().scaler;
  float greatest = data.x(split.training[0], 1);
  float least = greatest;
  for (const std::uint32_t row : split.training) {
    greatest = std::max(greatest, data.x(row, 1));
    least = std::min(least, data.x(row, 1));
  }
  EXPECT_EQ(scaler.kind, ScaleKind::minmax);
  EXPECT_EQ(scaler.offset[1], double{least});
  EXPECT_EQ(scaler.scale[1], double{greatest} - double{least});
  session.advance(backend());
  EXPECT_LT(session.state(0).history.elbo_validation(0), session.state(0).history.elbo(0));
}

/// One model that diverges ends the whole session, and what was good is saved.
TEST_P(SessionTest, DivergenceEndsItWithTheLastGoodStateSaved) {
  const TemporaryFolder folder;
  TrainingPlan plan = short_plan(3, 0);
  plan.config.epochs = 100000;
  plan.config.learning_rate = 1e30;
  TrainingSession session(plan, some_points(), "");
  SessionControl control;
  control.checkpoint = folder / "checkpoint";
  ASSERT_EQ(session.advance(backend(), control), TrainingStatus::diverged);
  const Checkpoint saved = load_checkpoint(control.checkpoint);
  for (std::size_t m = 0; m < 3; ++m) expect_identical(saved.states[m], session.state(m), "saved");
  TrainingSession again(plan, some_points(), "");
  again.restore(saved);
  EXPECT_EQ(again.advance(backend()), TrainingStatus::diverged) << "it would diverge again";
}

TEST_P(SessionTest, RefusesAForeignCheckpointAndStaysAsItIs) {
  const Dataset data = some_points();
  TrainingSession session(short_plan(2, 0), data, "");
  session.advance(backend());
  const Checkpoint good = session.checkpoint();
  TrainingSession fresh(short_plan(2, 0), data, "");
  const std::vector<TrainingState> before = fresh.states();
  const auto expect_refused = [&](Checkpoint bad) {
    EXPECT_THROW(fresh.restore(std::move(bad)), DataError);
    for (std::size_t m = 0; m < 2; ++m) expect_identical(before[m], fresh.state(m), "unchanged");
  };
  Checkpoint bad = good;
  bad.states.pop_back();
  expect_refused(bad);
  for (const auto spoil : {+[](TrainingState& s) { s.parameters.pop_back(); },
                           +[](TrainingState& s) { s.second_moment.push_back(0); },
                           +[](TrainingState& s) { s.epoch = 3; },  // the history has 12
                           +[](TrainingState& s) { s.best_epoch = 1; },
                           +[](TrainingState& s) { s.best_parameters = s.parameters; },
                           +[](TrainingState& s) { s.history = History(5); }}) {
    bad = good;
    spoil(bad.states[1]);
    expect_refused(bad);
  }
  fresh.restore(good);
  EXPECT_EQ(fresh.status(), TrainingStatus::finished);
}

TEST_P(SessionTest, RefusesPlansThatCannotBeCarriedOut) {
  const Dataset data = some_points(20);
  const auto message = [&](const TrainingPlan& plan) {
    return error_message<UsageError>([&] { TrainingSession(plan, data, ""); });
  };
  TrainingPlan plan = short_plan(1, 3);
  plan.validation = 0.01;  // of 20 rows: none
  EXPECT_NE(message(plan).find("holds out none"), std::string::npos);
  plan = short_plan(1, 0);
  plan.config.epochs = (1U << 29) + 1;  // two steps each
  plan.config.batch = 7;
  plan.validation = 0.3;
  EXPECT_NE(message(plan).find("1073741824 steps"), std::string::npos);
  plan.config.epochs = 1U << 29;
  TrainingSession(plan, data, "");
  plan = short_plan(0, 0);
  EXPECT_NE(message(plan).find("at least one"), std::string::npos);
  EXPECT_THROW(TrainingSession(short_plan(1, 0), Dataset{}, ""), DataError);
}

}  // namespace
}  // namespace gmmvae::test
