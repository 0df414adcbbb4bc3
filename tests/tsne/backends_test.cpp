// Neighbours, affinities, gradients and embeddings of every backend, against definitions in double precision
// and against each other. Sizes fit no tile of the kernels.
#include "tests/support/backends.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "gmmvae/error.hpp"
#include "gmmvae/tsne.hpp"
#include "tests/tsne/reference.hpp"

namespace gmmvae {
namespace {

class TsneBackend : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(TsneBackend);

/// Whole numbers: squared distances are whole too, and what rounding does to them is rounded away again; many
/// are equal.
Matrix<float> lattice(std::size_t count, std::size_t dim) {
  const RandomStream random(3, Purpose::mixture_point);
  Matrix<float> x(count, dim);
  for (std::size_t i = 0; i < x.size(); ++i)
    x.data()[i] = static_cast<float>(std::floor(8.0 * random.uniform(i)));
  return x;
}

void expect_nearest(MatrixView<float> x, const NearestNeighbors& got, std::size_t k) {
  ASSERT_EQ(got.points.size(), x.rows * k);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const std::vector<std::size_t> expected = test::nearest(x, i, k);
    std::set<std::uint32_t> seen;
    for (std::size_t a = 0; a < k; ++a) {
      const std::uint32_t found = got.points[i * k + a];
      ASSERT_LT(found, x.rows);
      EXPECT_NE(found, i);
      EXPECT_TRUE(seen.insert(found).second);
      const float squared = std::round(got.squared[i * k + a]);
      EXPECT_NEAR(squared, got.squared[i * k + a], 1e-3);
      EXPECT_EQ(squared, test::squared(x, i, found));
      EXPECT_EQ(squared, test::squared(x, i, expected[a])) << "point " << i << ", " << a;
    }
  }
}

TEST_P(TsneBackend, ExactNeighborsAreThoseOfAllPairs) {
  struct Case {
    std::size_t rows, dim, k;
  };
  for (const Case& c : {Case{2, 1, 1}, Case{3, 2, 2}, Case{31, 3, 5}, Case{33, 17, 32}, Case{65, 2, 10},
                        Case{200, 7, 90}, Case{150, 33, 149}}) {
    SCOPED_TRACE(c.rows);
    const Matrix<float> x = lattice(c.rows, c.dim);
    expect_nearest(x, backend().neighbors(x, c.k, NeighborSearch::exact), c.k);
  }
  const Matrix<float> equal(40, 3, 2.0f);
  expect_nearest(equal, backend().neighbors(equal, 9, NeighborSearch::exact), 9);
}

TEST_P(TsneBackend, ApproximateNeighborsSayHowManyTheyFind) {
  const Matrix<float> x = test::clusters(300, 10, 6, 2);
  const NearestNeighbors got = backend().neighbors(x, 10, NeighborSearch::approximate);
  const NearestNeighbors again = backend().neighbors(x, 10, NeighborSearch::approximate);
  EXPECT_EQ(got.points, again.points);
  EXPECT_EQ(got.squared, again.squared);
  std::size_t hits = 0;
  for (std::size_t i = 0; i < 300; ++i) {
    const std::vector<std::size_t> expected = test::nearest(x, i, 10);
    for (std::size_t a = 0; a < 10; ++a)
      hits += std::count(expected.begin(), expected.end(), got.points[i * 10 + a]) > 0 ? 1 : 0;
  }
  ASSERT_TRUE(got.recall);
  EXPECT_GE(*got.recall, 0.95);
  // The sample is all of the points here, or every block of neighbouring ones.
  EXPECT_NEAR(static_cast<double>(hits) / 3000.0, *got.recall, 0.02);
}

TEST_P(TsneBackend, RefusesNeighborsItCannotFind) {
  Matrix<float> x = lattice(10, 2);
  EXPECT_THROW((void)backend().neighbors(x, 0, NeighborSearch::exact), UsageError);
  EXPECT_THROW((void)backend().neighbors(x, 10, NeighborSearch::exact), UsageError);
  x(4, 1) = NAN;
  EXPECT_THROW((void)backend().neighbors(x, 3, NeighborSearch::exact), DataError);
  TsneOptions options;
  EXPECT_THROW((void)backend().tsne_affinities(x, options), DataError);
  EXPECT_THROW((void)backend().tsne_affinities(Matrix<float>(1, 2), options), DataError);
  options.dim = 4;
  EXPECT_THROW((void)backend().embed(lattice(10, 2), options), UsageError);
}

Matrix<double> dense(const Affinities& affinities) {
  const Affinities p = in_data_order(affinities);
  Matrix<double> out(p.points(), p.points());
  for (std::size_t i = 0; i < p.points(); ++i)
    for (std::uint64_t e = p.offsets[i]; e < p.offsets[i + 1]; ++e) out(i, p.columns[e]) += p.values[e];
  return out;
}

/// Columns ascend, nothing is there twice, every row of the order is there.
void expect_well_formed(const Affinities& p) {
  std::vector<std::uint32_t> order = p.order;
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i);
  for (std::size_t r = 0; r < p.points(); ++r)
    for (std::uint64_t e = p.offsets[r]; e < p.offsets[r + 1]; ++e) {
      EXPECT_NE(p.columns[e], r);
      EXPECT_GT(p.values[e], 0.0f);
      if (e > p.offsets[r]) {
        EXPECT_LT(p.columns[e - 1], p.columns[e]);
      }
    }
}

