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

}  // namespace
}  // namespace gmmvae
