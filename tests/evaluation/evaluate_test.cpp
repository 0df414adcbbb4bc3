#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "gmmvae/error.hpp"
#include "gmmvae/evaluation.hpp"
#include "tests/evaluation/linear_vae.hpp"
#include "tests/evaluation/mixtures.hpp"
#include "tests/support/backends.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;
using test::linear_vae;
using test::LinearVae;

class EvaluateTest : public test::BackendTest {
 protected:
  static EvaluationOptions small() {
    EvaluationOptions options;
    options.count = options.test = emulated() ? 300 : 1500;
    options.importance_points = emulated() ? 50 : 200;
    options.importance_samples = 100;
    options.exact_points = 200;
    return options;
  }
};
GMMVAE_OVER_BACKENDS(EvaluateTest);

Dataset data_of(const Mixture& law, std::size_t count, bool known) {
  Dataset data = make_dataset(law, count, 3);
  if (!known) data.mixture.reset();
  return data;
}

// A model that is its data's law has nothing left to learn: every figure must say so within its own error.
TEST_P(EvaluateTest, FindsNothingWrongWithThePerfectModel) {
  const LinearVae model = linear_vae(2, 0.3);
  const Evaluation e = evaluate(backend(), model.vae(), 0, data_of(model.law(), 800, true), {}, small());
  EXPECT_NEAR(*e.likelihood->kl_data_model.value, 0.0, 2e-4);
  EXPECT_NEAR(*e.likelihood->elbo.value, *e.likelihood->true_log_likelihood.value, 0.05);
  EXPECT_NEAR(*e.likelihood->one_gaussian.value, *e.likelihood->true_log_likelihood.value, 0.05);
  EXPECT_NEAR(*e.likelihood->entropy_lower.value, -*e.likelihood->true_log_likelihood.value, 0.2);
  EXPECT_EQ(e.likelihood->method, "quadrature");
  EXPECT_EQ(e.samples.modes->captured, 1u);
  EXPECT_NEAR(e.samples.modes->high_quality, e.samples.modes->high_quality_ceiling, 0.015);
  EXPECT_NEAR(*e.samples.density.value, 1.0, 0.15);
  EXPECT_NEAR(*e.samples.mmd2.value, 0.0, 6.0 * *e.samples.mmd2.error);
  EXPECT_NEAR(*e.samples.sample_variance_ratio.value, 1.0, 0.2);
  EXPECT_NEAR(*e.samples.energy_distance.value, *e.truth->energy_distance.value, 0.02);
  EXPECT_EQ(e.verdict->verdict, "healthy");
  EXPECT_NEAR(e.lipschitz->largest, 1.5, 1e-3);
  // Without its noise a model of two latent dimensions is a plane: real points are mostly off it.
  EXPECT_LT(*e.noise_free->coverage.value, *e.samples.coverage.value);
}

TEST_P(EvaluateTest, SeesACollapsedModel) {
  LinearVae model = linear_vae(2, 1.0);
  const Dataset data = data_of(model.law(), 500, true);
  model.w = Matrix<double>(3, 2, 0.0);
  const Evaluation e = evaluate(backend(), model.vae(), 0, data, {}, small());
  EXPECT_EQ(e.verdict->verdict, "collapsed");
  EXPECT_EQ(e.latent->active, 0u);
  EXPECT_NEAR(*e.noise_free->sample_variance_ratio.value, 0.0, 1e-6);
  EXPECT_GT(*e.likelihood->kl_data_model.value, 0.2);
}

TEST_P(EvaluateTest, UsesImportanceWeightingAboveThreeLatentDimensions) {
  LinearVae model;
  model.w = Matrix<double>(4, 4);
  for (std::size_t d = 0; d < 4; ++d) model.w(d, d) = 1.0;
  model.mu = {0.0, 0.0, 0.0, 0.0};
  model.s2 = 0.2;
  const Evaluation e = evaluate(backend(), model.vae(), 0, data_of(model.law(), 300, true), {}, small());
  EXPECT_EQ(e.likelihood->method, "iwae");
  EXPECT_EQ(e.likelihood->points, small().importance_points);
  EXPECT_NEAR(*e.likelihood->kl_data_model.value, 0.0,
              1e-4);  // the posterior is exact, so every weight is too
}

TEST_P(EvaluateTest, SaysWhichPointsItUsedWhenTheMixtureIsUnknown) {
  const LinearVae model = linear_vae(2, 0.3);
  const Dataset data = data_of(model.law(), 400, false);
  const Evaluation given = evaluate(backend(), model.vae(), 0, data, {}, small());
  EXPECT_EQ(given.test_points, "the data given");
  EXPECT_EQ(given.test, std::min<std::size_t>(400, small().test));
  std::vector<std::uint32_t> rows;
  for (std::uint32_t i = 0; i < 100; ++i) rows.push_back(4 * i);
  const Evaluation held_out = evaluate(backend(), model.vae(), 0, data, rows, small());
  EXPECT_EQ(held_out.test_points, "points held out of training");
  EXPECT_EQ(held_out.test, 100u);
  EXPECT_FALSE(held_out.samples.modes.has_value());
  EXPECT_FALSE(held_out.truth.has_value());
  const json file = json::parse(metrics_json(held_out));
  for (const char* key : {"modes", "true_log_likelihood", "kl_data_model", "ceiling"}) {
    EXPECT_TRUE(file.at(key).is_null()) << key;
    EXPECT_NE(file.at("absent").at(key).get<std::string>().find("not known"), std::string::npos) << key;
  }
  EXPECT_TRUE(file.at("log_likelihood").is_number());
}

