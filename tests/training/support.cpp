#include "tests/training/support.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <cstring>
#include <span>
#include <utility>

namespace gmmvae::test {
namespace {

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace

std::vector<Objective> all_objectives() {
  using Kind = ObjectiveKind;
  using Variance = DecoderVarianceKind;
  return {
      {.kind = Kind::course, .beta = 0.7, .variance_kind = Variance::learned},
      {.kind = Kind::lab, .beta = 1.3, .variance_kind = Variance::fixed, .decoder_variance = 0.1},
      {.kind = Kind::half_sse, .beta = 0.7, .variance_kind = Variance::fixed},
      {.kind = Kind::elbo, .beta = 1.0, .variance_kind = Variance::fixed, .decoder_variance = 0.3},
      {.kind = Kind::elbo,
       .beta = 1.3,
       .variance_kind = Variance::learned,
       .decoder_variance = 0.4,
       .variance_floor = 0.05},
      {.kind = Kind::elbo,
       .beta = 0.7,
       .variance_kind = Variance::learned_per_dim,
       .decoder_variance = 0.2,
       .variance_floor = 0.05},
  };
}

Problem::Problem(Architecture architecture_, const Objective& objective_, std::size_t rows,
                 std::uint64_t seed)
    : architecture(std::move(architecture_)),
      objective(objective_),
      x(some_normals(rows, architecture.data_dim, seed)),
      noise(some_normals(rows, architecture.latent, seed + 1)),
      parameters(parameters_clear_of_kinks(architecture, objective, x, noise, seed + 2)) {}

ReferenceLoss Problem::reference(const std::vector<double>& at) const {
  return reference_loss(architecture, objective, at, x, noise, log_jacobian);
}

LossGradient Problem::engine(Backend& backend, Precision precision) const {
  return backend.loss_gradient(architecture, objective, parameters, x, noise, log_jacobian, precision);
}

std::string Problem::description() const {
  return fmt::format("D {} Z {} encoder {} decoder {} activation {} head {} objective {} variance {} rows {}",
                     architecture.data_dim, architecture.latent, architecture.encoder_hidden,
                     architecture.decoder_hidden, static_cast<int>(architecture.activation),
                     static_cast<int>(architecture.posterior_variance), static_cast<int>(objective.kind),
                     static_cast<int>(objective.variance_kind), x.rows());
}

OwnedJob::OwnedJob(std::size_t rows, const Architecture& architecture, const Objective& objective,
                   const TrainingConfig& config, std::uint32_t model, std::size_t held_out_rows)
    : points(to_float(some_normals(rows, architecture.data_dim, 100))),
      held_out(to_float(some_normals(held_out_rows, architecture.data_dim, 200))) {
  job.architecture = architecture;
  job.objective = objective;
  job.config = config;
  job.data = points;
  job.validation = held_out;
  job.model = model;
  job.state = initial_state(job, Initialization::linear);
}

OwnedJob::OwnedJob(Matrix<float> own_points, const Architecture& architecture, const Objective& objective,
                   const TrainingConfig& config)
    : points(std::move(own_points)) {
  job.architecture = architecture;
  job.objective = objective;
  job.config = config;
  job.data = points;
  job.state = initial_state(job, Initialization::linear);
}

void train(Backend& backend, TrainingJob& job, std::uint64_t max_epochs) {
  TrainingControl control;
  control.max_epochs = max_epochs;
  backend.train(std::span(&job, 1), control);
}

void expect_identical(const TrainingState& a, const TrainingState& b, const std::string& what) {
  EXPECT_EQ(a.epoch, b.epoch) << what;
  EXPECT_EQ(a.status, b.status) << what;
  EXPECT_EQ(a.best_epoch, b.best_epoch) << what;
  EXPECT_TRUE(same_bytes(a.parameters, b.parameters)) << what << ": parameters differ";
  EXPECT_TRUE(same_bytes(a.first_moment, b.first_moment)) << what << ": first moments differ";
  EXPECT_TRUE(same_bytes(a.second_moment, b.second_moment)) << what << ": second moments differ";
  EXPECT_TRUE(same_bytes(a.best_parameters, b.best_parameters)) << what << ": best parameters differ";
  EXPECT_TRUE(same_bytes(a.history.values(), b.history.values())) << what << ": histories differ";
}

}  // namespace gmmvae::test
