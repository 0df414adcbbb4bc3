#include "gmmvae/clustering.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "tests/support/backends.hpp"

namespace gmmvae {
namespace {

using Labels = std::vector<std::int32_t>;

struct Reference {
  nlohmann::json values;
  std::size_t k = 0;
  Matrix<float> x;
  Labels truth, shuffled, kmeans;
};

std::vector<Reference> references() {
  std::vector<Reference> out;
  for (const auto& c :
       nlohmann::json::parse(std::ifstream(GMMVAE_TEST_DATA "/clustering/clustering_reference.json"))) {
    const auto flat = c["x"].get<std::vector<float>>();
    const std::size_t dim = c["dim"];
    out.push_back({c, c["k"], Matrix<float>(flat.size() / dim, dim, flat), c["truth"].get<Labels>(),
                   c["shuffled"].get<Labels>(), c["kmeans"].get<Labels>()});
  }
  return out;
}

Matrix<float> uniform_points(std::size_t count, std::size_t dim, std::uint64_t seed) {
  const RandomStream stream(seed, Purpose::evaluation, 9);
  Matrix<float> x(count, dim);
  for (std::size_t i = 0; i < x.size(); ++i) x.data()[i] = static_cast<float>(stream.uniform(i));
  return x;
}

class KMeansTest : public test::BackendTest {
 protected:
  KMeansResult kmeans(const Matrix<float>& x, const KMeansOptions& options) {
    const KMeansTask task{x, options, 0};
    return backend().kmeans({&task, 1}).front();
  }
};
class MixtureFitTest : public test::BackendTest {};
class SilhouetteTest : public test::BackendTest {};
class GapTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(KMeansTest);
GMMVAE_OVER_BACKENDS(MixtureFitTest);
GMMVAE_OVER_BACKENDS(SilhouetteTest);
GMMVAE_OVER_BACKENDS(GapTest);

TEST_P(KMeansTest, FindsTheFrozenOptimum) {
  for (const Reference& r : references()) {
    const KMeansResult got = kmeans(r.x, {.k = r.k, .restarts = 20, .tolerance = 0.0});
    const double expected = r.values["inertia"];
    EXPECT_NEAR(got.inertia, expected, 1e-6 * expected);  // the same partition; sums in double on either side
    EXPECT_DOUBLE_EQ(adjusted_rand_index(got.labels, r.kmeans), 1.0);
    EXPECT_TRUE(got.converged);
  }
}

// At a fixed point every point is with its nearest center and every center is the mean of its points.
TEST_P(KMeansTest, EndsAtAFixedPoint) {
  const Matrix<float> x = uniform_points(1003, 5, 1);
  const KMeansResult got = kmeans(x, {.k = 17, .restarts = 1, .tolerance = 0.0});
  Matrix<double> sums(17, 5);
  std::vector<double> counts(17);
  double inertia = 0.0;
  for (std::size_t i = 0; i < x.rows(); ++i) {
    std::vector<double> d2(17, 0.0);
    for (std::size_t c = 0; c < 17; ++c)
      for (std::size_t d = 0; d < 5; ++d) d2[c] += std::pow(x(i, d) - got.centers(c, d), 2);
    const auto own = static_cast<std::size_t>(got.labels[i]);
    EXPECT_LE(d2[own], *std::min_element(d2.begin(), d2.end()) + 1e-6);
    inertia += d2[own];
    counts[own] += 1.0;
    for (std::size_t d = 0; d < 5; ++d) sums(own, d) += x(i, d);
  }
  EXPECT_NEAR(got.inertia, inertia, 1e-9 * inertia);
  for (std::size_t c = 0; c < 17; ++c)
    for (std::size_t d = 0; d < 5; ++d) EXPECT_NEAR(got.centers(c, d), sums(c, d) / counts[c], 1e-6);
}

TEST_P(KMeansTest, DoesNotDependOnThreads) {
  // Large enough for a start on a sample and many pieces.
  const Matrix<float> x = uniform_points(emulated() ? 66001 : 90001, 3, 2);
  KMeansTask task{x, {.k = emulated() ? 3u : 7u, .restarts = emulated() ? 1u : 2u}, 0};
  const KMeansResult one = backend().kmeans({&task, 1}).front();
  const KMeansResult three = open(3)->kmeans({&task, 1}).front();
  EXPECT_EQ(one.labels, three.labels);
  EXPECT_EQ(one.centers, three.centers);
  EXPECT_EQ(one.inertia, three.inertia);
  if (emulated()) return;
  task.options.seed = 2;  // which starts elsewhere
  EXPECT_NE(one.inertia, backend().kmeans({&task, 1}).front().inertia);
}

// Company does not show: what a task gives beside others, some on the same points, is what it gives alone.
TEST_P(KMeansTest, TasksSideBySideAreThoseAlone) {
  const Matrix<float> x = uniform_points(65, 2, 7), y = uniform_points(33, 4, 8);
  const std::vector<KMeansTask> tasks = {{x, {.k = 1}, 0},  {x, {.k = 9, .restarts = 2}, 3},
                                         {y, {.k = 3}, 0},  {y, {.k = 33, .restarts = 1}, 1},
                                         {x, {.k = 31}, 0}, {y, {.k = 3, .max_iterations = 1}, 0}};
  const std::vector<KMeansResult> got = backend().kmeans(tasks);
  ASSERT_EQ(got.size(), tasks.size());
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const KMeansResult alone = backend().kmeans({&tasks[t], 1}).front();
    EXPECT_EQ(got[t].labels, alone.labels) << t;
    EXPECT_EQ(got[t].centers, alone.centers) << t;
    // The first passes of either backend see the same distances but for rounding, and these points have no
    // ties.
    const KMeansResult cpu = make_cpu_backend(1)->kmeans({&tasks[t], 1}).front();
    EXPECT_EQ(got[t].labels, cpu.labels) << t;
    EXPECT_NEAR(got[t].inertia, cpu.inertia, 1e-9 * cpu.inertia + 1e-12) << t;
    EXPECT_EQ(got[t].iterations, cpu.iterations) << t;
    EXPECT_EQ(got[t].converged, cpu.converged) << t;
  }
  EXPECT_EQ(got[5].iterations, 1u);
}

TEST_P(KMeansTest, TrapsOfTooFewPoints) {
  const Matrix<float> x = uniform_points(5, 2, 3);
  EXPECT_NEAR(kmeans(x, {.k = 5, .restarts = 10}).inertia, 0.0, 1e-12);
  EXPECT_THROW(kmeans(x, {.k = 6}), UsageError);
  EXPECT_THROW(kmeans(x, {.k = 0}), UsageError);
  EXPECT_EQ(kmeans(uniform_points(1, 2, 3), {.k = 1}).labels, Labels{0});
  // Three distinct points, each ten times, and five clusters: two must stay empty.
  Matrix<float> doubled(30, 1);
  for (std::size_t i = 0; i < 30; ++i) doubled(i, 0) = static_cast<float>(i % 3);
  const KMeansResult got = kmeans(doubled, {.k = 5, .restarts = 3});
  EXPECT_NEAR(got.inertia, 0.0, 1e-12);
  EXPECT_EQ(std::set<std::int32_t>(got.labels.begin(), got.labels.end()).size(), 3u);
}

TEST_P(MixtureFitTest, MatchesTheFrozenLikelihoods) {
  for (const Reference& r : references())
    for (const auto& [name, kind] :
         {std::pair{"spherical", CovarianceKind::spherical}, std::pair{"diagonal", CovarianceKind::diagonal},
          std::pair{"full", CovarianceKind::full}}) {
      MixtureFitOptions options;
      options.tolerance = 1e-12;
      options.max_iterations = 5000;
      options.regularisation = 1e-10;
      const MixtureFit fit = backend().fit_mixture(r.x, r.k, kind, r.truth, options);
      const double expected = r.values[name]["log_likelihood"];
      // Both run to a gain of 1e-12 a point; what is left is the regularisation, some 1e-9 relative variance.
      EXPECT_NEAR(fit.log_likelihood, expected, 1e-5 * std::abs(expected)) << name << r.values["dim"];
      EXPECT_NEAR(fit.bic, r.values[name]["bic"], 2e-5 * std::abs(expected)) << name;
      auto weights = fit.weights;
      std::sort(weights.begin(), weights.end());
      for (std::size_t c = 0; c < r.k; ++c)
        EXPECT_NEAR(weights[c], r.values[name]["weights"][c], 1e-4) << name;
      EXPECT_EQ(fit.degenerate, 0u);
    }
}

// The likelihood that is reported is that of the mixture that is reported, by the mixture's own code.
TEST_P(MixtureFitTest, ReportsItsOwnLikelihood) {
  const Reference r = references()[2];
  for (CovarianceKind kind : {CovarianceKind::spherical, CovarianceKind::diagonal, CovarianceKind::full}) {
    const MixtureFit fit = backend().fit_mixture(r.x, r.k, kind, r.kmeans, {});
    const Mixture mixture(fit.weights, fit.means, fit.covariances);
    double sum = 0.0;
    for (std::size_t i = 0; i < r.x.rows(); ++i) {
      const auto row = r.x.row(i);
      sum += mixture.log_density(std::vector<double>(row.begin(), row.end()));
    }
    EXPECT_NEAR(fit.log_likelihood, sum, 1e-9 * std::abs(sum));
  }
}

TEST_P(MixtureFitTest, HandlesDegenerateComponents) {
  // Forty copies of one point and a cloud: the component on the copies has no variance of its own.
  Matrix<float> x(100, 2, 5.0f);
  const Matrix<float> cloud = uniform_points(60, 2, 4);
  std::copy_n(cloud.data(), cloud.size(), x.data());
  Labels start(100, 0);
  std::fill(start.begin() + 60, start.end(), 1);
  const MixtureFit fit = backend().fit_mixture(x, 2, CovarianceKind::full, start, {});
  EXPECT_EQ(fit.degenerate, 1u);
  EXPECT_TRUE(std::isfinite(fit.log_likelihood));
  // A component that starts without points is dead, not a number that is none.
  const MixtureFit dead = backend().fit_mixture(cloud, 3, CovarianceKind::full, Labels(60, 1), {});
  EXPECT_EQ(dead.degenerate, 2u);
  EXPECT_DOUBLE_EQ(dead.weights[1], 1.0);
  EXPECT_TRUE(std::isfinite(dead.log_likelihood));
  // A constant column is left out; if there is no other, there is nothing to fit.
  Matrix<float> flat(60, 3, 7.0f);
  for (std::size_t i = 0; i < 60; ++i) flat(i, 0) = cloud(i, 0), flat(i, 2) = cloud(i, 1);
  EXPECT_NEAR(backend().fit_mixture(flat, 2, CovarianceKind::full, Labels(60, 0), {}).log_likelihood,
              backend().fit_mixture(cloud, 2, CovarianceKind::full, Labels(60, 0), {}).log_likelihood, 1e-9);
  EXPECT_THROW(backend().fit_mixture(Matrix<float>(10, 2, 1.0f), 1, CovarianceKind::full, Labels(10, 0), {}),
               DataError);
}

TEST_P(SilhouetteTest, MatchesTheFrozenValues) {
  for (const Reference& r : references()) {
    const auto good = silhouette(backend(), r.x, r.kmeans, r.k, 0, 1),
               bad = silhouette(backend(), r.x, r.shuffled, r.k, 0, 1);
    EXPECT_NEAR(good->value, r.values["silhouette"], 2e-6);  // distances in single precision
    EXPECT_NEAR(bad->value, r.values["silhouette_shuffled"], 2e-6);
    EXPECT_EQ(good->standard_error, 0.0);
  }
}

TEST_P(SilhouetteTest, ASampleIsWithinItsErrorAndHasNoneWhereItIsUndefined) {
  const Matrix<float> x = uniform_points(3000, 2, 5);
  const KMeansResult fit = kmeans(x, {.k = 5});
  const auto all = silhouette(backend(), x, fit.labels, 5, 0, 1);
  const auto some = silhouette(backend(), x, fit.labels, 5, 300, 1);
  EXPECT_GT(some->standard_error, 0.003);
  EXPECT_NEAR(some->value, all->value, 5.0 * some->standard_error);
  EXPECT_FALSE(silhouette(backend(), x, Labels(3000, 2), 5, 0, 1).has_value());  // one cluster with points
  // Points alone count nothing: two pairs far apart have nearly 1 each, and a fifth point alone 0.
  const Matrix<float> line(5, 1, {0.0f, 0.1f, 100.0f, 100.1f, 1e6f});
  EXPECT_NEAR(silhouette(backend(), line, Labels{0, 0, 1, 1, 2}, 3, 0, 1)->value,
              4.0 * (1.0 - 0.1 / 100.0) / 5.0, 1e-6);
}

TEST(CalinskiHarabasz, MatchesTheFrozenValues) {
  for (const Reference& r : references()) {
    const double expected = r.values["calinski_harabasz"];
    EXPECT_NEAR(*calinski_harabasz(r.x, r.values["inertia"], r.k), expected, 1e-6 * expected);
    EXPECT_FALSE(calinski_harabasz(r.x, 1.0, 1).has_value());
    EXPECT_FALSE(calinski_harabasz(r.x, 0.0, 2).has_value());
    EXPECT_FALSE(calinski_harabasz(r.x, 1.0, r.x.rows()).has_value());
  }
}

TEST(Agreement, MatchesTheFrozenValues) {
  for (const Reference& r : references()) {
    EXPECT_NEAR(adjusted_rand_index(r.truth, r.kmeans), r.values["adjusted_rand"], 1e-12);
    EXPECT_NEAR(adjusted_rand_index(r.truth, r.shuffled), r.values["adjusted_rand_shuffled"], 1e-12);
    EXPECT_NEAR(normalized_mutual_information(r.truth, r.kmeans), r.values["information"], 1e-12);
    EXPECT_NEAR(normalized_mutual_information(r.truth, r.shuffled), r.values["information_shuffled"], 1e-12);
  }
  EXPECT_DOUBLE_EQ(adjusted_rand_index(Labels{0, 0, 1}, Labels{5, 5, -3}), 1.0);  // names do not matter
  EXPECT_DOUBLE_EQ(normalized_mutual_information(Labels{1, 1}, Labels{2, 2}), 1.0);
  EXPECT_DOUBLE_EQ(adjusted_rand_index(Labels{1, 1}, Labels{2, 2}), 1.0);
  EXPECT_THROW(adjusted_rand_index(Labels{0}, Labels{0, 1}), UsageError);
}

TEST(Knee, IsWhereTheCurveBendsMost) {
  const std::vector<std::size_t> k = {1, 2, 3, 4, 5};
  // Scaled: y = 1 .4 .1 .05 0, x = 0 .25 .5 .75 1; 1 - y - x = 0 .35 .4 .2 0.
  EXPECT_EQ(knee(k, std::vector<double>{101.0, 41.0, 11.0, 6.0, 1.0}), 2u);
  EXPECT_FALSE(knee(k, std::vector<double>(5, 3.0)).has_value());
  EXPECT_FALSE(knee(std::vector<std::size_t>{1, 2}, std::vector<double>{2.0, 1.0}).has_value());
}

TEST(Gap, TheOneErrorRuleTakesTheFirstThatIsGoodEnough) {
  const std::vector<double> error = {0.1, 0.1, 0.1, 0.1};
  EXPECT_EQ(gap_one_error(std::vector<double>{0.0, 0.5, 0.55, 0.9}, error), 1u);  // .5 >= .55 - .1
  EXPECT_EQ(gap_one_error(std::vector<double>{0.0, 0.5, 0.7, 0.9}, error), 3u);   // none: the last
}

// With one cluster W is the total sum of squares: for a uniform box N sum w_a^2 / 12, whatever the draw.
TEST_P(GapTest, ForOneClusterIsThatOfTheBox) {
  Matrix<float> x = uniform_points(emulated() ? 1000 : 4000, 2, 6);
  for (std::size_t i = 0; i < x.rows();
       ++i) {  // stretched to 4 and turned by 30 degrees: the box must turn too
    const double a = 4.0 * x(i, 0), b = x(i, 1);
    x(i, 0) = static_cast<float>(a * std::cos(0.5236) - b * std::sin(0.5236));
    x(i, 1) = static_cast<float>(a * std::sin(0.5236) + b * std::cos(0.5236));
  }
  const GapStatistic got = gap_statistic(backend(), x, std::vector<std::size_t>{1}, 20, {.restarts = 1});
  // Uniform in its own box: both sides have the same law, and log W scatters by sqrt(4/5 / N) or so.
  EXPECT_NEAR(got.gap[0], 0.0, 5.0 * std::sqrt(0.8 / static_cast<double>(x.rows())));
  EXPECT_NEAR(got.error[0], std::sqrt(0.8 / static_cast<double>(x.rows())),
              0.6 * std::sqrt(0.8 / static_cast<double>(x.rows())));
  EXPECT_EQ(got.points, x.rows());
  EXPECT_THROW(gap_statistic(backend(), x, std::vector<std::size_t>{1}, 1, {}), UsageError);
}

}  // namespace
}  // namespace gmmvae
