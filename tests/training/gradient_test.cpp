// The gradient of every parameter against difference quotients of an independent loss.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "gmmvae/error.hpp"
#include "tests/support/backends.hpp"
#include "tests/training/support.hpp"

namespace gmmvae::test {
namespace {

class GradientTest : public BackendTest {};
GMMVAE_OVER_BACKENDS(GradientTest);

constexpr double step = 1e-4;
constexpr double epsilon = std::numeric_limits<double>::epsilon();

/// Five-point difference quotient: truncation step^4 f^(5) / 30, below 1e-16 of a fifth derivative; rounding
/// 1.5 epsilon |f| / step, some 1e-12 of the loss. Both lie far below the 1e-6 that is asked for.
double difference_quotient(const Problem& problem, std::size_t index) {
  std::vector<double> at = problem.parameters;
  const auto loss = [&](double offset) {
    at[index] = problem.parameters[index] + offset;
    return problem.reference(at).loss;
  };
  return (8 * (loss(step) - loss(-step)) - (loss(2 * step) - loss(-2 * step))) / (12 * step);
}

double largest(const std::vector<double>& values, const TensorSlice& slice) {
  double result = 0;
  for (std::size_t i = 0; i < slice.size; ++i) result = std::max(result, std::abs(values[slice.offset + i]));
  return result;
}

/// The loss and each of its terms, then every element of the gradient to 1e-6 of the largest element of its
/// tensor. (Relative to the element itself would be no statement: an element can be a small difference of
/// large terms.) The second part of the tolerance is the quotient's own rounding, which decides where a whole
/// tensor's gradient is zero.
void expect_gradient_matches(Backend& backend, const Problem& problem) {
  SCOPED_TRACE(problem.description());
  const ReferenceLoss reference = problem.reference();
  ASSERT_GT(reference.kink_distance, 10 * step) << "a difference quotient could step over a kink";
  const LossGradient engine = problem.engine(backend, Precision::double_);
  const double rounding = 1e3 * epsilon * (std::abs(reference.loss) + 1);
  EXPECT_NEAR(engine.loss, reference.loss, rounding);
  EXPECT_NEAR(engine.reconstruction, reference.reconstruction, rounding);
  ASSERT_EQ(engine.kl_per_dimension.size(), reference.kl_per_dimension.size());
  for (std::size_t j = 0; j < reference.kl_per_dimension.size(); ++j)
    EXPECT_NEAR(engine.kl_per_dimension[j], reference.kl_per_dimension[j], rounding)
        << "KL of dimension " << j;

  const ParameterLayout layout(problem.architecture, problem.objective);
  ASSERT_EQ(layout.size(), problem.parameters.size());
  ASSERT_EQ(engine.gradient.size(), problem.parameters.size());
  for (const TensorSlice& slice : layout.tensors()) {
    const double tolerance =
        1e-6 * largest(engine.gradient, slice) + 8 * epsilon * std::abs(reference.loss) / step;
    for (std::size_t i = slice.offset; i < slice.offset + slice.size; ++i)
      ASSERT_NEAR(engine.gradient[i], difference_quotient(problem, i), tolerance)
          << slice.name << " element " << i - slice.offset;
  }
}

bool has_double(Backend& backend) {
  const Problem smallest({.data_dim = 1, .latent = 1, .encoder_hidden = {}, .decoder_hidden = {}}, {}, 1, 1);
  try {
    (void)smallest.engine(backend, Precision::double_);
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

TEST_P(GradientTest, EveryActivationObjectiveAndHeadAgainstDifferences) {
  if (!has_double(backend())) GTEST_SKIP() << GetParam() << " computes in single precision only";
  std::uint64_t seed = 1;
  for (const Activation activation : all_activations)
    for (const PosteriorVariance head : all_heads)
      for (const Objective& objective : all_objectives())
        expect_gradient_matches(backend(), Problem({.data_dim = 3,
                                                    .latent = 2,
                                                    .encoder_hidden = {5, 4},
                                                    .decoder_hidden = {4, 3},
                                                    .activation = activation,
                                                    .posterior_variance = head},
                                                   objective, 4, seed += 10));
}

/// Depth 0 to 3, widths around the sizes that vector registers and tiles have, encoder and decoder of their
/// own.
std::vector<Architecture> odd_shapes() {
  return {
      {.data_dim = 3, .latent = 2, .encoder_hidden = {}, .decoder_hidden = {}},
      {.data_dim = 1, .latent = 1, .encoder_hidden = {1}, .decoder_hidden = {1}},
      {.data_dim = 2, .latent = 3, .encoder_hidden = {3}, .decoder_hidden = {}},
      {.data_dim = 5, .latent = 1, .encoder_hidden = {}, .decoder_hidden = {31}},
      {.data_dim = 3, .latent = 8, .encoder_hidden = {33}, .decoder_hidden = {65}},
      {.data_dim = 17, .latent = 5, .encoder_hidden = {31, 1}, .decoder_hidden = {3, 33}},
      {.data_dim = 4, .latent = 2, .encoder_hidden = {65, 33}, .decoder_hidden = {31, 3}},
      {.data_dim = 3, .latent = 2, .encoder_hidden = {3, 33, 1}, .decoder_hidden = {1, 31, 3}},
      {.data_dim = 33, .latent = 2, .encoder_hidden = {16, 8, 16}, .decoder_hidden = {3, 3, 3}},
  };
}

TEST_P(GradientTest, OddShapesAgainstDifferences) {
  if (!has_double(backend())) GTEST_SKIP() << GetParam() << " computes in single precision only";
  const auto objectives = all_objectives();
  const std::size_t batches[] = {1, 5, 7};
  std::size_t turn = 0;
  for (Architecture architecture : odd_shapes())
    for (const Activation activation : {Activation::tanh, Activation::relu, Activation::leaky_relu}) {
      architecture.activation = activation;
      architecture.posterior_variance = all_heads[turn % 2];
      expect_gradient_matches(backend(), Problem(architecture, objectives[turn % objectives.size()],
                                                 batches[turn % 3], 1000 + 10 * turn));
      ++turn;
    }
}

/// Single precision against double on the same inputs, each exact in single precision. An element is a sum
/// over a path of roundings: every inner product forward (fan-in) and backward (fan-out) and the sum over the
/// batch. With n of them in all, errors grow as sqrt(n) u for terms of either sign; n u of the tensor's
/// largest element leaves a factor sqrt(n) for cancellation inside the sums, and the constant stands for the
/// few ulp of each exp, log or erf.
double single_precision_bound(const Problem& problem) {
  std::size_t roundings = problem.x.rows() + 64;
  for (const auto& layers : {encoder_layers(problem.architecture), decoder_layers(problem.architecture)})
    for (const DenseShape& layer : layers) roundings += layer.in + layer.out + 16;
  return static_cast<double>(roundings) * std::ldexp(1.0, -24);
}

/// `reference` is the backend with the double: the first two tests hold it to its difference quotients.
double single_precision_error(Backend& backend, Backend& reference, const Problem& problem) {
  SCOPED_TRACE(problem.description());
  const LossGradient single = problem.engine(backend, Precision::single);
  const LossGradient exact = problem.engine(reference, Precision::double_);
  const double bound = single_precision_bound(problem);
  double used = std::abs(single.loss - exact.loss) / (bound * (std::abs(exact.loss) + 1));
  const ParameterLayout layout(problem.architecture, problem.objective);
  for (const TensorSlice& slice : layout.tensors()) {
    const double scale = largest(exact.gradient, slice);
    for (std::size_t i = slice.offset; i < slice.offset + slice.size; ++i)
      used = std::max(used, std::abs(single.gradient[i] - exact.gradient[i]) / (bound * scale + 1e-30));
  }
  EXPECT_LT(used, 1) << "of the allowed error";
  return used;
}

TEST_P(GradientTest, SinglePrecisionAgainstDouble) {
  const std::unique_ptr<Backend> reference = make_cpu_backend(1);
  double used = 0;
  std::uint64_t seed = 5000;
  for (Architecture architecture : odd_shapes())
    for (const Activation activation : all_activations)
      for (const Objective& objective : all_objectives()) {
        architecture.activation = activation;
        architecture.posterior_variance = all_heads[seed / 10 % 2];
        used = std::max(used, single_precision_error(backend(), *reference,
                                                     Problem(architecture, objective, 1 + seed % 97, seed)));
        seed += 10;
      }
  RecordProperty("used_of_allowed_error", std::to_string(used));
}

}  // namespace
}  // namespace gmmvae::test
