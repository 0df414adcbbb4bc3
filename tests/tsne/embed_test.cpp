#include <gtest/gtest.h>

#include <cmath>

#include "gmmvae/error.hpp"
#include "gmmvae/tsne.hpp"
#include "host/tsne/start.hpp"
#include "tests/tsne/reference.hpp"

namespace gmmvae {
namespace {

TsneOptions short_run(std::size_t iterations) {
  TsneOptions options;
  options.iterations = iterations;
  options.threads = 1;
  return options;
}

TEST(Embed, GivesTheSameBytesForAnyNumberOfThreads) {
  const Matrix<float> x = test::clusters(700, 10, 5, 1);
  TsneOptions options = short_run(60);
  const Embedding one = embed(x, options);
  EXPECT_EQ(one.points, embed(x, options).points);
  for (const std::size_t threads : {2, 5}) {
    options.threads = threads;
    const Embedding other = embed(x, options);
    EXPECT_EQ(one.points, other.points) << threads;
    EXPECT_EQ(one.kl_divergence, other.kl_divergence);
  }
}

TEST(Embed, StoppedAndResumedEqualsOneRun) {
  const Matrix<float> x = test::clusters(300, 5, 4, 2);
  const TsneOptions options = short_run(400);
  const Embedding whole = embed(x, options);
  for (const std::size_t at : {0, 7, 60, 130}) {
    TsneControl control;
    std::size_t asked = 0;
    control.stop = [&] { return asked++ == at; };
    const Embedding part = embed(x, options, control);
    EXPECT_TRUE(part.stopped);
    EXPECT_EQ(part.iterations, at);
    const Embedding rest = embed(x, options, {}, &part.state);
    EXPECT_EQ(rest.points, whole.points) << at;
    EXPECT_EQ(rest.iterations, whole.iterations);
    EXPECT_EQ(rest.exaggeration_end, whole.exaggeration_end);
  }
}

TEST(Embed, ReportsItsDivergenceAndShowsSnapshots) {
  const Matrix<float> x = test::clusters(200, 5, 4, 2);
  TsneOptions options = short_run(200);
  options.stop_when_converged = false;
  TsneControl control;
  std::vector<std::size_t> reports, snapshots;
  control.progress = [&](const TsneProgress& progress) { reports.push_back(progress.iteration); };
  control.snapshot_every = 80;
  control.snapshot = [&](std::size_t iteration, MatrixView<float> points) {
    snapshots.push_back(iteration);
    EXPECT_EQ(points.rows, 200u);
  };
  const Embedding done = embed(x, options, control);
  EXPECT_EQ(reports, (std::vector<std::size_t>{50, 100, 150, 200}));
  EXPECT_EQ(snapshots, (std::vector<std::size_t>{80, 160}));
  const TsneGradient at_end = tsne_gradient(tsne_affinities(x, options), done.points, GradientMethod::exact);
  EXPECT_NEAR(done.kl_divergence, at_end.kl_divergence, 1e-6);
}

// Points on a plane in many dimensions: two scores keep all their distances, do not go together, and the
// first has the greater variance. 300 columns take the way without the products of all columns.
TEST(Start, PrincipalScoresKeepAPlane) {
  ThreadPool pool(2);
  for (const std::size_t dim : {2, 41, 300}) {
    const Matrix<float> plane = test::cloud(1501, 2, 1.0, dim), directions = test::cloud(2, dim, 1.0, 2);
    Matrix<float> x(1501, dim);
    for (std::size_t i = 0; i < 1501; ++i)
      for (std::size_t d = 0; d < dim; ++d)
        x(i, d) = 7.0f + plane(i, 0) * directions(0, d) + 3.0f * plane(i, 1) * directions(1, d);
    const Matrix<double> scores = tsne::principal_scores(x, 2, pool);
    double product[2][2] = {};
    for (std::size_t i = 0; i < 1501; ++i)
      for (std::size_t a = 0; a < 2; ++a)
        for (std::size_t b = 0; b < 2; ++b) product[a][b] += scores(i, a) * scores(i, b);
    EXPECT_GT(product[0][0], product[1][1]);
    EXPECT_NEAR(product[0][1], 0.0, 1e-9 * product[0][0]) << dim;
    for (std::size_t i = 0; i < 1500; i += 7) {
      const double apart = test::squared(x, i, i + 1);
      // The points themselves are rounded to single precision.
      EXPECT_NEAR(std::pow(scores(i, 0) - scores(i + 1, 0), 2) + std::pow(scores(i, 1) - scores(i + 1, 1), 2),
                  apart, 1e-5 * apart + 1e-4)
          << dim;
    }
  }
}

TEST(Embed, LeavesEqualPointsWhereTheyStart) {
  const Matrix<float> x(20, 3, 1.0f);
  TsneOptions options = short_run(50);
  options.start_points = Matrix<float>(20, 2);
  EXPECT_EQ(embed(x, options).points, options.start_points);
}

TEST(Embed, SurvivesTinyAndExtremeData) {
  for (const std::size_t count : {2, 3, 4, 7}) {
    for (const double perplexity : {0.5, 2.0, 30.0}) {
      Matrix<float> x = test::cloud(count, 2, 1.0, count);
      x(0, 0) *= 1e9f;
      TsneOptions options = short_run(300);
      options.perplexity = perplexity;
      const Embedding got = embed(x, options);
      double largest = 0.0;
      for (const float value : got.points.values()) {
        ASSERT_TRUE(std::isfinite(value));
        largest = std::max(largest, std::abs(static_cast<double>(value)));
      }
      EXPECT_GT(largest, 1e-8);
      EXPECT_LT(largest, 1e4);
      EXPECT_TRUE(std::isfinite(got.kl_divergence));
    }
  }
}

TEST(Embed, RefusesWhatItCannotUse) {
  const Matrix<float> x = test::cloud(20, 3, 1.0, 1);
  const auto refuses = [&](const auto& change) {
    TsneOptions options = short_run(10);
    change(options);
    EXPECT_THROW(embed(x, options), UsageError);
  };
  refuses([](TsneOptions& o) { o.dim = 4; });
  refuses([](TsneOptions& o) { o.dim = 0; });
  refuses([](TsneOptions& o) { o.exaggeration = 0.0; });
  refuses([](TsneOptions& o) { o.learning_rate = -1.0; });
  refuses([](TsneOptions& o) { o.start_points = Matrix<float>(20, 3); });
  refuses([](TsneOptions& o) { o.start_points = Matrix<float>(19, 2); });
  refuses([](TsneOptions& o) { o.start_points = Matrix<float>(20, 2, NAN); });
  refuses([](TsneOptions& o) {
    o.method = GradientMethod::fft;
    o.dim = 3;
  });
}

}  // namespace
}  // namespace gmmvae
