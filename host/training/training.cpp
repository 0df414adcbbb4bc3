#include "gmmvae/training.hpp"

#include <fmt/core.h>

#include <cmath>
#include <numbers>

namespace gmmvae {

double learning_rate_at(const TrainingConfig& config, std::uint64_t step, std::uint64_t steps) {
  const double progress = steps == 0 ? 0.0 : static_cast<double>(step) / static_cast<double>(steps);
  switch (config.schedule) {
    case LearningRateSchedule::constant:
      break;
    case LearningRateSchedule::cosine:
      return config.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
    case LearningRateSchedule::linear:
      return config.learning_rate * (1.0 - progress);
  }
  return config.learning_rate;
}

std::vector<std::string> History::column_names() const {
  std::vector<std::string> names = {"loss", "reconstruction", "kl"};
  for (std::size_t j = 1; j <= latent_; ++j) names.push_back(fmt::format("kl_{}", j));
  for (const char* name : {"decoder_variance", "elbo", "elbo_validation", "grad_norm"})
    names.emplace_back(name);
  return names;
}

TrainingState initial_state(const TrainingJob& job, Initialization initialization) {
  TrainingState state;
  state.parameters =
      initial_parameters(job.architecture, job.objective, initialization, job.config.seed, job.model);
  state.first_moment.assign(state.parameters.size(), 0.0f);
  state.second_moment.assign(state.parameters.size(), 0.0f);
  state.history = History(job.architecture.latent);
  return state;
}

}  // namespace gmmvae
