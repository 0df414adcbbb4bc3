// Encode, decode and the gradient of a batch on the emulated device, against the CPU backend in double
// precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "kernels/training/trainers.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"
#include "tests/support/reference_vae.hpp"

namespace gmmvae::cuda {
namespace {

class Apply : public test::EmulatorTest {};

constexpr Activation activations[] = {Activation::relu,    Activation::tanh,       Activation::softplus,
                                      Activation::gelu,    Activation::leaky_relu, Activation::elu,
                                      Activation::identity};

/// The gradient's terms are sums over at most 41 rows, through three layers of up to 65 inputs: single
/// precision leaves some 10^-7 of the largest term.
TEST_F(Apply, GradientsAreThoseOfDoublePrecision) {
  std::uint64_t seed = 1;
  for (const Activation activation : activations) {
    for (const PosteriorVariance head : {PosteriorVariance::exp, PosteriorVariance::softplus_half}) {
      for (const ObjectiveKind kind : {ObjectiveKind::course, ObjectiveKind::elbo}) {
        const Architecture architecture{.data_dim = 5,
                                        .latent = 3,
                                        .encoder_hidden = {33, 9},
                                        .decoder_hidden = {65},
                                        .activation = activation,
                                        .posterior_variance = head};
        const Objective objective{.kind = kind,
                                  .beta = 0.7,
                                  .variance_kind = DecoderVarianceKind::learned_per_dim,
                                  .decoder_variance = 0.4,
                                  .variance_floor = 0.05};
        const Matrix<double> x = test::some_normals(41, 5, ++seed);
        const Matrix<double> noise = test::some_normals(41, 3, ++seed);
        const std::vector<double> parameters =
            test::parameters_clear_of_kinks(architecture, objective, x, noise, ++seed);
        const LossGradient wanted = make_cpu_backend(1)->loss_gradient(architecture, objective, parameters, x,
                                                                       noise, 0.75, Precision::double_);
        const LossGradient got = loss_gradient(architecture, objective, parameters, x, noise, 0.75, nullptr);
        EXPECT_NEAR(got.loss, wanted.loss, 1e-6 * (1 + std::abs(wanted.loss)));
        EXPECT_NEAR(got.reconstruction, wanted.reconstruction, 1e-6 * (1 + std::abs(wanted.reconstruction)));
        double largest = 0.0;
        for (const double g : wanted.gradient) largest = std::max(largest, std::abs(g));
        ASSERT_EQ(got.gradient.size(), wanted.gradient.size());
        for (std::size_t i = 0; i < wanted.gradient.size(); ++i)
          ASSERT_NEAR(got.gradient[i], wanted.gradient[i], 1e-6 * largest)
              << i << " activation " << int(activation);
        for (std::size_t j = 0; j < 3; ++j)
          EXPECT_NEAR(got.kl_per_dimension[j], wanted.kl_per_dimension[j], 1e-5);
      }
    }
  }
}

TEST_F(Apply, EncodesAndDecodesAnyNumberOfRows) {
  for (const std::size_t rows : {std::size_t{0}, std::size_t{1}, std::size_t{97}, std::size_t{300}}) {
    Vae vae;
    vae.architecture = {.data_dim = 4, .latent = 5, .encoder_hidden = {31}, .decoder_hidden = {12, 7}};
    vae.models = 2;
    for (std::uint32_t model = 0; model < 2; ++model) {
      const auto parameters =
          initial_parameters(vae.architecture, vae.objective, Initialization::linear, 3, model);
      vae.parameters.insert(vae.parameters.end(), parameters.begin(), parameters.end());
    }
    const Matrix<float> x = test::to_float(test::some_normals(rows, 4, 7));
    const Matrix<float> z = test::to_float(test::some_normals(rows, 5, 8));
    const auto cpu = make_cpu_backend(1);
    const Posterior posterior = encode(vae, 1, x, nullptr);
    const Posterior wanted = cpu->encode(vae, 1, x);
    const Matrix<float> decoded = decode(vae, 1, z, nullptr);
    const Matrix<float> wanted_points = cpu->decode(vae, 1, z);
    ASSERT_EQ(posterior.mean.rows(), rows);
    ASSERT_EQ(decoded.rows(), rows);
    for (std::size_t i = 0; i < rows * 5; ++i) {
      ASSERT_NEAR(posterior.mean.data()[i], wanted.mean.data()[i], 2e-6);
      ASSERT_NEAR(posterior.variance.data()[i], wanted.variance.data()[i], 2e-6 * wanted.variance.data()[i]);
    }
    for (std::size_t i = 0; i < rows * 4; ++i) ASSERT_NEAR(decoded.data()[i], wanted_points.data()[i], 2e-6);
  }
}

}  // namespace
}  // namespace gmmvae::cuda
