// predict as a person runs it, against closed forms for data whose covariance is known exactly.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <string>

#include "host/io/atomic_file.hpp"
#include "host/io/dataset_file.hpp"
#include "tests/support/program.hpp"

namespace gmmvae::test {
namespace {

using nlohmann::json;

const double kLog2Pi = std::log(2.0 * std::numbers::pi);

/// Four points (±2, ±1): mean 0 and covariance diag(4, 1) with divisor N, in single precision without
/// rounding.
class Predict : public ProgramTest {
 protected:
  void SetUp() override {
    write_file(path("cross.csv"), "a,b\n2,1\n-2,1\n2,-1\n-2,-1\n");
    save_points(path("cross.npy"), Matrix<float>(4, 2, {2, 1, -2, 1, 2, -1, -2, -1}));
  }
  [[nodiscard]] json predicted(const std::string& options) const {
    return object("predict --data cross.csv --scale none " + options);
  }
};

void expect_near(const json& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size()) << got;
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_NEAR(got[i].get<double>(), expected[i], 1e-12) << i;
}

// Fixed variance v = 2 and two latent dimensions: the first is active (4 > 2), the second not (1 < 2).
// KL_1 = 1/2 log(4 / 2); maximal ELBO = -1/2 [2 log 2 pi + log 4 + log 2 + 1 + 1/2].
TEST_F(Predict, AFixedVarianceHasItsClosedForm) {
  const json got = predicted("--objective elbo --decoder-variance 2 --latent 2");
  EXPECT_EQ(got.at("effective_decoder_variance"), 2.0);
  EXPECT_EQ(got.at("decoder_variance_learned"), false);
  EXPECT_TRUE(got.at("learned_decoder_variance").is_null());
  expect_near(got.at("eigenvalues"), {4.0, 1.0});
  EXPECT_EQ(got.at("active"), 1);
  expect_near(got.at("kl_per_dimension"), {0.5 * std::log(2.0), 0.0});
  const double elbo = -0.5 * (2.0 * kLog2Pi + std::log(4.0) + std::log(2.0) + 1.0 + 0.5);
  EXPECT_NEAR(got.at("elbo"), elbo, 1e-12);
  EXPECT_NEAR(got.at("loss_floor"), -elbo, 1e-12);
  EXPECT_NEAR(got.at("collapsed_loss"), kLog2Pi + std::log(2.0) + 5.0 / 4.0, 1e-12);
  EXPECT_EQ(got.at("verdict"), "partly-collapsed");
  EXPECT_NE(got.at("why").get<std::string>().find("eigenvalue 2, 1"), std::string::npos);
}

// course: the effective variance is D / (2 Z) = 1 at Z = 1. The loss at the optimum is (1/D)(s2 + lambda_2) +
// (1/Z) 1/2 log(lambda_1 / s2), collapsed it is the mean variance of the columns.
TEST_F(Predict, TheCoursesObjectiveHasItsClosedForm) {
  const json got = predicted("--objective course --latent 1");
  EXPECT_EQ(got.at("effective_decoder_variance"), 1.0);
  EXPECT_EQ(got.at("active"), 1);
  EXPECT_EQ(got.at("verdict"), "healthy");
  EXPECT_NEAR(got.at("loss_floor"), 1.0 + 0.5 * std::log(4.0), 1e-12);
  EXPECT_NEAR(got.at("collapsed_loss"), 2.5, 1e-12);
}

// lab: variance 0.1 and beta 50 make 5, above both eigenvalues: everything collapses, and the plateau is the
// Gaussian's negative log-likelihood around the mean.
TEST_F(Predict, CollapseIsForetold) {
  const json got = predicted("--objective lab --beta 50 --latent 2");
  EXPECT_NEAR(got.at("effective_decoder_variance"), 5.0, 1e-12);
  EXPECT_EQ(got.at("active"), 0);
  EXPECT_EQ(got.at("verdict"), "collapsed");
  expect_near(got.at("kl_per_dimension"), {0.0, 0.0});
  EXPECT_NEAR(got.at("loss_floor"), std::log(2.0 * std::numbers::pi * 0.1) + 5.0 / 0.2, 1e-12);
  EXPECT_NEAR(got.at("collapsed_loss"), got.at("loss_floor"), 1e-12);
}

TEST_F(Predict, TheThresholdIsTheLargestEigenvalue) {
  EXPECT_EQ(predicted("--decoder-variance 3.999").at("active"), 1);
  EXPECT_EQ(predicted("--decoder-variance 4.001").at("active"), 0);
  EXPECT_EQ(predicted("--decoder-variance 2 --beta 1.999").at("active"), 1);
  EXPECT_EQ(predicted("--decoder-variance 2 --beta 2.001").at("active"), 0);
}

// A learned variance at Z = 1 is the mean of the eigenvalues left over, 1: -ELBO = 1/2 [2 log 2 pi + log 4 +
// 2].
TEST_F(Predict, ALearnedVarianceIsWhatTheLatentLeavesOver) {
  const json got = predicted("--latent 1");
  EXPECT_EQ(got.at("objective"), "elbo");
  EXPECT_EQ(got.at("decoder_variance_learned"), true);
  EXPECT_NEAR(got.at("learned_decoder_variance"), 1.0, 1e-12);
  EXPECT_NEAR(got.at("elbo"), -0.5 * (2.0 * kLog2Pi + std::log(4.0) + 2.0), 1e-12);
  EXPECT_EQ(got.at("verdict"), "healthy");
}

// Standardised, the covariance is the identity, and nats in raw units count the scales 2 and 1: log 2 more.
TEST_F(Predict, ScalingIsAccountedFor) {
  const json got = object("predict --data cross.csv --latent 1 --decoder-variance 3");
  EXPECT_EQ(got.at("scale"), "standard");
  expect_near(got.at("eigenvalues"), {1.0, 1.0});
  EXPECT_NEAR(got.at("elbo"), -(kLog2Pi + std::log(3.0) + 1.0 / 3.0 + std::log(2.0)), 1e-12);
  expect_near(object("predict --data cross.csv --scale minmax").at("eigenvalues"), {0.25, 0.25});
}

TEST_F(Predict, TheWordsSayWhatTheObjectSays) {
  const Outcome words = run("predict --data cross.npy --scale none --decoder-variance 2");
  EXPECT_EQ(words.code, 0);
  EXPECT_EQ(words.err, "");
  EXPECT_NE(run("predict --data cross.npy --latent 400").out.find("and 390 more"), std::string::npos);
  for (const char* part : {"partly-collapsed: ", "effective decoder variance", "4, 1", "1 of 2"})
    EXPECT_NE(words.out.find(part), std::string::npos) << words.out;
  EXPECT_EQ(run("predict --data - --scale none --decoder-variance 2", path("cross.csv")).out, words.out);
  for (const char* threads : {"1", "2"})
    EXPECT_EQ(
        run(std::string("predict --data cross.npy --scale none --decoder-variance 2 --threads ") + threads)
            .out,
        words.out);
}

TEST_F(Predict, RefusesWhatMakesNoSense) {
  EXPECT_EQ(refusal("predict", 2), "predict needs --data FILE");
  refusal("predict --data cross.csv --latent 0", 2);
  refusal("predict --data cross.csv --beta -1", 2);
  refusal("predict --data cross.csv --decoder-variance 0", 2);
  EXPECT_NE(
      refusal("predict --data cross.csv --objective course --decoder-variance 1", 2).find("does not go with"),
      std::string::npos);
  EXPECT_NE(refusal("predict --data cross.csv --objective cuorse", 2).find("did you mean course?"),
            std::string::npos);
  refusal("predict --data cross.csv --key x", 2);
  refusal("predict --data cross.npy --columns a", 2);
  EXPECT_NE(refusal("predict --data cross.csv --columns c", 4).find("no column 'c'"), std::string::npos);
}

}  // namespace
}  // namespace gmmvae::test
