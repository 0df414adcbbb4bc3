// A whole training in single precision against the same training in double: the same points in the same
// order, the same noise, Adam in double.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "gmmvae/dataset.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/random.hpp"
#include "tests/support/backends.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class PrecisionTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(PrecisionTest);

/// The training of the library in double: loss and gradient by the CPU backend's double path (which
/// gradient_test holds against an independent reference), the rest written out here. With `rounded`, in each
/// step every parameter is moved by u 2^-24 of itself and every gradient by u 2^-24 of its size, u uniform on
/// (-1, 1): one rounding of single precision in each. A gradient's size is its own and its root mean square
/// over the last steps: a sum that comes out near zero by chance still has rounded terms of the usual size.
struct DoubleTraining {
  const TrainingJob& job;
  Backend& cpu;
  bool rounded;
  std::vector<double> parameters{job.state.parameters.begin(), job.state.parameters.end()};
  std::vector<double> m = std::vector<double>(parameters.size());
  std::vector<double> v = m;
  std::vector<double> losses{};  ///< mean over an epoch's batches
  std::mt19937_64 random{};

  double rounding() { return std::ldexp(std::uniform_real_distribution<double>(-1.0, 1.0)(random), -24); }

  LossGradient gradient_of(std::uint32_t first, std::uint32_t count, const KeyedPermutation& order,
                           std::uint32_t step) {
    Matrix<double> x(count, job.data.cols);
    for (std::uint32_t b = 0; b < count; ++b)
      for (std::size_t d = 0; d < x.cols(); ++d) x(b, d) = static_cast<double>(job.data(order(first + b), d));
    auto noise = trainer_noise(job.config.seed, Purpose::training_noise, job.model, step, count,
                               job.architecture.latent);
    if (rounded) {
      for (std::size_t b = 0; b < count; ++b)
        for (double& e : noise.row(b)) e += 4.0 * (1.0 + std::abs(e)) * rounding();
    }
    return cpu.loss_gradient(job.architecture, job.objective, parameters, x, noise, job.log_jacobian,
                             Precision::double_);
  }

  void adam(const std::vector<double>& gradient, std::uint32_t step) {
    const TrainingConfig& config = job.config;
    const double t = step + 1.0;
    const double correction1 = 1.0 - std::pow(config.adam_beta1, t);
    const double correction2 = std::sqrt(1.0 - std::pow(config.adam_beta2, t));
    const std::size_t weights = ParameterLayout(job.architecture, job.objective).log_variance_offset();
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      double g = gradient[i];
      if (rounded) g += (std::abs(g) + std::sqrt(v[i]) / correction2) * rounding();
      m[i] += (1.0 - config.adam_beta1) * (g - m[i]);
      v[i] = config.adam_beta2 * v[i] + (1.0 - config.adam_beta2) * g * g;
      const double rate = config.learning_rate * (i < weights ? 1.0 : kVarianceRateFactor);
      parameters[i] -= rate / correction1 * m[i] / (std::sqrt(v[i]) / correction2 + config.adam_epsilon);
      if (rounded) parameters[i] += parameters[i] * rounding();
    }
  }

  void run() {
    const auto rows = static_cast<std::uint32_t>(job.data.rows);
    const auto batch = static_cast<std::uint32_t>(job.config.batch);
    std::uint32_t step = 0;
    for (std::uint32_t epoch = 0; epoch < job.config.epochs; ++epoch) {
      const KeyedPermutation order(rows, job.config.seed, Purpose::shuffle, job.model, epoch);
      double sum = 0.0;
      std::uint32_t batches = 0;
      for (std::uint32_t first = 0; first < rows; first += batch, ++batches) {
        const LossGradient at = gradient_of(first, std::min(batch, rows - first), order, step);
        sum += at.loss;
        adam(at.gradient, step++);
      }
      losses.push_back(sum / batches);
    }
  }
};

/// Greatest difference between two curves so far, epoch by epoch: a sensitivity only grows.
std::vector<double> running_difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> greatest;
  for (std::size_t i = 0; i < a.size(); ++i)
    greatest.push_back(std::max(greatest.empty() ? 0.0 : greatest.back(), std::abs(a[i] - b[i])));
  return greatest;
}

// How far may the curves part? Rounding is magnified by the training itself, so the bound is taken from the
// same training in double with one rounding of 2^-24 put into each gradient, parameter and number of noise in
// each step (the greater difference of two such trainings). Single precision commits more of them: a gradient
// is a sum over the batch of products of chained sums, each of n terms rounding by about sqrt(n) 2^-24 at
// random, n up to the batch's 96; through the six layers forwards and backwards that is sqrt(12 * 96) = 34
// roundings in one. The losses are sums of 96 terms too, within 34 * 2^-24 of their size.
constexpr double kRoundings = 34.0;

TEST_P(PrecisionTest, AWholeTrainingFollowsTheOneInDouble) {
  const Dataset data = make_dataset(draw_mixture({}, 360), emulated() ? 96 : 1000, 1);
  const Scaler scaler = Scaler::fit(ScaleKind::standard, data.x);
  const Architecture architecture = {
      .data_dim = 3, .latent = 2, .encoder_hidden = {16, 8}, .decoder_hidden = {8, 16}};
  TrainingConfig config;
  config.epochs = emulated() ? 3 : 100;
  for (const Objective& objective : {Objective{}, Objective{.kind = ObjectiveKind::lab,
                                                  .variance_kind = DecoderVarianceKind::fixed,
                                                  .decoder_variance = 0.1}}) {
    OwnedJob owned(scaler.apply(data.x), architecture, objective, config);
    TrainingJob& job = owned.job;
    job.log_jacobian = scaler.log_jacobian();
    const auto cpu = make_cpu_backend(1);
    DoubleTraining exact{job, *cpu, false};
    exact.run();
    std::vector<double> sensitivity(config.epochs, 0.0);
    for (const std::uint64_t seed : {17, 18}) {
      DoubleTraining rounded{job, *cpu, true};
      rounded.random.seed(seed);
      rounded.run();
      const std::vector<double> apart = running_difference(exact.losses, rounded.losses);
      for (std::size_t i = 0; i < apart.size(); ++i) sensitivity[i] = std::max(sensitivity[i], apart[i]);
    }
    train(backend(), job);
    std::vector<double> single;
    for (std::size_t epoch = 0; epoch < config.epochs; ++epoch)
      single.push_back(job.state.history.loss(epoch));
    double used = 0.0;
    for (std::size_t epoch = 0; epoch < config.epochs; ++epoch) {
      const double allowed =
          kRoundings * (sensitivity[epoch] + std::ldexp(1.0 + std::abs(exact.losses[epoch]), -24));
      const double difference = std::abs(single[epoch] - exact.losses[epoch]);
      used = std::max(used, difference / allowed);
      EXPECT_LE(difference, allowed) << "epoch " << epoch + 1 << ": " << single[epoch] << " and "
                                     << exact.losses[epoch];
    }
    // What is reported of a model is its last loss: the mean over 1,000 points, whose sampling error is some
    // hundredths of a nat. Precision must not be seen beside it.
    const double last = std::abs(single.back() - exact.losses.back());
    EXPECT_LE(last, 2e-3 * (1.0 + std::abs(exact.losses.back())));
    RecordProperty("last_difference", fmt::format("{:.3g}", last));
    fmt::print("  {:.1f} % of the allowed difference used; last losses {:.7g} and {:.7g}\n", 100.0 * used,
               single.back(), exact.losses.back());
  }
}

}  // namespace
}  // namespace gmmvae::test
