#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "gmmvae/clustering.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "tests/support/backends.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;

class ClusterTest : public test::BackendTest {};
GMMVAE_OVER_BACKENDS(ClusterTest);

ClusterOptions one_to(std::size_t most) {
  ClusterOptions options;
  for (std::size_t k = 1; k <= most; ++k) options.k.push_back(k);
  options.references = 5;
  options.restarts = 5;
  return options;
}

Dataset course_like(std::size_t components, std::uint64_t seed, std::size_t points = 1000) {
  MixtureSpec spec;
  spec.components = components;
  return make_dataset(draw_mixture(spec, seed), points, seed);
}

TEST_P(ClusterTest, GapAndBicSeeTenOnTheWideMixtureOnEightSeeds) {
  for (std::uint64_t seed = 1; seed <= (emulated() ? 1 : 8); ++seed) {
    const Dataset data = course_like(10, seed, emulated() ? 400 : 1000);
    ClusterOptions options = one_to(emulated() ? 11 : 13);
    if (emulated()) options.references = options.restarts = 2;
    options.seed = seed;
    const ClusterAnalysis got = cluster(backend(), data.x, data.labels, options);
    EXPECT_GE(*got.gap_argmax, 9u) << seed;
    EXPECT_LE(*got.gap_argmax, 11u) << seed;
    EXPECT_GE(*got.bic, 9u) << seed;
    EXPECT_LE(*got.bic, 11u) << seed;
    EXPECT_LE(*got.elbow, 6u) << seed;  // the published error: 3 to 5 components
    EXPECT_GT(*got.rows[9].adjusted_rand, 0.8)
        << seed;  // some of these mixtures have components that overlap
    EXPECT_GT(*got.rows[9].normalized_information, 0.8) << seed;
  }
}

TEST_P(ClusterTest, GapAndBicSeeOneBlobWhereTheElbowSeesMore) {
  if (emulated()) GTEST_SKIP() << "the rules are the host's, and hundreds of k-means take long there";
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    ClusterOptions options = one_to(10);
    options.seed = seed;
    const ClusterAnalysis got = cluster(backend(), course_like(1, seed).x, {}, options);
    EXPECT_EQ(got.gap, 1u) << seed;
    EXPECT_EQ(got.gap_argmax, 1u) << seed;
    EXPECT_EQ(got.bic, 1u) << seed;
    EXPECT_GE(*got.elbow, 3u) << seed;
    ASSERT_FALSE(got.warnings.empty()) << seed;
    EXPECT_NE(got.warnings.back().find("The elbow says"), std::string::npos) << got.warnings.back();
  }
}

TEST_P(ClusterTest, AnElbowThatABlobDoesNotShowStandsUncontested) {
  if (emulated()) GTEST_SKIP() << "the rules are the host's, and hundreds of k-means take long there";
  // Three tight, distant clusters: the knee is at 3, while a blob's over 1..16 is at 5 or so.
  Matrix<double> means(3, 2, {0.0, 0.0, 50.0, 0.0, 0.0, 50.0});
  const Matrix<double> unit(2, 2, {1.0, 0.0, 0.0, 1.0});
  const Dataset data = make_dataset(Mixture({1, 1, 1}, means, {unit, unit, unit}), 600, 1);
  const ClusterAnalysis got = cluster(backend(), data.x, {}, one_to(16));
  EXPECT_EQ(got.elbow, 3u);
  for (const std::string& warning : got.warnings)
    EXPECT_EQ(warning.find("elbow"), std::string::npos) << warning;
}

TEST_P(ClusterTest, WithMixturesTheLabelsAreTheirs) {
  // Two crossed sheets that k-means cannot tell apart and full covariances can.
  Matrix<double> means(2, 2, {0.0, 0.0, 0.0, 0.0});
  const Matrix<double> flat(2, 2, {25.0, 0.0, 0.0, 0.01}), tall(2, 2, {0.01, 0.0, 0.0, 25.0});
  const Dataset data = make_dataset(Mixture({1, 1}, means, {flat, tall}), 800, 2);
  ClusterOptions options;
  options.k = {2};
  options.references = 0;
  const ClusterAnalysis centers = cluster(backend(), data.x, data.labels, options);
  options.method = ClusterMethod::gmm;
  options.covariance = CovarianceKind::full;
  const ClusterAnalysis mixtures = cluster(backend(), data.x, data.labels, options);
  EXPECT_LT(*centers.rows[0].adjusted_rand, 0.5);
  EXPECT_GT(*mixtures.rows[0].adjusted_rand, 0.85);
  EXPECT_GT(mixtures.rows[0].inertia, centers.rows[0].inertia);
}

