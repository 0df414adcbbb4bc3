#include "host/tsne/gradient.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "gmmvae/tsne.hpp"
#include "tests/tsne/reference.hpp"

namespace gmmvae {
namespace {

// Central differences of the divergence from its definition, in double. With a step of 1e-5 they are good to
// 1e-9; what remains are the gradient's own single-precision sums.
TEST(TsneGradientTest, IsTheSlopeOfTheDivergence) {
  const Matrix<float> x = test::clusters(60, 4, 3, 1);
  TsneOptions options;
  options.perplexity = 5.0;
  const Affinities affinities = tsne_affinities(x, options);
  const Matrix<double> p = test::joint_probabilities(x, 5.0, 15);
  for (const std::size_t dim : {1, 2, 3}) {
    const Matrix<float> y = test::cloud(60, dim, 2.0, dim);
    const TsneGradient got = tsne_gradient(affinities, y, GradientMethod::exact);
    Matrix<double> at(60, dim, std::vector<double>(y.values().begin(), y.values().end()));
    EXPECT_NEAR(got.kl_divergence, test::divergence(p, at), 1e-6);
    std::vector<double> slope(at.size());
    for (std::size_t i = 0; i < at.size(); ++i) {
      const double middle = at.data()[i];
      at.data()[i] = middle + 1e-5;
      const double above = test::divergence(p, at);
      at.data()[i] = middle - 1e-5;
      slope[i] = (above - test::divergence(p, at)) / 2e-5;
      at.data()[i] = middle;
    }
    EXPECT_LT(test::relative_error(got.gradient.data(), slope, slope.size()), 1e-6) << dim;
  }
}

TEST(Repulsion, SumsAllPairsAtAnySpan) {
  ThreadPool pool(2);
  for (const double deviation : {1e-4, 1.0, 30.0}) {
    const Matrix<float> y = test::cloud(333, 2, deviation, 3);
    const test::PairSums expected = test::pair_sums(y);
    Matrix<float> forces(333, 2);
    const double z = tsne::make_exact_repulsion()->compute(y, forces.data(), pool);
    EXPECT_NEAR(z, expected.normalization, 1e-6 * expected.normalization);
    EXPECT_LT(test::relative_error(forces.data(), expected.forces.data(), forces.size()), 1e-6) << deviation;
  }
}

// What an embedding looks like as it grows: twenty clumps on a square of that side.
Matrix<float> clumps(std::size_t count, double span) {
  Matrix<float> y = test::cloud(count, 2, span / 40.0, 1);
  const RandomStream stream(5, Purpose::mixture_means);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t d = 0; d < 2; ++d)
      y(i, d) += static_cast<float>(span * (stream.uniform(i % 20 * 2 + d) - 0.5));
  return y;
}

TEST(Repulsion, InterpolationIsCloseToAllPairsAtAnySpan) {
  ThreadPool pool(2);
  const auto repulsion = tsne::make_interpolated_repulsion();
  // The contract is 1 %; the aim, reached with the seed at hand, 0.5 %. Below the distance of two nodes all
  // points share one cell and the force is linear in the position: its factor, a second derivative of the
  // splines, is off by a tenth. Attraction rules there, twelve times exaggerated.
  const std::pair<double, double> cases[] = {{20.0, 0.005},  {50.0, 0.005}, {100.0, 0.005}, {200.0, 0.005},
                                             {400.0, 0.005}, {1.0, 0.02},   {0.01, 0.15}};
  for (const auto& [span, allowed] : cases) {
    const Matrix<float> y = clumps(2000, span);
    const test::PairSums expected = test::pair_sums(y);
    Matrix<float> forces(2000, 2);
    const double z = repulsion->compute(y, forces.data(), pool);
    const double error = test::relative_error(forces.data(), expected.forces.data(), forces.size());
    std::printf("span %g: force error %.2e of %.2g, Z error %.1e\n", span, error, allowed,
                z / expected.normalization - 1.0);
    EXPECT_LT(error, allowed) << span;
    EXPECT_NEAR(z, expected.normalization, 1e-3 * expected.normalization) << span;
  }
}

// Points that have flown apart would need a grid beyond any memory, and positions that are no numbers have
// none.
TEST(Repulsion, InterpolationRefusesWhatHasNoGrid) {
  ThreadPool pool(1);
  Matrix<float> forces(2, 2);
  for (const float far : {1e7f, 1e30f, INFINITY, NAN}) {
    const Matrix<float> y(2, 2, {far, far, 0.0f, 0.0f});
    EXPECT_THROW(tsne::make_interpolated_repulsion()->compute(y, forces.data(), pool), Error) << far;
  }
}

// Two points too far apart to feel each other: what is left is what each does to itself through the grid.
TEST(Repulsion, InterpolationTakesAPointsOwnShareOff) {
  ThreadPool pool(1);
  const auto repulsion = tsne::make_interpolated_repulsion();
  for (const float at : {0.0f, 0.1f, 0.22f}) {
    const Matrix<float> y(2, 2, {-100.0f - at, 3.0f * at, 100.0f, -at});
    Matrix<float> forces(2, 2);
    const double z = repulsion->compute(y, forces.data(), pool);
    // q is 1 / 40000 each way. The share itself is about 1, known to some 1e-5, and its slope to some units
    // of that a node.
    EXPECT_NEAR(z, 5e-5, 1e-4) << at;
    for (const float force : forces.values()) EXPECT_NEAR(force, 0.0f, 1e-4f) << at;
  }
}

}  // namespace
}  // namespace gmmvae
