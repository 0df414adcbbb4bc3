// Jobs, models and rows that do not fit together are refused with the reason: a program that uses the library
// must not crash for having forgotten something.
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <string>

#include "gmmvae/error.hpp"
#include "gmmvae/evaluation.hpp"
#include "tests/support/backends.hpp"
#include "tests/support/error_message.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class TrainableTest : public BackendTest {
 protected:
  /// What training a small job says that `spoil` has changed, and whose state is left alone then.
  template <class Refusal>
  std::string refusal(const std::function<void(TrainingJob&)>& spoil) {
    OwnedJob owned(20, shape(), {}, {.epochs = 2, .batch = 8});
    spoil(owned.job);
    const TrainingState before = owned.job.state;
    const std::string message = error_message<Refusal>([&] { train(backend(), owned.job); });
    expect_identical(before, owned.job.state, message);
    return message;
  }

  static Architecture shape() {
    return {.data_dim = 3, .latent = 2, .encoder_hidden = {5}, .decoder_hidden = {4}};
  }
};
GMMVAE_OVER_BACKENDS(TrainableTest);

TEST_P(TrainableTest, StatesThatDoNotFit) {
  const auto says = [&](const std::string& part, const std::function<void(TrainingJob&)>& spoil) {
    EXPECT_NE(refusal<UsageError>(spoil).find(part), std::string::npos) << part;
  };
  // (3*5+5) + (5*4+4) + (2*4+4) + (4*3+3) weights and biases, and a decoder variance
  says("holds 0 numbers where the model has 72 parameters: begin with initial_state()",
       [](TrainingJob& job) { job.state.parameters.clear(); });
  says("holds 71 numbers", [](TrainingJob& job) { job.state.second_moment.pop_back(); });
  says("holds 72 numbers where the model has 80",
       [](TrainingJob& job) { job.architecture.encoder_hidden = {6}; });
  says("the history to go on with is one of 1 latent dimensions",
       [](TrainingJob& job) { job.state.history = History(1); });
}

TEST_P(TrainableTest, PointsAndNumbersThatAreNone) {
  const Matrix<float> wide(20, 4);
  EXPECT_NE(refusal<DataError>([&](TrainingJob& job) { job.data = wide; }).find("4 columns"),
            std::string::npos);
  EXPECT_NE(refusal<DataError>([&](TrainingJob& job) { job.validation = wide; }).find("validation"),
            std::string::npos);
  EXPECT_EQ(refusal<DataError>([](TrainingJob& job) { job.data = {}; }), "there are no points to train on");
  EXPECT_EQ(refusal<UsageError>([](TrainingJob& job) { job.config.batch = 0; }),
            "a batch holds at least one point");
  for (const double rate :
       {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    EXPECT_NE(
        refusal<UsageError>([&](TrainingJob& job) { job.config.learning_rate = rate; }).find("learning rate"),
        std::string::npos)
        << rate;
  for (const auto& none :
       {Architecture{.data_dim = 3, .latent = 0},
        Architecture{.data_dim = 3, .latent = 2, .encoder_hidden = {0}, .decoder_hidden = {}}})
    EXPECT_NE(refusal<UsageError>([&](TrainingJob& job) { job.architecture = none; }).find("at least one"),
              std::string::npos);
}

TEST_P(TrainableTest, ModelsAndRowsThatAreNotThere) {
  OwnedJob owned(20, shape(), {}, {.epochs = 1, .batch = 8});
  Vae vae{shape(), owned.job.objective,        Scaler::fit(ScaleKind::none, owned.points),
          1,       owned.job.state.parameters, ""};
  Dataset data;
  data.x = owned.points;
  const std::uint32_t beyond[] = {20};
  EXPECT_EQ(error_message<UsageError>([&] { (void)evaluate(backend(), vae, 0, data, beyond, {}); }),
            "row 20 is held out, but the data have 20 rows");
  vae.parameters.pop_back();
  EXPECT_EQ(error_message<UsageError>([&] { (void)backend().decode(vae, 0, Matrix<float>(1, 2)); }),
            "1 models of 72 parameters each cannot hold 71 numbers");
}

}  // namespace
}  // namespace gmmvae::test
