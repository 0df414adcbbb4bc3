#include "host/bench/axes.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "tests/support/error_message.hpp"

namespace gmmvae::bench {
namespace {

Settings asked(const std::vector<std::pair<std::string, std::string>>& flags,
               const std::vector<std::string>& axes) {
  Settings settings("bench");
  for (const auto& [name, value] : flags) settings.add_flag(name, value);
  settings.add_argument("train");
  for (const std::string& axis : axes) settings.add_argument(axis);
  return settings;
}

TEST(CombinationsTest, EveryCombinationTheLastAxisFastest) {
  const Combinations work(asked({{"hidden", "16;64,64"}, {"batch", "32,96"}, {"seed", "7"}}, {"threads=1,2"}),
                          {"train", "generate"});
  ASSERT_EQ(work.size(), 8U);
  EXPECT_EQ(work.describe(0, {"hidden", "models"}), "hidden=16 models=1 batch=32 threads=1");
  EXPECT_EQ(work.describe(7, {"hidden", "models"}), "hidden=64,64 models=1 batch=96 threads=2");
  const Settings training = work.settings(7, "train");
  EXPECT_EQ(training.widths("hidden"), (std::vector<std::size_t>{64, 64}));
  EXPECT_EQ(training.count("batch"), 96U);
  EXPECT_EQ(training.count("threads"), 2U);
  EXPECT_EQ(training.count("epochs"), 100U);
  EXPECT_EQ(training.count("seed"), 7U);
  EXPECT_EQ(work.settings(0, "generate").count("samples"), 1000U);
}

TEST(CombinationsTest, AnArgumentReplacesAnOption) {
  const Combinations work(asked({{"batch", "32,96"}}, {"batch=8..10", "lr=log(1e-4,1e-2,3)"}), {"train"});
  ASSERT_EQ(work.size(), 9U);
  EXPECT_EQ(work.describe(4, {}), "batch=9 lr=0.001");
}

TEST(CombinationsTest, WhatCannotBeAnAxisIsRefused) {
  const auto message = [](const Settings& settings, const std::vector<std::string>& verbs) {
    return test::error_message<UsageError>([&] { const Combinations work(settings, verbs); });
  };
  const auto has = [](const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_PRED2(has, message(asked({}, {"bach=8"}), {"train"}), "did you mean batch?");
  EXPECT_PRED2(has, message(asked({}, {"batch"}), {"train"}), "KEY=VALUES");
  EXPECT_PRED2(has, message(asked({}, {"batch=0"}), {"train"}), "batch");
  EXPECT_PRED2(has, message(asked({}, {"device=cpu"}), {"train"}), "device");
  EXPECT_PRED2(has, message(asked({{"hidden", "16"}}, {}), {"tsne", "generate"}), "--hidden");
}

}  // namespace
}  // namespace gmmvae::bench
