// The pieces of an embedding on the emulated device; whole ones are tested over all backends in tests/tsne.
#include <gtest/gtest.h>

#include <cmath>
#include <complex>
#include <numbers>
#include <optional>

#include "host/tsne/start.hpp"
#include "kernels/library/fft.hpp"
#include "kernels/library/sort.hpp"
#include "kernels/tsne/embedding.hpp"
#include "kernels/tsne/gradient.hpp"
#include "kernels/tsne/principal.hpp"
#include "tests/cuda_on_cpu/test_device.hpp"
#include "tests/tsne/reference.hpp"

namespace gmmvae::cuda {
namespace {

class Tsne : public test::EmulatorTest {};

TEST_F(Tsne, TransformsAreTheDefinition) {
  const Stream stream;
  for (const std::size_t n : {6, 20}) {
    const std::size_t half = n / 2 + 1;
    const Matrix<float> grid = test::cloud(n, n, 1.0, n);
    DeviceArray<float> on_device = to_device(grid.values(), stream.get());
    DeviceArray<float2> spectrum(n * half, stream.get());
    RealFft2d fft(n, stream.get());
    fft.forward(on_device.data(), spectrum.data());
    const std::vector<float2> got = to_host(spectrum, stream.get());
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t l = 0; l < half; ++l) {
        std::complex<double> sum = 0.0;
        for (std::size_t s = 0; s < n; ++s)
          for (std::size_t t = 0; t < n; ++t)
            sum += static_cast<double>(grid(s, t)) *
                   std::polar(1.0, -2.0 * std::numbers::pi * static_cast<double>((k * s + l * t) % n) /
                                       static_cast<double>(n));
        // sums of n^2 normal numbers, about n large, through some roundings
        ASSERT_NEAR(got[k * half + l].x, sum.real(), 3e-6 * static_cast<double>(n));
        ASSERT_NEAR(got[k * half + l].y, sum.imag(), 3e-6 * static_cast<double>(n));
      }
    fft.backward(spectrum.data(), on_device.data());
    const std::vector<float> back = to_host(on_device, stream.get());
    for (std::size_t i = 0; i < back.size(); ++i)
      ASSERT_NEAR(back[i] / static_cast<double>(n * n), grid.data()[i], 2e-6);
  }
}

TEST_F(Tsne, SortsKeepTheOrderOfEqualKeysAndLookAtTheirLowBits) {
  const Stream stream;
  const std::vector<std::uint32_t> some_keys = {3, 1, 16 + 2, 1, 3, 0}, numbers = {0, 1, 2, 3, 4, 5};
  DeviceArray<std::uint32_t> keys = to_device(some_keys, stream.get());
  DeviceArray<std::uint32_t> values = to_device(numbers, stream.get());
  sort_pairs(keys.data(), values.data(), 6, 4, stream.get());
  EXPECT_EQ(to_host(values, stream.get()), (std::vector<std::uint32_t>{5, 1, 3, 2, 0, 4}));
  EXPECT_EQ(bits_below(16), 4);
  EXPECT_EQ(bits_below(17), 5);
  DeviceArray<std::uint64_t> sums(6, stream.get());
  exclusive_sums(to_device(std::vector<std::uint32_t>{4, 0, 2, 1, 1, 99}, stream.get()).data(), sums.data(),
                 5, stream.get());
  EXPECT_EQ(to_host(sums, stream.get()), (std::vector<std::uint64_t>{0, 4, 4, 6, 7, 8}));
}

TEST_F(Tsne, PrincipalScoresAreTheCpus) {
  const Stream stream;
  ThreadPool pool(1);
  const Matrix<float> x = test::clusters(70, 9, 3, 1);
  for (const std::size_t count : {2, 3}) {
    const Matrix<double> got = principal_scores(x, count, stream.get());
    const Matrix<double> expected = tsne::principal_scores(x, count, pool);
    // the power method amplifies the order of sums by the gaps between eigenvalues
    EXPECT_LT(test::relative_error(got.data(), expected.data(), got.size()), 1e-6);
  }
  const Matrix<double> line = principal_scores(test::cloud(20, 1, 1.0, 1), 2, stream.get());
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(line(i, 1), 0.0);
}

TEST_F(Tsne, GridsGrowByAnEighth) {
  const std::vector<std::uint32_t>& ladder = grid_ladder();
  for (std::size_t i = 1; i < ladder.size(); ++i) {
    EXPECT_GT(ladder[i], ladder[i - 1]);
    EXPECT_LT(ladder[i], ladder[i - 1] * 1.4);
  }
}

/// Positions that want another grid than the one at hand halt the state, once, and then get it: the gradient
/// is that of positions which had it from the beginning.
TEST_F(Tsne, TheGridFollowsFromThePositionsAlone) {
  const Stream stream;
  TsneOptions options;
  options.perplexity = 4.0;
  const Affinities p = tsne_affinities(test::clusters(60, 4, 3, 1), options, stream.get());
  const DeviceAffinities on_device = upload(p, stream.get());
  const Matrix<float> narrow = test::cloud(60, 2, 0.5, 1), wide = test::cloud(60, 2, 12.0, 2);
  const auto forces_at = [&](const std::vector<const Matrix<float>*>& way) {
    DeviceGradient gradient(on_device, *way.front(), GradientMethod::fft, stream.get());
    (void)gradient.kl_divergence();
    for (const Matrix<float>* next : way) {
      copy_to_device(gradient.positions().data(), std::span(next->values()), stream.get());
      launch_box(gradient.positions().data(), 60, 2, gradient.state(), stream.get());
      (void)gradient.kl_divergence();
    }
    return to_host(gradient.repulsion(), stream.get());
  };
  const std::vector<float> expected = forces_at({&wide});
  EXPECT_EQ(forces_at({&narrow, &wide}), expected);
  EXPECT_EQ(forces_at({&wide, &narrow, &wide}), expected);
  EXPECT_NE(forces_at({&narrow}), expected);
}

TEST_F(Tsne, TheOrderOfThreadsChangesNothing) {
  const Stream stream;
  const Matrix<float> x = test::clusters(45, 5, 3, 1);
  for (const GradientMethod method : {GradientMethod::exact, GradientMethod::fft}) {
    TsneOptions options;
    options.perplexity = 4.0;
    options.iterations = 3;
    options.method = method;
    options.neighbors = method == GradientMethod::fft ? NeighborSearch::approximate : NeighborSearch::exact;
    std::optional<Matrix<float>> first;
    in_every_order([&] {
      const Embedding got = embed(x, options, {}, nullptr, stream.get());
      if (!first) first = got.points;
      EXPECT_EQ(got.points, *first);
    });
  }
}

TEST_F(Tsne, AnEmbeddingTooWideForAnyGridIsAnError) {
  const Stream stream;
  TsneOptions options;
  options.perplexity = 2.0;
  const Affinities p = tsne_affinities(test::cloud(12, 2, 1.0, 1), options, stream.get());
  for (const double deviation : {1e6, 1e30, static_cast<double>(NAN)})
    EXPECT_THROW((void)tsne_gradient(p, test::cloud(12, 2, deviation, 1), GradientMethod::fft, stream.get()),
                 Error);
}

}  // namespace
}  // namespace gmmvae::cuda
