#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/training.hpp"
#include "gmmvae/vae.hpp"
#include "tests/support/reference_vae.hpp"

namespace gmmvae::test {

inline constexpr Activation all_activations[] = {
    Activation::relu,       Activation::tanh, Activation::softplus, Activation::gelu,
    Activation::leaky_relu, Activation::elu,  Activation::identity};
inline constexpr PosteriorVariance all_heads[] = {PosteriorVariance::exp, PosteriorVariance::softplus_half};

/// The objectives of the command line with each way to have a decoder variance, away from special values of
/// beta.
std::vector<Objective> all_objectives();

/// One batch with parameters whose kinks lie between its samples.
struct Problem {
  Architecture architecture;
  Objective objective;
  Matrix<double> x;
  Matrix<double> noise;
  std::vector<double> parameters;
  double log_jacobian = 0.75;

  Problem(Architecture architecture, const Objective& objective, std::size_t rows, std::uint64_t seed);
  [[nodiscard]] ReferenceLoss reference(const std::vector<double>& at) const;
  [[nodiscard]] ReferenceLoss reference() const { return reference(parameters); }
  [[nodiscard]] LossGradient engine(Backend& backend, Precision precision) const;
  [[nodiscard]] std::string description() const;
};

/// A job on standard normal points [rows,dim], which it owns, with a fresh state.
struct OwnedJob {
  Matrix<float> points;
  Matrix<float> held_out;
  TrainingJob job;

  OwnedJob(std::size_t rows, const Architecture& architecture, const Objective& objective,
           const TrainingConfig& config, std::uint32_t model = 0, std::size_t held_out_rows = 0);
  OwnedJob(Matrix<float> own_points, const Architecture& architecture, const Objective& objective,
           const TrainingConfig& config);
  OwnedJob(const OwnedJob&) = delete;
  OwnedJob& operator=(const OwnedJob&) = delete;
};

/// Trains one job to its end, or by at most `max_epochs` epochs.
void train(Backend& backend, TrainingJob& job, std::uint64_t max_epochs = 0);

/// Fails with the first difference unless both states are the same to the byte.
void expect_identical(const TrainingState& a, const TrainingState& b, const std::string& what);

}  // namespace gmmvae::test
