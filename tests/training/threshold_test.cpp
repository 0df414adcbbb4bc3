// Collapse has a threshold: the effective decoder variance at the data's largest eigenvalue (Lucas et al.
// 2019). Five per cent above it the posterior must be the prior, five per cent below it must not.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "tests/support/backends.hpp"
#include "tests/training/linear_model.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class ThresholdTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(ThresholdTest);

/// The mean of KL(q(z|x) || p(z)) over the data, from the encoder's own outputs.
double posterior_kl(Backend& backend, const TrainingJob& job) {
  Vae vae;
  vae.architecture = job.architecture;
  vae.objective = job.objective;
  vae.parameters = job.state.parameters;
  const Posterior posterior = backend.encode(vae, 0, job.data);
  double kl = 0;
  for (std::size_t n = 0; n < posterior.mean.rows(); ++n)
    for (std::size_t j = 0; j < posterior.mean.cols(); ++j) {
      const double mean = posterior.mean(n, j);
      const double variance = posterior.variance(n, j);
      kl += 0.5 * (mean * mean + variance - 1 - std::log(variance));
    }
  return kl / static_cast<double>(posterior.mean.rows());
}

/// KL after training at `ratio` times the threshold. The threshold is reached through beta as well as through
/// the variance: only their product counts.
double kl_at(Backend& backend, double ratio, const std::vector<std::size_t>& hidden, double beta,
             const TrainingConfig& config) {
  const Matrix<float> points = gaussian_points(2000, {2.0, 0.8, 0.3}, 40);
  const double largest = eigenvalues(covariance(points))[0];
  OwnedJob owned(points, {.data_dim = 3, .latent = 2, .encoder_hidden = hidden, .decoder_hidden = hidden},
                 {.kind = ObjectiveKind::elbo,
                  .beta = beta,
                  .variance_kind = DecoderVarianceKind::fixed,
                  .decoder_variance = ratio * largest / beta},
                 config);
  train(backend, owned.job);
  return posterior_kl(backend, owned.job);
}

TEST_P(ThresholdTest, LinearModel) {
  TrainingConfig config;
  config.epochs = 2000;
  config.batch = 2000;
  config.learning_rate = 1e-2;
  config.schedule = LearningRateSchedule::cosine;
  for (const double beta : {1.0, 4.0}) {
    EXPECT_LT(kl_at(backend(), 1.05, {}, beta, config), 1e-3) << "beta " << beta;
    EXPECT_GT(kl_at(backend(), 0.95, {}, beta, config), 0.01) << "beta " << beta;
    if (emulated()) break;
  }
}

TEST_P(ThresholdTest, NetworkWithHiddenLayers) {
  if (emulated())
    GTEST_SKIP() << "fewer points overfit before they decide, and 2000 take the emulator minutes";
  TrainingConfig config;
  config.epochs = 500;
  config.batch = 500;
  config.learning_rate = 3e-3;
  config.schedule = LearningRateSchedule::cosine;
  EXPECT_LT(kl_at(backend(), 1.05, {32, 32}, 1.0, config), 1e-3);
  EXPECT_GT(kl_at(backend(), 0.95, {32, 32}, 1.0, config), 0.01);
}

}  // namespace
}  // namespace gmmvae::test