TEST_P(TsneBackend, AffinitiesAreTheDefinition) {
  struct Case {
    std::size_t rows, neighbors;
    double perplexity;
  };
  for (const Case& c : {Case{200, 60, 20.0}, Case{65, 9, 3.0}, Case{33, 31, 10.5}}) {
    const Matrix<float> x = test::clusters(c.rows, 5, 3, 1);
    TsneOptions options;
    options.perplexity = c.perplexity;
    const Affinities p = backend().tsne_affinities(x, options);
    EXPECT_EQ(p.neighbors, c.neighbors);
    EXPECT_NEAR(p.effective_perplexity, c.perplexity, 1e-6);
    expect_well_formed(p);
    const Matrix<double> got = dense(p);
    const Matrix<double> expected = test::joint_probabilities(x, c.perplexity, c.neighbors);
    // Distances and weights in single precision: some units in the seventh digit of the largest.
    const double largest = *std::max_element(expected.values().begin(), expected.values().end());
    for (std::size_t i = 0; i < got.size(); ++i)
      ASSERT_NEAR(got.data()[i], expected.data()[i], 2e-6 * largest);
    EXPECT_NEAR(std::accumulate(got.values().begin(), got.values().end(), 0.0), 1.0, 1e-6);
    for (std::size_t i = 0; i < c.rows; ++i)
      for (std::size_t j = 0; j < i; ++j) ASSERT_EQ(got(i, j), got(j, i));
    options.neighbors = NeighborSearch::approximate;
    expect_well_formed(backend().tsne_affinities(x, options));
  }
}

TEST_P(TsneBackend, AffinitiesOfFewEqualAndDistantPoints) {
  TsneOptions options;
  for (const std::size_t count : {2, 3, 5}) {
    Matrix<float> x = test::cloud(count, 2, 1.0, count);
    x(0, 0) *= 1e20f;
    const Affinities p = backend().tsne_affinities(x, options);
    expect_well_formed(p);
    EXPECT_EQ(p.warnings.size(), 1U);
    EXPECT_NEAR(std::accumulate(p.values.begin(), p.values.end(), 0.0), 1.0, 1e-6);
  }
  options.perplexity = 4.0;
  const Affinities equal = backend().tsne_affinities(Matrix<float>(40, 3, 1.0f), options);
  EXPECT_NEAR(equal.effective_perplexity, 12.0, 1e-6);  // all of its neighbours are equally near
  expect_well_formed(equal);
}

