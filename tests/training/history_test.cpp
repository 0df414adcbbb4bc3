// What an epoch reports, against the independent loss on the documented order of points and the documented
// noise.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gmmvae/random.hpp"
#include "tests/support/backends.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class HistoryTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(HistoryTest);

/// A row of the history as it should be while the parameters stay as they are.
struct ExpectedRow {
  double loss = 0.0;
  double reconstruction = 0.0;
  std::vector<double> kl_per_dimension;
  double elbo = 0.0;
};

ExpectedRow expected_row(const TrainingJob& job, std::uint32_t epoch) {
  const auto rows = static_cast<std::uint32_t>(job.data.rows);
  const auto batch = static_cast<std::uint32_t>(std::min(job.config.batch, job.data.rows));
  const std::uint32_t batches = (rows + batch - 1) / batch;
  const KeyedPermutation order(rows, job.config.seed, Purpose::shuffle, job.model, epoch);
  const std::vector<double> parameters(job.state.parameters.begin(), job.state.parameters.end());
  ExpectedRow expected;
  expected.kl_per_dimension.assign(job.architecture.latent, 0.0);
  for (std::uint32_t i = 0; i < batches; ++i) {
    Matrix<double> x(std::min(batch, rows - i * batch), job.data.cols);
    for (std::size_t b = 0; b < x.rows(); ++b)
      std::copy_n(job.data.row(order(static_cast<std::uint32_t>(i * batch + b))).begin(), x.cols(),
                  x.row(b).begin());
    const auto noise = trainer_noise(job.config.seed, Purpose::training_noise, job.model, epoch * batches + i,
                                     x.rows(), job.architecture.latent);
    const ReferenceLoss loss =
        reference_loss(job.architecture, job.objective, parameters, x, noise, job.log_jacobian);
    expected.loss += loss.loss / batches;
    expected.reconstruction += loss.reconstruction / batches;
    expected.elbo += loss.elbo / batches;
    for (std::size_t j = 0; j < loss.kl_per_dimension.size(); ++j)
      expected.kl_per_dimension[j] += loss.kl_per_dimension[j] / batches;
  }
  return expected;
}

double expected_validation_elbo(const TrainingJob& job) {
  const std::vector<double> parameters(job.state.parameters.begin(), job.state.parameters.end());
  const auto noise = trainer_noise(job.config.seed, Purpose::validation_noise, job.model, 0,
                                   job.validation.rows, job.architecture.latent);
  return reference_loss(job.architecture, job.objective, parameters, to_double(job.validation), noise,
                        job.log_jacobian)
      .elbo;
}

/// With a learning rate this small single precision keeps every parameter, so each epoch is a pure
/// evaluation.
constexpr double no_learning = 1e-30;
/// Sums of some hundred single-precision terms, and normals whose radius is good to 3e-8 / radius.
constexpr double tolerance = 2e-5;

void expect_rows(Backend& backend, OwnedJob& owned) {
  TrainingJob& job = owned.job;
  job.log_jacobian = 1.25;
  const auto initial = job.state.parameters;
  train(backend, job);
  ASSERT_EQ(job.state.parameters, initial);
  ASSERT_EQ(job.state.history.epochs(), job.config.epochs);
  for (std::uint32_t epoch = 0; epoch < job.config.epochs; ++epoch) {
    SCOPED_TRACE("epoch " + std::to_string(epoch));
    const ExpectedRow expected = expected_row(job, epoch);
    const History& history = job.state.history;
    const double near = tolerance * (1 + std::abs(expected.elbo));
    EXPECT_NEAR(history.loss(epoch), expected.loss, tolerance * (1 + std::abs(expected.loss)));
    EXPECT_NEAR(history.reconstruction(epoch), expected.reconstruction,
                tolerance * (1 + std::abs(expected.reconstruction)));
    EXPECT_NEAR(history.elbo(epoch), expected.elbo, near);
    double kl = 0;
    for (std::size_t j = 0; j < expected.kl_per_dimension.size(); ++j) {
      kl += expected.kl_per_dimension[j];
      EXPECT_NEAR(history.kl_per_dimension(epoch)[j], expected.kl_per_dimension[j], tolerance);
    }
    EXPECT_NEAR(history.kl(epoch), kl, tolerance * (1 + kl));
    if (!job.validation.empty()) {
      EXPECT_NEAR(history.elbo_validation(epoch), expected_validation_elbo(job), near);
    }
  }
}

