// Trained models judged end to end: what the published comparisons of mode collapse and the course's own data
// show. The whole protocol (10 trials of 20,000 steps) is bench/studies/mode_collapse_study.
#include <gtest/gtest.h>

#include "gmmvae/backend.hpp"
#include "gmmvae/evaluation.hpp"
#include "gmmvae/training.hpp"
#include "host/vae/sampling.hpp"

namespace gmmvae {
namespace {

struct Trained {
  Vae vae;
  std::unique_ptr<Backend> backend;
};

Trained train(const Dataset& data, ScaleKind scale, const Objective& objective, std::size_t hidden,
              const TrainingConfig& config) {
  Trained out;
  out.backend = make_cpu_backend(1);
  out.vae.architecture = {
      .data_dim = data.x.cols(), .encoder_hidden = {hidden, hidden}, .decoder_hidden = {hidden, hidden}};
  out.vae.objective = objective;
  out.vae.scaler = Scaler::fit(scale, data.x);
  const Matrix<float> scaled = out.vae.scaler.apply(data.x);
  TrainingJob job;
  job.architecture = out.vae.architecture;
  job.objective = objective;
  job.config = config;
  job.data = scaled;
  job.log_jacobian = out.vae.scaler.log_jacobian();
  job.state = initial_state(job, Initialization::linear);
  out.backend->train({&job, 1}, {});
  out.vae.parameters = job.state.parameters;
  return out;
}

ModeCoverage published_protocol(const MixtureSpec& spec, std::size_t steps, double rate) {
  const Mixture mixture = draw_mixture(spec, 1);
  const Dataset data = make_dataset(mixture, 20000, 1);
  TrainingConfig config;
  config.batch = 100;
  config.epochs = steps / 200;
  config.learning_rate = rate;
  config.schedule = LearningRateSchedule::cosine;
  const Trained model = train(data, ScaleKind::standard, {}, 128, config);
  return mode_coverage(sample_model(*model.backend, model.vae, 0, 2500, true, 1), mixture);
}

// The bounds leave room for a few thousand steps in place of 20,000; a collapsed model has one mode or none.
TEST(TrainedModels, ReachAllModesOfTheRing) {
  const ModeCoverage c = published_protocol(
      {.layout = Layout::ring, .components = 8, .dim = 2, .spread = 1.0, .sigma = 0.01}, 5000, 3e-3);
  EXPECT_EQ(c.captured, 8u);
  EXPECT_GT(c.high_quality, 0.4);
  EXPECT_LT(*c.reverse_kl, 0.03);
}

TEST(TrainedModels, ReachAllModesOfTheGrid) {
  const ModeCoverage c = published_protocol(
      {.layout = Layout::grid, .components = 25, .dim = 2, .spread = 2.0, .sigma = 0.05}, 8000, 4e-3);
  EXPECT_EQ(c.captured, 25u);
  EXPECT_GT(c.high_quality, 0.4);
  EXPECT_LT(*c.reverse_kl, 0.1);
}

class CourseData : public testing::Test {
 protected:
  static EvaluationOptions options() {
    EvaluationOptions o;
    o.count = 10000;
    o.test = 2000;
    o.ceiling = false;
    return o;
  }
  Dataset data_ = make_dataset(draw_mixture({}, 360), 1000, 360);
};

TEST_F(CourseData, TheRecommendedModelFindsTenOfTenModes) {
  TrainingConfig config;
  config.epochs = 1000;
  const Trained model = train(data_, ScaleKind::standard, {}, 64, config);
  const Evaluation e = evaluate(*model.backend, model.vae, 0, data_, {}, options());
  EXPECT_EQ(e.noise_free->modes->captured, 10u);
  EXPECT_GE(e.noise_free->modes->high_quality, 0.83);
  EXPECT_LT(*e.noise_free->modes->reverse_kl, 0.03);
  EXPECT_EQ(e.samples.modes->captured, 10u);
  EXPECT_EQ(e.verdict->verdict, "healthy");
  // Published for such data: 0.35 to 0.54 nats from the truth after 1000 epochs, 2.0 to 2.8 for one Gaussian.
  EXPECT_LT(*e.likelihood->kl_data_model.value, 0.6);
  EXPECT_GT(*e.likelihood->true_log_likelihood.value - *e.likelihood->one_gaussian.value, 1.5);
  EXPECT_LT(e.likelihood->method_error, 1e-4);
  EXPECT_LT(*e.likelihood->elbo.value, *e.likelihood->log_likelihood.value);
}

TEST_F(CourseData, TheCourseModelHasCollapsed) {
  Objective course;
  course.kind = ObjectiveKind::course;
  const Trained model = train(data_, ScaleKind::minmax, course, 64, {});
  const Evaluation e = evaluate(*model.backend, model.vae, 0, data_, {}, options());
  EXPECT_EQ(e.verdict->verdict, "collapsed");
  EXPECT_EQ(e.latent->active, 0u);
  for (double kl : e.latent->kl_per_dimension) EXPECT_LT(kl, 1e-3);
  EXPECT_LE(e.noise_free->modes->captured, 1u);
  EXPECT_LT(*e.noise_free->sample_variance_ratio.value, 0.02);  // published: 0.1 to 1 %
}

}  // namespace
}  // namespace gmmvae