/// 4 (attraction - repulsion / Z) from the definition.
std::vector<double> gradient_of(const Matrix<double>& p, MatrixView<float> y, const test::PairSums& pairs) {
  std::vector<double> out(y.size());
  for (std::size_t i = 0; i < y.rows; ++i)
    for (std::size_t d = 0; d < y.cols; ++d) {
      double sum = -pairs.forces(i, d) / pairs.normalization;
      for (std::size_t j = 0; j < y.rows; ++j)
        sum += p(i, j) / (1.0 + test::squared(y, i, j)) * (static_cast<double>(y(i, d)) - y(j, d));
      out[i * y.cols + d] = 4.0 * sum;
    }
  return out;
}

/// Errors are measured against the size of the repulsion: the gradient itself may be a small difference.
void expect_gradient(Backend& backend, MatrixView<float> y, GradientMethod method, double allowed) {
  TsneOptions options;
  options.perplexity = 5.0;
  const Affinities affinities = backend.tsne_affinities(test::clusters(y.rows, 4, 3, 1), options);
  const Matrix<double> p = dense(affinities);
  const TsneGradient got = backend.tsne_gradient(affinities, y, method);
  const Matrix<double> at(y.rows, y.cols, std::vector<double>(y.data, y.data + y.size()));
  const test::PairSums pairs = test::pair_sums(y);
  const double z = pairs.normalization;
  const std::vector<double> expected = gradient_of(p, y, pairs);
  double squared_error = 0.0, squared_size = 0.0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    squared_error += std::pow(got.gradient.data()[i] - expected[i], 2);
    squared_size += std::pow(4.0 * pairs.forces.data()[i] / z, 2);
  }
  const double error = std::sqrt(squared_error / squared_size);
  std::printf("%zu points, %zu dimensions: force error %.1e of %.0e, Z error %.1e\n", y.rows, y.cols, error,
              allowed, got.normalization / z - 1.0);
  EXPECT_LT(error, allowed);
  EXPECT_NEAR(got.normalization, z, 0.1 * allowed * z + 1e-7 * static_cast<double>(y.rows));
  EXPECT_NEAR(got.kl_divergence, test::divergence(p, at), 0.1 * allowed + 2e-6);
}

TEST_P(TsneBackend, ExactGradientIsTheDefinition) {
  for (const std::size_t dim : {1, 2, 3})
    for (const std::size_t rows : {2, 31, 129}) {
      // sums of a hundred numbers in single precision
      expect_gradient(backend(), test::cloud(rows, dim, 1.0, dim), GradientMethod::exact, 2e-6);
    }
}

TEST_P(TsneBackend, InterpolatedGradientIsCloseToTheDefinition) {
  const std::vector<double> spans =
      emulated() ? std::vector<double>{20.0, 60.0} : std::vector<double>{20.0, 60.0, 200.0, 400.0};
  for (const double span : spans)
    expect_gradient(backend(), test::clusters(250, 2, 8, 4, span / 2.0), GradientMethod::fft, 0.01);
}

TsneOptions short_run(std::size_t iterations, GradientMethod method) {
  TsneOptions options;
  options.iterations = iterations;
  options.perplexity = 8.0;
  options.method = method;
  options.threads = 1;
  options.stop_when_converged = false;
  return options;
}

TEST_P(TsneBackend, EmbedsAsWellAsTheCpu) {
  const std::size_t rows = emulated() ? 65 : 200;
  const Matrix<float> x = test::clusters(rows, 6, 3, 1);
  for (const GradientMethod method : {GradientMethod::exact, GradientMethod::fft}) {
    TsneOptions options = short_run(emulated() ? 50 : 150, method);
    options.exaggeration = 1.0;  // its end depends on the divergence, and so on rounding
    const Embedding got = backend().embed(x, options);
    const Embedding cpu = embed(x, options);
    EXPECT_EQ(got.method, method);
    EXPECT_EQ(got.iterations, options.iterations);
    // Rounding sends descents on other ways, to arrangements that are as good.
    EXPECT_NEAR(got.kl_divergence, cpu.kl_divergence, 0.05 + 0.1 * cpu.kl_divergence);
    const Affinities affinities = tsne_affinities(x, options);
    const TsneGradient at_end = tsne_gradient(affinities, got.points, GradientMethod::exact);
    EXPECT_NEAR(got.kl_divergence, at_end.kl_divergence, 2e-3);
    for (std::size_t d = 0; d < 2; ++d) {
      double mean = 0.0;
      for (std::size_t i = 0; i < rows; ++i) mean += got.points(i, d) / static_cast<double>(rows);
      EXPECT_NEAR(mean, 0.0, 1e-4);
    }
  }
}

