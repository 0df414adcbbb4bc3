// Axes, their combinations, and which part of them a process runs.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
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
  const SweepSpace few(axes, {}, {.method = SweepMethod::random, .points = 10, .seed = 3}),
      many(axes, {}, {.method = SweepMethod::random, .points = 1000, .seed = 3});
  for (std::uint64_t i = 0; i < few.size(); ++i) EXPECT_EQ(few.at(i), many.at(i));
  std::vector<int> counts(7, 0);
  for (std::uint64_t i = 0; i < many.size(); ++i) ++counts[many.at(i)[0]];
  // Binomial with mean 143 and standard deviation 11: five of them either side.
  for (const int count : counts) EXPECT_NEAR(count, 1000.0 / 7.0, 55.0);
}

TEST(Sobol, AgreesWithAnotherImplementation) {
  std::ifstream file(GMMVAE_TEST_DATA "/sweep/sobol_points.json");
  const auto points = nlohmann::json::parse(file);
  ASSERT_GT(points.size(), 4u);
  for (const auto& [index, coordinates] : points.items()) {
    ASSERT_EQ(coordinates.size(), kSobolDimensions);
    for (std::size_t d = 0; d < kSobolDimensions; ++d)
      EXPECT_EQ(sobol(std::stoull(index), d), coordinates[d].get<std::uint32_t>()) << index << " " << d;
  }
  EXPECT_THROW((void)sobol(0, kSobolDimensions), UsageError);
}

TEST(SweepSpace, SobolPointsFillTwoAxesEvenlyWhateverTheSeed) {
  const std::vector<SweepAxis> axes = {{"a", Strings(8, "v")}, {"b", Strings(8, "v")}};
  std::set<std::vector<std::size_t>> first;
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const SweepSpace space(axes, {}, {.method = SweepMethod::sobol, .points = 64, .seed = seed});
    // The first two dimensions are a (0, 6, 2)-net: each of the 64 combinations once.
    std::set<std::vector<std::size_t>> seen;
    for (std::uint64_t i = 0; i < 64; ++i) seen.insert(space.at(i));
    EXPECT_EQ(seen.size(), 64u);
    first.insert(space.at(0));
  }
  EXPECT_GT(first.size(), 1u);
}

void expect_partition(const SweepSpace& space) {
  std::vector<int> seen(space.size(), 0);
  for (std::uint64_t c = 0; c < space.chunks(); ++c) {
    const std::vector<std::uint64_t> trials = space.chunk(c);
    EXPECT_FALSE(trials.empty()) << c;
    EXPECT_LE(trials.size(), space.largest_chunk());
    for (const std::uint64_t trial : trials) {
      ++seen.at(trial);
      EXPECT_EQ(space.chunk_of(trial), c) << trial;
    }
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(space.size()));
}

TEST(SweepSpace, ChunksHoldEveryTrialOnce) {
  const auto kin = [](const std::string& key) {
    return key == "shape" ? SweepSpace::Kinship::shape
                          : (key == "data" ? SweepSpace::Kinship::data : SweepSpace::Kinship::none);
  };
  for (const std::uint64_t size : {1u, 5u, 64u, 65u, 1000u}) {
    expect_partition(SweepSpace({{"a", {"1"}}}, {}, {.method = SweepMethod::random, .points = size}));
    for (const std::uint64_t chunk : {0u, 1u, 7u, 5000u}) {
      const SweepSpace space(
          {{"a", Strings(3, "v")}, {"data", Strings(size, "v")}, {"shape", Strings(4, "v")}}, {},
          {.chunk = chunk, .kinship = kin});
      expect_partition(space);
      // Where the trials of a shape fill a chunk, it holds one shape, and then trials of the same data lie
      // together.
      if (3 * size < space.largest_chunk()) continue;
      for (std::uint64_t c = 0; c < space.chunks(); ++c) {
        const std::vector<std::uint64_t> trials = space.chunk(c);
        for (std::size_t i = 1; i < trials.size(); ++i) {
          EXPECT_EQ(space.at(trials[i])[2], space.at(trials[0])[2]);
          EXPECT_GE(space.at(trials[i])[1], space.at(trials[i - 1])[1]);
        }
      }
    }
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
