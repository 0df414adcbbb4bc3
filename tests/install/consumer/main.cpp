// A stranger's program: draws a mixture, trains a small VAE on it and checks that the loss fell.
#include <cstdio>
#include <span>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/training.hpp"

int main() {
  const auto mixture = gmmvae::draw_mixture({}, 1);
  const auto dataset = gmmvae::make_dataset(mixture, 200, 1);
  const auto scaler = gmmvae::Scaler::fit(gmmvae::ScaleKind::standard, dataset.x);
  const auto points = scaler.apply(dataset.x);

  gmmvae::TrainingJob job;
  job.architecture.data_dim = points.cols();
  job.config.epochs = 5;
  job.data = points;
  job.log_jacobian = scaler.log_jacobian();
  job.state = gmmvae::initial_state(job, gmmvae::Initialization::linear);
  gmmvae::make_cpu_backend(1)->train(std::span(&job, 1), {});

  const auto& history = job.state.history;
  std::printf("loss %g after epoch 1, %g after epoch %zu\n", history.loss(0),
              history.loss(history.epochs() - 1), history.epochs());
  return history.epochs() == 5 && history.loss(4) < history.loss(0) ? 0 : 1;
}