TEST_P(EvaluateTest, TheFileHasTheContractsKeys) {
  const LinearVae model = linear_vae(2, 0.3);
  const json file = json::parse(
      metrics_json(evaluate(backend(), model.vae(), 0, data_of(model.law(), 300, true), {}, small())));
  for (const char* key : {"elbo", "elbo_train", "log_likelihood", "true_log_likelihood", "kl_data_model",
                          "active_units", "sample_variance_ratio", "precision", "recall", "density",
                          "coverage", "mmd2", "sliced_wasserstein", "energy_distance"})
    EXPECT_TRUE(file.at(key).is_number()) << key;
  EXPECT_EQ(file.at("kl_per_dimension").size(), 2u);
  for (const char* key :
       {"total", "hit", "captured", "high_quality", "reverse_kl", "forward_kl", "total_variation"})
    EXPECT_TRUE(file.at("modes").at(key).is_number()) << key;
  EXPECT_EQ(file.at("modes").at("mass").size(), 1u);
  EXPECT_EQ(file.at("log_likelihood_method"), "quadrature");
  EXPECT_EQ(file.at("verdict"), "healthy");
  EXPECT_TRUE(file.at("why").is_string());
  for (const char* key : {"modes", "precision", "mmd2", "sample_variance_ratio"})
    EXPECT_TRUE(file.at("noise_free").contains(key)) << key;
  EXPECT_TRUE(file.at("absent").empty()) << file.at("absent");
}

TEST_P(EvaluateTest, TwoSampleFilesNeedNoModel) {
  const Mixture law = linear_vae(2, 0.3).law();
  const Dataset data = data_of(law, 600, true);
  const Matrix<float> samples = test::draw(law, 500, 9);
  const Evaluation e = evaluate(backend(), data, samples, small());
  EXPECT_EQ(e.count, 500u);
  EXPECT_NEAR(*e.samples.density.value, 1.0, 0.2);
  const json file = json::parse(metrics_json(e));
  for (const char* key :
       {"elbo", "log_likelihood", "kl_per_dimension", "active_units", "verdict", "noise_free"}) {
    EXPECT_TRUE(file.at(key).is_null()) << key;
    EXPECT_TRUE(file.at("absent").contains(key)) << key;
  }
  EXPECT_EQ(file.at("modes").at("captured"), 1);
  EXPECT_NEAR(file.at("equal_laws").at("coverage"), file.at("coverage"), 0.05);  // they are equal laws
  EXPECT_GT(file.at("equal_laws").at("energy_distance"), 0.0);
}

// One point says nothing of how the posterior varies: no verdict from it, and no error of a mean.
TEST_P(EvaluateTest, TrapASinglePointGivesNoVerdict) {
  const LinearVae model = linear_vae(2, 0.3);
  const Dataset one = data_of(model.law(), 1, false), many = data_of(model.law(), 100, false);
  const json alone = json::parse(metrics_json(evaluate(backend(), model.vae(), 0, one, {}, small())));
  EXPECT_TRUE(alone.at("verdict").is_null());
  EXPECT_NE(alone.at("absent").at("verdict").get<std::string>().find("single point"), std::string::npos);
  EXPECT_TRUE(alone.at("elbo").is_number());
  EXPECT_FALSE(alone.at("errors").contains("elbo"));
  const std::vector<std::uint32_t> row = {7};  // the only one held out: the others show the rest
  const Evaluation held_out = evaluate(backend(), model.vae(), 0, many, row, small());
  EXPECT_EQ(held_out.test, 1u);
  EXPECT_EQ(held_out.verdict->verdict, "healthy");
}

TEST_P(EvaluateTest, TrapsGiveNullWithAReason) {
  const Dataset data = data_of(linear_vae(2, 0.3).law(), 600, false);
  // One sample: nothing that needs neighbours or pairs.
  const json one =
      json::parse(metrics_json(evaluate(backend(), data, test::to_float(Matrix<double>(1, 3)), small())));
  for (const char* key : {"precision", "coverage", "mmd2"}) {
    EXPECT_TRUE(one.at(key).is_null()) << key;
    EXPECT_NE(one.at("absent").at(key).get<std::string>().find("points"), std::string::npos) << key;
  }
  EXPECT_TRUE(one.at("energy_distance").is_number());
  // Constant data: no scale to compare with.
  Dataset constant;
  constant.x = Matrix<float>(50, 2, 1.0f);
  const json flat =
      json::parse(metrics_json(evaluate(backend(), constant, Matrix<float>(40, 2, 1.0f), small())));
  EXPECT_TRUE(flat.at("mmd2").is_null());
  EXPECT_DOUBLE_EQ(flat.at("precision"), 1.0);
  EXPECT_DOUBLE_EQ(flat.at("energy_distance"), 0.0);
  EXPECT_THROW(evaluate(backend(), data, Matrix<float>(10, 2), small()), DataError);
  EXPECT_THROW(evaluate(backend(), data, Matrix<float>(0, 3), small()), DataError);
  EXPECT_THROW(evaluate(backend(), Dataset{}, Matrix<float>(0, 0), small()), DataError);
}

TEST_P(EvaluateTest, TheSameBytesForAnyNumberOfThreads) {
  const LinearVae model = linear_vae(2, 0.3);
  const Dataset data = data_of(model.law(), 300, true);
  const auto three = open(3);
  EXPECT_EQ(metrics_json(evaluate(backend(), model.vae(), 0, data, {}, small())),
            metrics_json(evaluate(*three, model.vae(), 0, data, {}, small())));
}

}  // namespace
}  // namespace gmmvae
