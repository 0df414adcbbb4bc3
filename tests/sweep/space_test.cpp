// Axes, their combinations, and which part of them a process runs.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/sweep.hpp"
#include "tests/support/error_message.hpp"

namespace gmmvae {
namespace {

using Strings = std::vector<std::string>;

TEST(AxisValues, EveryForm) {
  EXPECT_EQ(axis_values("0.5,1,4", false, "beta"), (Strings{"0.5", "1", "4"}));
  EXPECT_EQ(axis_values("3..6", false, "latent"), (Strings{"3", "4", "5", "6"}));
  EXPECT_EQ(axis_values("lin(0,1,5)", false, "beta"), (Strings{"0", "0.25", "0.5", "0.75", "1"}));
  EXPECT_EQ(axis_values("log(1e-4,1e-2,3)", false, "lr"), (Strings{"0.0001", "0.001", "0.01"}));
  EXPECT_EQ(axis_values("64,64;16", true, "hidden"), (Strings{"64,64", "16"}));
  for (const char* bad : {"", "1,,2", "6..3", "lin(0,1)", "log(0,1,3)", "lin(0,1,0)"})
    EXPECT_TRUE(
        test::error_message<UsageError>([&] { (void)axis_values(bad, false, "key"); }).starts_with("key"))
        << bad;
}

TEST(SweepSpace, GridVisitsEveryCombinationOnceTheLastAxisFastest) {
  const SweepSpace space({{"a", {"1", "2"}}, {"b", {"x", "y", "z"}}}, {});
  ASSERT_EQ(space.size(), 6u);
  for (std::uint64_t i = 0; i < 6; ++i)
    EXPECT_EQ(space.at(i),
              (std::vector<std::size_t>{static_cast<std::size_t>(i / 3), static_cast<std::size_t>(i % 3)}));
}

TEST(SweepSpace, PairedAxesMoveTogether) {
  const SweepSpace space({{"a", {"1", "2"}}, {"b", {"x", "y", "z"}}, {"c", {"3", "4"}}}, {{"a", "c"}});
  ASSERT_EQ(space.size(), 6u);
  std::set<std::vector<std::size_t>> seen;
  for (std::uint64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(space.at(i)[0], space.at(i)[2]);
    seen.insert(space.at(i));
  }
  EXPECT_EQ(seen.size(), 6u);
}

TEST(SweepSpace, RandomPointsDoNotDependOnHowManyThereAre) {
  const std::vector<SweepAxis> axes = {{"a", Strings(7, "v")}, {"b", Strings(5, "v")}};
  const SweepSpace few(axes, {}, SweepMethod::random, 10, 3), many(axes, {}, SweepMethod::random, 1000, 3);
  for (std::uint64_t i = 0; i < few.size(); ++i) EXPECT_EQ(few.at(i), many.at(i));
  std::vector<int> counts(7, 0);
  for (std::uint64_t i = 0; i < many.size(); ++i) ++counts[many.at(i)[0]];
  // Binomial with mean 143 and standard deviation 11: five of them either side.
  for (const int count : counts) EXPECT_NEAR(count, 1000.0 / 7.0, 55.0);
}

TEST(SweepSpace, ChunksHoldEveryTrialAndFollowFromTheSize) {
  for (const std::uint64_t size : {1u, 63u, 64u, 65u, 1000u, 1000000u}) {
    const SweepSpace space({{"a", {"1"}}}, {}, SweepMethod::random, size);
    EXPECT_GE(space.chunks() * space.chunk_size(), size);
    EXPECT_LT((space.chunks() - 1) * space.chunk_size(), size);
  }
}

TEST(SweepSpace, Mistakes) {
  const auto say = [](std::vector<SweepAxis> axes, std::vector<std::pair<std::string, std::string>> pairs) {
    return test::error_message<UsageError>([&] { SweepSpace(std::move(axes), pairs); });
  };
  EXPECT_NE(say({{"a", {}}}, {}).find("a has no values"), std::string::npos);
  EXPECT_NE(say({{"a", {"1"}}, {"a", {"2"}}}, {}).find("twice"), std::string::npos);
  EXPECT_NE(say({{"a", {"1"}}, {"b", {"1", "2"}}}, {{"a", "b"}}).find("1 and 2 values"), std::string::npos);
  EXPECT_NE(say({{"a", {"1"}}}, {{"a", "b"}}).find("must be axes"), std::string::npos);
}

Shard found(std::vector<const char*> variables) {
  variables.push_back(nullptr);
  Shard shard = launcher_shard(variables.data()).value_or(Shard{});
  shard.source.clear();
  return shard;
}

TEST(Shard, FoundFromTheLauncher) {
  EXPECT_EQ(found({"PATH=/bin"}), (Shard{0, 1, ""}));
  EXPECT_EQ(found({"OMPI_COMM_WORLD_RANK=2", "OMPI_COMM_WORLD_SIZE=3"}), (Shard{2, 3, ""}));
  EXPECT_EQ(found({"JOB_COMPLETION_INDEX=1", "JOB_COMPLETIONS=5"}), (Shard{1, 5, ""}));
  const std::vector<const char*> array = {"SLURM_ARRAY_TASK_ID=14", "SLURM_ARRAY_TASK_MIN=10",
                                          "SLURM_ARRAY_TASK_STEP=2", "SLURM_ARRAY_TASK_COUNT=4",
                                          "SLURM_PROCID=1"};
  // sbatch alone: PROCID says nothing.
  EXPECT_EQ(found(array), (Shard{2, 4, ""}));
  std::vector<const char*> step = array;
  step.push_back("SLURM_STEP_NUM_TASKS=3");
  EXPECT_EQ(found(step), (Shard{7, 12, ""}));
}

TEST(Shard, Mistakes) {
  EXPECT_EQ(parse_shard("1/4").count, 4u);
  for (const char* bad : {"4/4", "1", "a/2", "0/0", "1/2/3"})
    EXPECT_THROW((void)parse_shard(bad), UsageError) << bad;
  EXPECT_THROW((void)found({"JOB_COMPLETION_INDEX=1"}), UsageError);
  EXPECT_THROW((void)found({"OMPI_COMM_WORLD_RANK=x", "OMPI_COMM_WORLD_SIZE=3"}), UsageError);
}

}  // namespace
}  // namespace gmmvae
