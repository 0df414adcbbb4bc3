// A VAE without hidden layers is probabilistic PCA: training it must reach the closed form.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/backends.hpp"
#include "tests/training/linear_model.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class LinearVaeTest : public BackendTest {
 protected:
  const std::size_t rows = emulated() ? 500 : 2000;
};
GMMVAE_OVER_BACKENDS(LinearVaeTest);

Architecture linear(std::size_t dim, std::size_t latent, PosteriorVariance head = PosteriorVariance::exp) {
  return {.data_dim = dim,
          .latent = latent,
          .encoder_hidden = {},
          .decoder_hidden = {},
          .posterior_variance = head};
}

/// Whole-data batches, a rate that falls to nothing: what is left of the sampling noise is then far below
/// 1e-4 nats.
TrainingConfig to_convergence(std::size_t rows) {
  TrainingConfig config;
  config.epochs = 3000;
  config.batch = rows;
  config.learning_rate = 3e-2;
  config.schedule = LearningRateSchedule::cosine;
  return config;
}

struct Case {
  std::vector<double> variances;
  std::size_t latent;
  double decoder_variance;
};

/// Several covariances, from none to all latent dimensions active.
const std::vector<Case> cases = {
    {{2.0, 1.0, 0.3}, 2, 0.1}, {{2.0, 1.0, 0.3}, 2, 0.5}, {{2.0, 1.0, 0.3}, 2, 1.4},
    {{2.0, 1.0, 0.3}, 2, 3.0}, {{1.5, 0.7}, 1, 0.4},      {{3.0, 1.0, 0.5, 0.2}, 3, 0.35},
};

TEST_P(LinearVaeTest, FixedVarianceReachesItsClosedForm) {
  std::size_t turn = 0;
  for (const Case& c : cases) {
    if (emulated() && turn % 3 != 0) {  // both heads, all and no dimensions active
      ++turn;
      continue;
    }
    SCOPED_TRACE("case " + std::to_string(turn));
    const Objective objective = {.kind = ObjectiveKind::elbo,
                                 .variance_kind = DecoderVarianceKind::fixed,
                                 .decoder_variance = c.decoder_variance};
    OwnedJob owned(gaussian_points(rows, c.variances, 10 + turn),
                   linear(c.variances.size(), c.latent, all_heads[turn % 2]), objective,
                   to_convergence(rows));
    train(backend(), owned.job);
    const double best = best_elbo(eigenvalues(covariance(owned.points)), c.latent, c.decoder_variance);
    EXPECT_NEAR(exact_linear_terms(owned.job).elbo, best, 1e-4);
    ++turn;
  }
}

TEST_P(LinearVaeTest, LearnedVarianceReachesItsClosedForm) {
  for (const Case& c : {cases[4], cases[0], cases[5]}) {
    const Objective objective = {.kind = ObjectiveKind::elbo, .decoder_variance = 0.3};
    OwnedJob owned(gaussian_points(rows, c.variances, 20), linear(c.variances.size(), c.latent), objective,
                   to_convergence(rows));
    train(backend(), owned.job);
    const auto lambda = eigenvalues(covariance(owned.points));
    const double variance = best_learned_variance(lambda, c.latent);
    EXPECT_NEAR(exact_linear_terms(owned.job).elbo, best_elbo(lambda, c.latent, variance), 1e-4);
    EXPECT_NEAR(owned.job.state.history.decoder_variance(owned.job.config.epochs - 1), variance,
                1e-2 * variance);
    if (emulated()) break;
  }
}

TEST_P(LinearVaeTest, CourseObjectiveReachesItsClosedForm) {
  for (const std::vector<double>& variances : {std::vector{2.0, 1.0, 0.3}, std::vector{2.5, 0.4, 0.1}}) {
    OwnedJob owned(
        gaussian_points(rows, variances, 30), linear(variances.size(), 2, PosteriorVariance::softplus_half),
        {.kind = ObjectiveKind::course, .variance_kind = DecoderVarianceKind::fixed}, to_convergence(rows));
    train(backend(), owned.job);
    const LinearTerms terms = exact_linear_terms(owned.job);
    const double loss = terms.squared_error / static_cast<double>(variances.size()) + terms.kl / 2;
    EXPECT_NEAR(loss, best_course_loss(eigenvalues(covariance(owned.points)), 2), 1e-4);
    if (emulated()) break;
  }
}

}  // namespace
}  // namespace gmmvae::test
