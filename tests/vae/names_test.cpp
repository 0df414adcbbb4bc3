#include "host/vae/names.hpp"

#include <gtest/gtest.h>

#include "gmmvae/error.hpp"

namespace gmmvae {
namespace {

template <class Enum>
void expect_round_trip() {
  for (const std::string& name : choices<Enum>()) EXPECT_EQ(to_string(parse<Enum>(name)), name);
}

TEST(Names, EveryNameComesBack) {
  expect_round_trip<Activation>();
  expect_round_trip<PosteriorVariance>();
  expect_round_trip<Initialization>();
  expect_round_trip<ObjectiveKind>();
  expect_round_trip<DecoderVarianceKind>();
  expect_round_trip<ScaleKind>();
  expect_round_trip<LearningRateSchedule>();
  expect_round_trip<TrainingStatus>();
  expect_round_trip<Layout>();
  expect_round_trip<CovarianceKind>();
}

TEST(Names, ValuesHaveTheSpellingOfTheCommandLine) {
  EXPECT_EQ(to_string(Activation::identity), "identity");
  EXPECT_EQ(to_string(Activation::leaky_relu), "leaky-relu");
  EXPECT_EQ(to_string(PosteriorVariance::softplus_half), "softplus-half");
  EXPECT_EQ(to_string(Initialization::kaiming_normal), "kaiming-normal");
  EXPECT_EQ(to_string(ObjectiveKind::elbo), "elbo");
  EXPECT_EQ(to_string(DecoderVarianceKind::learned_per_dim), "learned-per-dim");
  EXPECT_EQ(to_string(ScaleKind::standard), "standard");
  EXPECT_EQ(to_string(LearningRateSchedule::linear), "linear");
  EXPECT_EQ(to_string(TrainingStatus::diverged), "diverged");
  EXPECT_EQ(to_string(Layout::grid), "grid");
  EXPECT_EQ(to_string(CovarianceKind::full), "full");
}

TEST(Names, UnknownNameListsTheChoicesAndTheNearest) {
  try {
    parse<Activation>("leaky_rleu");
    FAIL() << "no error";
  } catch (const UsageError& error) {
    EXPECT_STREQ(
        error.what(),
        "'leaky_rleu' is not a known activation: choose one of relu, tanh, softplus, gelu, leaky-relu, elu, "
        "identity (did you mean leaky-relu?)");
  }
  try {
    parse<ScaleKind>("quantile");
    FAIL() << "no error";
  } catch (const UsageError& error) {
    EXPECT_STREQ(error.what(), "'quantile' is not a known scale: choose one of none, minmax, standard");
  }
}

}  // namespace
}  // namespace gmmvae