TEST_P(ClusterTest, TheFileHasTheContractsKeys) {
  const json file = json::parse(clusters_json(cluster(backend(), course_like(3, 1, 200).x, {}, one_to(5))));
  ASSERT_EQ(file.at("k").size(), 5u);
  for (const char* key :
       {"k", "inertia", "silhouette", "calinski_harabasz", "gap", "gap_se", "bic", "seconds"})
    EXPECT_TRUE(file.at("k").at(2).at(key).is_number()) << key;
  EXPECT_TRUE(file.at("k").at(0).at("silhouette").is_null());
  EXPECT_TRUE(file.at("absent").at("silhouette").is_string());
  for (const char* key : {"elbow", "silhouette", "calinski_harabasz", "gap", "gap_argmax", "bic"})
    EXPECT_TRUE(file.at("chosen").at(key).is_number_unsigned()) << key;
  EXPECT_TRUE(file.at("warnings").is_array());
}

TEST_P(ClusterTest, DegenerateDataChooseNothingAndSayWhy) {
  const ClusterAnalysis got = cluster(backend(), Matrix<float>(40, 2, 1.0f), {}, one_to(4));
  EXPECT_FALSE(got.gap.has_value());
  EXPECT_FALSE(got.bic.has_value());
  EXPECT_FALSE(got.elbow.has_value());
  EXPECT_FALSE(got.silhouette.has_value());
  ASSERT_FALSE(got.warnings.empty());
  EXPECT_EQ(got.warnings[0].find("With k = 1 to 4 "), 0u) << got.warnings[0];  // one warning, not four
  const json file = json::parse(clusters_json(got));
  EXPECT_TRUE(file.at("chosen").at("gap").is_null());
  // Distances whose squares leave single precision; with them no label was found at all.
  for (const float width : {1e30f, 1e-30f}) {
    Matrix<float> wide(40, 2);
    for (std::size_t i = 0; i < wide.size(); ++i) wide.data()[i] = width * static_cast<float>(i % 7);
    EXPECT_THROW(cluster(backend(), wide, {}, one_to(4)), DataError) << width;
  }
  EXPECT_THROW((void)kmeans(Matrix<float>(2, 1, std::vector<float>{0.0f, 1e30f}), {.k = 1}), DataError);
  EXPECT_THROW(cluster(backend(), Matrix<float>(3, 2), {}, one_to(4)), UsageError);
  EXPECT_THROW(cluster(backend(), Matrix<float>(0, 2), {}, one_to(1)), DataError);
  EXPECT_THROW(cluster(backend(), Matrix<float>(9, 2), std::vector<std::int32_t>(3), one_to(1)), DataError);
  ClusterOptions unordered = one_to(3);
  std::swap(unordered.k[0], unordered.k[1]);
  EXPECT_THROW(cluster(backend(), Matrix<float>(9, 2), {}, unordered), UsageError);
}

TEST_P(ClusterTest, TheSameFiguresForAnyNumberOfThreads) {
  const Dataset data = course_like(4, 3, emulated() ? 250 : 1000);
  ClusterOptions options = one_to(emulated() ? 3 : 6);
  if (emulated()) options.references = 2;
  json one = json::parse(clusters_json(cluster(backend(), data.x, data.labels, options)));
  json three = json::parse(clusters_json(cluster(*open(3), data.x, data.labels, options)));
  for (json* file : {&one, &three})
    for (json& row : file->at("k")) row.erase("seconds");
  EXPECT_EQ(one, three);
}

}  // namespace
}  // namespace gmmvae
