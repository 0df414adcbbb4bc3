#include "host/training/trainable.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/vae.hpp"
#include "host/backend/columns.hpp"

namespace gmmvae {
namespace {

void require_architecture(const Architecture& architecture) {
  const auto has_zero = [](const std::vector<std::size_t>& widths) {
    return std::find(widths.begin(), widths.end(), std::size_t{0}) != widths.end();
  };
  if (architecture.data_dim == 0 || architecture.latent == 0 || has_zero(architecture.encoder_hidden) ||
      has_zero(architecture.decoder_hidden))
    throw UsageError(
        "an architecture has at least one data dimension, latent dimension and unit in each layer");
}

void require_state(const TrainingState& state, std::size_t parameters, std::size_t latent) {
  const std::size_t sizes[] = {state.parameters.size(), state.first_moment.size(),
                               state.second_moment.size()};
  for (const std::size_t size : sizes)
    if (size != parameters)
      throw UsageError(fmt::format(
          "the state to train from holds {} numbers where the model has {} parameters: begin with "
          "initial_state() of the very job",
          size, parameters));
  if (state.history.latent() != latent)
    throw UsageError(fmt::format("the history to go on with is one of {} latent dimensions, the model has {}",
                                 state.history.latent(), latent));
}

void require_points(const TrainingJob& job) {
  if (job.data.rows == 0) throw DataError("there are no points to train on");
  check_columns("the data", job.data.cols, job.architecture.data_dim);
  if (job.validation.rows > 0)
    check_columns("the validation data", job.validation.cols, job.architecture.data_dim);
}

}  // namespace

void require_trainable(std::span<const TrainingJob> jobs) {
  const TrainingJob* same = nullptr;  // the last job whose parameters were counted
  std::size_t parameters = 0;
  for (const TrainingJob& job : jobs) {
    if (job.state.status != TrainingStatus::running) continue;
    require_points(job);
    if (job.config.batch == 0) throw UsageError("a batch holds at least one point");
    if (!(job.config.learning_rate > 0.0) || !std::isfinite(job.config.learning_rate))
      throw UsageError(fmt::format("a learning rate is a number above 0, not {}", job.config.learning_rate));
    if (same == nullptr || !(same->architecture == job.architecture) || !(same->objective == job.objective)) {
      require_architecture(job.architecture);
      parameters = ParameterLayout(job.architecture, job.objective).size();
      same = &job;
    }
    require_state(job.state, parameters, job.architecture.latent);
  }
}

}  // namespace gmmvae