TEST_P(HistoryTest, EveryObjectiveReportsItsTermsInItsUnits) {
  for (const Objective& objective : all_objectives()) {
    SCOPED_TRACE(static_cast<int>(objective.kind));
    TrainingConfig config;
    config.epochs = 2;
    config.learning_rate = no_learning;
    OwnedJob owned(200, {.data_dim = 3, .latent = 2, .encoder_hidden = {16}, .decoder_hidden = {16}},
                   objective, config, 3, 50);
    expect_rows(backend(), owned);
  }
}

/// Batches that divide nothing: a last one of 1 and of 40, larger than the data, a single point; latent 1
/// to 8.
TEST_P(HistoryTest, AnyBatchAndLatentSize) {
  struct Sizes {
    std::size_t rows, batch, latent;
  };
  for (const Sizes sizes : {Sizes{97, 96, 1}, Sizes{232, 96, 2}, Sizes{40, 96, 3}, Sizes{1, 96, 4},
                            Sizes{5, 1, 5}, Sizes{33, 32, 6}, Sizes{100, 7, 7}, Sizes{1000, 96, 8}}) {
    SCOPED_TRACE(std::to_string(sizes.rows) + " rows, batch " + std::to_string(sizes.batch));
    TrainingConfig config;
    config.epochs = 2;
    config.batch = sizes.batch;
    config.learning_rate = no_learning;
    OwnedJob owned(sizes.rows,
                   {.data_dim = 3, .latent = sizes.latent, .encoder_hidden = {9, 5}, .decoder_hidden = {33}},
                   {.decoder_variance = 0.2}, config, 1, sizes.rows);
    expect_rows(backend(), owned);
  }
}

/// One batch an epoch: the norm reported is that of the gradient which loss_gradient gives.
TEST_P(HistoryTest, GradientNormIsThatOfTheBatch) {
  TrainingConfig config;
  config.epochs = 1;
  config.learning_rate = no_learning;
  OwnedJob owned(64, {.data_dim = 3, .latent = 2, .encoder_hidden = {16}, .decoder_hidden = {16}},
                 {.decoder_variance = 0.2}, config);
  TrainingJob& job = owned.job;
  train(backend(), job);
  Matrix<double> x(job.data.rows, job.data.cols);
  const KeyedPermutation order(static_cast<std::uint32_t>(x.rows()), config.seed, Purpose::shuffle, 0, 0);
  for (std::size_t b = 0; b < x.rows(); ++b)
    std::copy_n(job.data.row(order(static_cast<std::uint32_t>(b))).begin(), x.cols(), x.row(b).begin());
  const std::vector<double> parameters(job.state.parameters.begin(), job.state.parameters.end());
  const auto result = backend().loss_gradient(
      job.architecture, job.objective, parameters, x,
      trainer_noise(config.seed, Purpose::training_noise, 0, 0, x.rows(), 2), 0.0, Precision::single);
  double square = 0;
  for (const double g : result.gradient) square += g * g;
  EXPECT_NEAR(job.state.history.grad_norm(0), std::sqrt(square), 1e-5 * std::sqrt(square));
}

/// The decoder variance after the epoch: the one that the parameters give.
TEST_P(HistoryTest, DecoderVarianceIsThatOfTheParametersAfterTheEpoch) {
  TrainingConfig config;
  config.epochs = 3;
  config.learning_rate = 1e-2;
  OwnedJob owned(100, {.data_dim = 3}, {.decoder_variance = 0.2, .variance_floor = 0.05}, config);
  train(backend(), owned.job);
  const double learned = 0.05 + std::exp(static_cast<double>(owned.job.state.parameters.back()));
  EXPECT_NEAR(owned.job.state.history.decoder_variance(2), learned, 1e-6 * learned);
  EXPECT_NE(owned.job.state.history.decoder_variance(0), owned.job.state.history.decoder_variance(2));
}

}  // namespace
}  // namespace gmmvae::test
