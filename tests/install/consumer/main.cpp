// A stranger's program on the installed package: draws a mixture, trains a VAE on it, judges the model and
// clusters what it generates.
#include <cstddef>
#include <cstdio>
#include <gmmvae/backend.hpp>
#include <gmmvae/clustering.hpp>
#include <gmmvae/dataset.hpp>
#include <gmmvae/error.hpp>
#include <gmmvae/evaluation.hpp>
#include <gmmvae/mixture.hpp>
#include <gmmvae/training.hpp>
#include <span>

namespace {

int failures = 0;

void expect(bool holds, const char* what) {
  std::printf("%s: %s\n", holds ? "ok" : "FAILED", what);
  if (!holds) ++failures;
}

/// Trains on the scaled points with the default objective; what it gives back can be judged and saved.
gmmvae::Vae train(gmmvae::Backend& backend, const gmmvae::Scaler& scaler,
                  const gmmvae::Matrix<float>& points) {
  gmmvae::TrainingJob job;
  job.architecture.data_dim = points.cols();
  job.config.batch = 100;  // divides the points: every row of the history is a mean over equal batches
  job.data = points;
  job.log_jacobian = scaler.log_jacobian();
  job.state = gmmvae::initial_state(job, gmmvae::Initialization::linear);
  backend.train(std::span(&job, 1), {});
  expect(job.state.status == gmmvae::TrainingStatus::finished, "the training went to its end");
  expect(job.state.history.epochs() == job.config.epochs, "the history has a row for each epoch");
  return {job.architecture, job.objective, scaler, 1, job.state.parameters, ""};
}

/// What the model must show has reasons that hold for every seed. On fresh points of the mixture no model is
/// likelier than the mixture itself, and the ELBO is below the likelihood. A model that has learned nothing
/// but mean and variances has, at best, the likelihood of the collapsed solution, which `predict` gives in
/// closed form; one that uses its latent space exceeds it. The three lie nats apart; estimates get five
/// standard errors.
void judge(const gmmvae::Evaluation& evaluation, double collapsed_elbo) {
  const gmmvae::LikelihoodMetrics& likelihood = evaluation.likelihood.value();
  const double elbo = likelihood.elbo.value.value();
  const double model = likelihood.log_likelihood.value.value();
  const double truth = likelihood.true_log_likelihood.value.value();
  const double gap_error = likelihood.kl_data_model.error.value() + likelihood.method_error;
  std::printf("collapsed %.3f, elbo %.3f, log-likelihood %.3f, of the truth %.3f\n", collapsed_elbo, elbo,
              model, truth);
  expect(elbo > collapsed_elbo + 5.0 * likelihood.elbo.error.value(),
         "the model beats the collapsed solution");
  expect(elbo < model + 5.0 * likelihood.elbo.error.value(), "the ELBO bounds the likelihood from below");
  expect(model < truth + 5.0 * gap_error, "no model is likelier than the truth");
  expect(evaluation.verdict.value().verdict == "healthy", "both latent dimensions are in use");
}

void use_everything() {
  const gmmvae::Mixture mixture = gmmvae::draw_mixture({}, 1);
  const gmmvae::Dataset dataset = gmmvae::make_dataset(mixture, 1000, 1);
  const auto scaler = gmmvae::Scaler::fit(gmmvae::ScaleKind::standard, dataset.x);
  const gmmvae::Matrix<float> points = scaler.apply(dataset.x);
  const auto backend = gmmvae::make_backend({.device = "cpu", .threads = 1});
  const gmmvae::Vae vae = train(*backend, scaler, points);

  const gmmvae::Posterior posterior = backend->encode(vae, 0, points);
  const gmmvae::Matrix<float> decoded = scaler.undo(backend->decode(vae, 0, posterior.mean));
  expect(decoded.rows() == 1000 && decoded.cols() == 3, "each point is encoded and decoded");

  const auto prediction = gmmvae::predict(vae.objective, gmmvae::moments(points).covariance,
                                          vae.architecture.latent, scaler.log_jacobian());
  judge(gmmvae::evaluate(*backend, vae, 0, dataset, {}, {.count = 2000, .test = 2000}),
        -prediction.collapsed_loss);

  const gmmvae::KMeansResult clusters = gmmvae::kmeans(decoded, {.k = mixture.components()});
  expect(clusters.labels.size() == 1000 && clusters.converged, "reconstructions are clustered");
}

bool refuses_a_device_that_is_not_there() {
  try {
    gmmvae::make_backend({.device = "abacus"});
  } catch (const gmmvae::Error& error) {
    std::printf("refused: %s\n", error.what());
    return true;
  }
  return false;
}

}  // namespace

int main() {
  use_everything();
  expect(refuses_a_device_that_is_not_there(), "an unknown device is an error that can be caught");
  return failures == 0 ? 0 : 1;
}
