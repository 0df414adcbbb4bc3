// The two kinds of arithmetic of the wide products: one product beside sums in double, and whole trainings
// beside one in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

#include "gmmvae/random.hpp"
#include "kernels/training/fused/tensor.cuh"
#include "kernels/training/trainers.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"
#include "tests/support/reference_vae.hpp"
#include "tests/training/support.hpp"

namespace gmmvae {
namespace {

class ArithmeticTest : public test::EmulatorTest {};

/// c [16][8] = a [16][depth] b [depth][8] by one warp.
__global__ void multiply_by_split(const float* a, const float* b, int depth, float* c) {
  const int g = static_cast<int>(lane_id()) / 4;
  const int t = static_cast<int>(lane_id()) % 4;
  float sum[1][1][4] = {};
  for (int s = 0; s < depth / 8; ++s) {
    cuda::fused::Operands<1, 1> operands;
    for (int e = 0; e < 4; ++e) operands.a[0][e] = a[(g + 8 * (e % 2)) * depth + 8 * s + t + 4 * (e / 2)];
    for (int e = 0; e < 2; ++e) operands.b[0][e] = b[(8 * s + t + 4 * e) * 8 + g];
    cuda::fused::multiply_split(sum, operands);
  }
  for (int e = 0; e < 4; ++e) c[(g + 8 * (e / 2)) * 8 + 2 * t + e % 2] = sum[0][0][e];
}

/// The bound of tensor.cuh. The twin of mma adds eight products in fp32, which rounds eight times; the
/// hardware's sum is taken to be no worse than 4 units.
TEST_F(ArithmeticTest, ThreeProductsOfTf32AreOneOfFp32) {
  for (const int depth : {8, 64, 96}) {
    const auto a = test::to_float(test::some_normals(16, static_cast<std::size_t>(depth), 1));
    const auto b = test::to_float(test::some_normals(static_cast<std::size_t>(depth), 8, 2));
    test::Buffer<float> a_device(a.values());
    test::Buffer<float> b_device(b.values());
    test::Buffer<float> c_device(std::vector<float>(128));
    launch(multiply_by_split, 1, 32, 0, nullptr, a_device.data(), b_device.data(), depth, c_device.data());
    const std::vector<float> c = c_device.host();
    double most = 0.0;
    for (std::size_t i = 0; i < 16; ++i)
      for (std::size_t j = 0; j < 8; ++j) {
        double sum = 0.0;
        double sizes = 0.0;
        for (std::size_t k = 0; k < static_cast<std::size_t>(depth); ++k) {
          const double term = static_cast<double>(a(i, k)) * static_cast<double>(b(k, j));
          sum += term;
          sizes += std::abs(term);
        }
        most = std::max(most, std::abs(static_cast<double>(c[8 * i + j]) - sum) / std::ldexp(sizes, -24));
      }
    EXPECT_LT(most, 8.0 + 8.0 + depth / 8.0) << "units of 2^-24 of the sum of sizes, depth " << depth;
  }
}

constexpr std::size_t rows = 48;
constexpr std::size_t batch = 36;  // three warps of rows, then a last batch of one warp
constexpr std::size_t epochs = 20;

/// Losses of every epoch of the same training in double: the batches, noise and Adam of the trainers.
std::vector<double> losses_in_double(const TrainingJob& job) {
  const std::unique_ptr<Backend> cpu = make_cpu_backend(1);
  const TrainingConfig& config = job.config;
  std::vector<double> parameters(job.state.parameters.begin(), job.state.parameters.end());
  std::vector<double> first(parameters.size());
  std::vector<double> second(parameters.size());
  std::vector<double> losses;
  const std::size_t steps = (rows + batch - 1) / batch;
  for (std::uint32_t epoch = 0; epoch < epochs; ++epoch) {
    const KeyedPermutation order(static_cast<std::uint32_t>(rows), config.seed, Purpose::shuffle, job.model,
                                 epoch);
    double loss = 0.0;
    for (std::size_t i = 0; i < steps; ++i) {
      const std::size_t count = std::min(batch, rows - i * batch);
      Matrix<double> x(count, 3);
      for (std::size_t b = 0; b < count; ++b)
        for (std::size_t d = 0; d < 3; ++d)
          x(b, d) =
              static_cast<double>(job.data.data[3 * order(static_cast<std::uint32_t>(i * batch + b)) + d]);
      const auto step = static_cast<std::uint32_t>(epoch * steps + i);
      const Matrix<double> noise =
          test::trainer_noise(config.seed, Purpose::training_noise, job.model, step, count, 2);
      const LossGradient found = cpu->loss_gradient(job.architecture, job.objective, parameters, x, noise,
                                                    job.log_jacobian, Precision::double_);
      loss += found.loss / static_cast<double>(steps);
      const double t = step + 1.0;
      for (std::size_t p = 0; p < parameters.size(); ++p) {
        const double g = found.gradient[p];
        first[p] += (1 - config.adam_beta1) * (g - first[p]);
        second[p] = config.adam_beta2 * second[p] + (1 - config.adam_beta2) * g * g;
        parameters[p] -= config.learning_rate / (1 - std::pow(config.adam_beta1, t)) * first[p] /
                         (std::sqrt(second[p] / (1 - std::pow(config.adam_beta2, t))) + config.adam_epsilon);
      }
    }
    losses.push_back(loss);
  }
  return losses;
}

/// The loss is the negative ELBO in nats, so its curve is the ELBO's and its last value the final one. A
/// gradient is a sum of up to 96 products: its error is below 96 units of 2^-24, or 6e-6, of the sizes in it
/// in fp32, and in tf32x3 below 8 + 4 + 96 / 8 = 24 units, so the two may differ from double alike. Adam
/// divides by the gradient's own size, so a step's relative error is of the gradient's order, but for
/// parameters whose gradient is that near to zero; those move the loss at second order. 40 steps of 2e-3 move
/// a parameter by at most 0.08, of which 6e-6 is 5e-7 a parameter; the loss changes by less than its
/// gradient's norm (below 10 here) times the root of 9,000 such: 5e-4 at the very worst, if all errors
/// pointed uphill. They do not: with independent signs it is 10 x 5e-7. The test allows four times that,
/// where TF32 alone, of 2^-11 relative error, would be a thousand times fp32's.
TEST_F(ArithmeticTest, AWholeTrainingFollowsDoublePrecision) {
  TrainingConfig config;
  config.epochs = epochs;
  config.batch = batch;
  config.learning_rate = 2e-3;
  const Architecture architecture{
      .data_dim = 3, .latent = 2, .encoder_hidden = {64, 64}, .decoder_hidden = {64, 64}};
  const Objective objective{.variance_kind = DecoderVarianceKind::fixed, .decoder_variance = 0.3};
  std::vector<double> exact;
  for (const Arithmetic arithmetic : {Arithmetic::fp32, Arithmetic::tf32x3}) {
    config.arithmetic = arithmetic;
    test::OwnedJob owned(rows, architecture, objective, config);
    if (exact.empty()) exact = losses_in_double(owned.job);
    cuda::ModelTrainer trainer(std::span(&owned.job, 1), nullptr, cuda::Placement::fused);
    trainer.launch(epochs);
    trainer.collect();
    trainer.download();
    const History& history = owned.job.state.history;
    ASSERT_EQ(history.epochs(), epochs);
    double most = 0.0;
    for (std::size_t epoch = 0; epoch < epochs; ++epoch)
      most = std::max(most, std::abs(history.loss(epoch) - exact[epoch]));
    const double last = std::abs(history.elbo(epochs - 1) + exact.back());
    std::printf("%s: losses within %.2g nats of double, the final ELBO within %.2g\n",
                arithmetic == Arithmetic::fp32 ? "fp32" : "tf32x3", most, last);
    EXPECT_LT(most, 2e-5);
    EXPECT_LT(last, 2e-5);
    EXPECT_LT(exact.back(), exact.front() - 0.5) << "it learned something";
  }
}

}  // namespace
}  // namespace gmmvae
