// What makes two trainings the same one.
#include "host/training/identity.hpp"

#include <gtest/gtest.h>
#include <toml++/toml.h>

#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/config/builders.hpp"
#include "host/config/implied.hpp"
#include "tests/support/error_message.hpp"

namespace gmmvae {
namespace {

using test::error_message;

Dataset points(float first = 1.0F) {
  Dataset data;
  data.x = Matrix<float>(3, 2, std::vector<float>{first, 2, 3, 4, 5, 6});
  return data;
}

std::string identity(std::initializer_list<std::pair<const char*, const char*>> flags,
                     const Dataset& data = points()) {
  Settings settings("train");
  for (const auto& [name, value] : flags) settings.add_flag(name, value);
  return training_identity(settings, data);
}

std::string difference(const std::string& before, const std::string& now) {
  return error_message<UsageError>([&] { require_same_training(before, now, "m.checkpoint"); });
}

TEST(TrainingIdentity, LeavesOutWhatDoesNotChangeTheResult) {
  const std::string plain = identity({});
  EXPECT_EQ(plain, identity({{"data", "elsewhere.npz"},
                             {"out", "x"},
                             {"history", "h.csv"},
                             {"threads", "7"},
                             {"device", "cpu"},
                             {"json", "true"},
                             {"progress", "never"},
                             {"quiet", "true"},
                             {"verbose", "2"},
                             {"resume", "true"},
                             {"checkpoint-every", "3s"},
                             {"max-seconds", "9"},
                             {"lr", "1e-3"}}));
  require_same_training(plain, plain, "m");
}

TEST(TrainingIdentity, NamesTheFirstDifferenceWithBothValues) {
  const std::string before = identity({{"lr", "0.01"}});
  for (const auto& [key, value] : {std::pair{"epochs", "7"},
                                   {"seed", "9"},
                                   {"hidden", "none"},
                                   {"scale", "minmax"},
                                   {"init", "xavier-normal"},
                                   {"beta", "2"},
                                   {"batch", "7"},
                                   {"patience", "7"},
                                   {"models", "2"},
                                   {"validation", "0.5"},
                                   {"lr-schedule", "cosine"},
                                   {"precision", "tf32x3"},
                                   {"latent", "3"},
                                   {"objective", "lab"},
                                   {"activation", "tanh"},
                                   {"posterior-variance", "softplus-half"}}) {
    const std::string message = difference(before, identity({{"lr", "0.01"}, {key, value}}));
    EXPECT_NE(message.find(std::string(": ") + key + " was "), std::string::npos) << message;
    EXPECT_NE(message.find(value), std::string::npos) << message;
  }
  EXPECT_NE(difference(before, identity({{"lr", "0.5"}}))
                .find("m.checkpoint comes from another training: lr was 0.01 "
                      "and is now 0.5"),
            std::string::npos);
  // A value that only one of them has.
  const std::string own = identity({{"lr", "0.01"}, {"decoder-hidden", "3"}});
  EXPECT_NE(difference(before, own).find("decoder-hidden was not set and is now [3]"), std::string::npos);
  EXPECT_NE(difference(own, before).find("decoder-hidden was [3] and is now not set"), std::string::npos);
}

/// An older file does not name an option that came later and means its default.
TEST(TrainingIdentity, OfAnOlderFileMeansTheDefaultsOfLaterOptions) {
  const std::string now = identity({});
  const std::string line = "precision = \"fp32\"\n";
  ASSERT_NE(now.find(line), std::string::npos);
  std::string old = now;
  old.erase(old.find(line), line.size());
  EXPECT_TRUE(same_training(old, now));
  EXPECT_TRUE(same_training(now, old));
  require_same_training(old, now, "m");
  const std::string other = identity({{"precision", "tf32x3"}});
  EXPECT_FALSE(same_training(old, other));
  EXPECT_NE(difference(old, other).find("precision was \"fp32\" and is now \"tf32x3\""), std::string::npos);
  EXPECT_FALSE(same_training(old, identity({{"epochs", "7"}})));
  // Below a [table] the default may stand against another value at the top.
  EXPECT_EQ(without_implied("a = 1\n" + line + "\n[model.a]\n" + line), "a = 1\n\n[model.a]\n" + line);
}

TEST(TrainingIdentity, KnowsThePointsByTheirValues) {
  const std::string before = identity({});
  const std::string message = difference(before, identity({}, points(1.5F)));
  EXPECT_NE(message.find("data was 3 points in 2 dimensions, fingerprint "), std::string::npos) << message;
  Dataset turned = points();
  turned.x = Matrix<float>(2, 3, turned.x.values());
  EXPECT_NE(fingerprint(turned.x), fingerprint(points().x));
  // Every bit of every value counts, the highest one of a float too.
  for (std::size_t i = 0; i < 6; ++i) {
    for (int bit = 0; bit < 32; ++bit) {
      Dataset other = points();
      std::uint32_t bits = std::bit_cast<std::uint32_t>(other.x.data()[i]);
      bits ^= std::uint32_t{1} << bit;
      other.x.data()[i] = std::bit_cast<float>(bits);
      EXPECT_NE(fingerprint(other.x), fingerprint(points().x)) << i << " " << bit;
    }
  }
}

/// `evaluate` reads the seed and what was held out; a person may train again from the text.
TEST(TrainingIdentity, IsTomlThatTrainReads) {
  const std::string text =
      identity({{"validation", "0.25"}, {"seed", "7"}, {"decoder-variance", "learned-per-dim"}});
  const toml::table table = toml::parse(text);
  EXPECT_EQ(table["validation"].value<double>(), 0.25);
  EXPECT_EQ(table["seed"].value<std::int64_t>(), 7);
  Settings settings("train");
  for (const auto& [key, node] : table) {
    EXPECT_NE(find_option("train", key.str()), nullptr) << key.str();
  }
  EXPECT_EQ(table["decoder-variance"].value<std::string>(), "learned-per-dim");
}

TEST(TrainingPlan, TakesWhatTheSettingsSay) {
  Settings settings("train");
  settings.add_flag("hidden", "8,4");
  settings.add_flag("models", "3");
  settings.add_flag("validation", "0.2");
  settings.add_flag("init", "kaiming-normal");
  settings.add_flag("scale", "minmax");
  settings.add_flag("patience", "6");
  const TrainingPlan plan = training_plan(settings, 5);
  EXPECT_EQ(plan.architecture.data_dim, 5U);
  EXPECT_EQ(plan.architecture.encoder_hidden, (std::vector<std::size_t>{8, 4}));
  EXPECT_EQ(plan.architecture.decoder_hidden, (std::vector<std::size_t>{4, 8}));
  EXPECT_EQ(plan.models, 3U);
  EXPECT_EQ(plan.validation, 0.2);
  EXPECT_EQ(plan.initialization, Initialization::kaiming_normal);
  EXPECT_EQ(plan.scale, ScaleKind::minmax);
  EXPECT_EQ(plan.config.patience, 6U);
}

}  // namespace
}  // namespace gmmvae