TEST_P(TsneBackend, EmbedsToTheSameBytesHoweverItIsAsked) {
  const Matrix<float> x = test::clusters(65, 5, 4, 2);
  for (const GradientMethod method : {GradientMethod::exact, GradientMethod::fft}) {
    const TsneOptions options = short_run(emulated() ? 24 : 60, method);
    const Embedding whole = backend().embed(x, options);
    EXPECT_EQ(backend().embed(backend().tsne_affinities(x, options), x, options).points, whole.points);
    for (const std::size_t at : emulated() ? std::vector<std::size_t>{15} : std::vector<std::size_t>{7, 33}) {
      TsneControl control;
      std::size_t asked = 0;
      control.stop = [&] { return asked++ == at; };
      const Embedding part = backend().embed(x, options, control);
      EXPECT_TRUE(part.stopped);
      EXPECT_EQ(part.iterations, at);
      const Embedding rest = backend().embed(x, options, {}, &part.state);
      EXPECT_EQ(rest.points, whole.points) << at;
      EXPECT_EQ(rest.kl_divergence, whole.kl_divergence);
    }
  }
}

TEST_P(TsneBackend, ReportsAndShowsSnapshotsWithoutChangingAnything) {
  const Matrix<float> x = test::clusters(40, 5, 4, 2);
  const TsneOptions options = short_run(55, GradientMethod::fft);
  const Embedding plain = backend().embed(x, options);
  TsneControl control;
  std::vector<std::size_t> reports, snapshots;
  control.progress = [&](const TsneProgress& progress) {
    reports.push_back(progress.iteration);
    EXPECT_TRUE(std::isfinite(progress.kl_divergence));
  };
  control.snapshot_every = 20;
  control.snapshot = [&](std::size_t iteration, MatrixView<float> points) {
    snapshots.push_back(iteration);
    EXPECT_EQ(points.rows, 40U);
  };
  EXPECT_EQ(backend().embed(x, options, control).points, plain.points);
  EXPECT_EQ(reports, (std::vector<std::size_t>{50}));
  EXPECT_EQ(snapshots, (std::vector<std::size_t>{20, 40}));
}

TEST_P(TsneBackend, SurvivesTinyData) {
  for (const std::size_t count : {2, 3, 7}) {
    for (const std::size_t dim : {1, 2, 3}) {
      TsneOptions options = short_run(emulated() ? 12 : 40, GradientMethod::automatic);
      options.dim = dim;
      const Embedding got = backend().embed(test::cloud(count, 2, 1.0, count), options);
      for (const float value : got.points.values()) ASSERT_TRUE(std::isfinite(value));
      EXPECT_TRUE(std::isfinite(got.kl_divergence));
    }
  }
  const Matrix<float> equal(20, 3, 1.0f);
  TsneOptions options = short_run(30, GradientMethod::exact);
  options.start_points = Matrix<float>(20, 2);
  EXPECT_EQ(backend().embed(equal, options).points, options.start_points);
}

TEST_P(TsneBackend, PlacesNewPointsWhereTheCpuDoes) {
  const Matrix<float> x = test::clusters(60, 5, 3, 1), y = test::cloud(60, 2, 5.0, 2);
  const Matrix<float> new_points = test::clusters(5, 5, 3, 1);
  const Matrix<float> got = backend().tsne_transform(x, y, new_points);
  const Matrix<float> expected = tsne_transform(x, y, new_points, 1);
  // 250 steps carry single-precision sums of forces along
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got.data()[i], expected.data()[i], 1e-3);
  EXPECT_EQ(got, backend().tsne_transform(x, y, new_points));
  EXPECT_THROW((void)backend().tsne_transform(x, y, Matrix<float>(2, 4)), DataError);
}

}  // namespace
}  // namespace gmmvae
