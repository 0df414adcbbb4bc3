// What a sweep can be told: how points are drawn, what is measured and kept, when trials are given up.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "host/io/model_file.hpp"
#include "tests/support/program.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const std::string kFixed = " --components 3 --dim 2 --samples 60 --epochs 8 ";

using Row = std::map<std::string, std::string>;

class SweepOptionsTest : public test::ProgramTest {
 protected:
  [[nodiscard]] std::string table(const std::string& folder, int code = 0) const {
    const test::Outcome got = run("sweep collect " + folder + " --out " + folder + ".csv");
    EXPECT_EQ(got.code, code) << got.err;
    return test::file_bytes(path(folder + ".csv"));
  }
  /// The cells by column; none here is quoted.
  [[nodiscard]] std::vector<Row> rows(const std::string& folder, int code = 0) const {
    std::istringstream lines(table(folder, code));
    const auto cells = [](const std::string& line) {
      std::vector<std::string> parts;
      std::istringstream rest(line);
      for (std::string cell; std::getline(rest, cell, ',');) parts.push_back(cell);
      return parts;
    };
    std::string line;
    std::getline(lines, line);
    const std::vector<std::string> names = cells(line);
    std::vector<Row> found;
    while (std::getline(lines, line)) {
      const std::vector<std::string> values = cells(line);
      Row& row = found.emplace_back();
      for (std::size_t i = 0; i < values.size(); ++i) row[names[i]] = values[i];
    }
    return found;
  }
  [[nodiscard]] std::set<std::string> kept(const std::string& folder) const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path(folder + "/models")))
      names.insert(entry.path().stem().string());
    return names;
  }
};

TEST_F(SweepOptionsTest, SobolPointsAreSharedOutToShardsLikeAnyOther) {
  const std::string axes = " 'lr=log(0.001,0.01,8)' seed=1..8 --method sobol --points 16 " + kFixed;
  ASSERT_EQ(run("sweep run --out whole" + axes).code, 0);
  for (const char* shard : {"1/2", "0/2"})
    ASSERT_EQ(run("sweep run --out parts --shard " + std::string(shard) + axes).code, 0);
  EXPECT_EQ(table("parts"), table("whole"));
  // Sixteen points of two axes of eight: each value of either axis twice.
  std::map<std::string, int> rates, seeds;
  for (const Row& row : rows("whole")) {
    ++rates[row.at("lr")];
    ++seeds[row.at("seed")];
  }
  for (const auto& counts : {rates, seeds}) {
    EXPECT_EQ(counts.size(), 8u);
    for (const auto& [value, count] : counts) EXPECT_EQ(count, 2) << value;
  }
  EXPECT_EQ(object("sweep run --out whole" + axes + "--points 32")["run"], 16);
}

TEST_F(SweepOptionsTest, MetricsAreThoseOfEvaluateAndModelsThoseOfTrain) {
  const std::string fixed = " --components 3 --dim 2 --samples 60 --epochs 8 --hidden 8 ";
  ASSERT_EQ(run("sweep run lr=0.01 seed=5 --keep all --metrics "
                "log_likelihood,precision,noise_free_high_quality --out s" +
                fixed)
                .code,
            0);
  const std::vector<Row> found = rows("s");
  ASSERT_EQ(found.size(), 1u);
  ASSERT_EQ(run("generate --components 3 --dim 2 --samples 60 --seed 5 --out d.npz").code, 0);
  ASSERT_EQ(run("train --data d.npz --lr 0.01 --seed 5 --epochs 8 --hidden 8 --out m.safetensors").code, 0);
  const Vae kept = load_model(path("s/models/" + found[0].at("trial") + ".safetensors"));
  EXPECT_EQ(kept.parameters, load_model(path("m.safetensors")).parameters);
  const json alone = object("evaluate --model m.safetensors --data d.npz --count 2000 --test 1000 --seed 5");
  EXPECT_EQ(alone["log_likelihood"].get<double>(), std::stod(found[0].at("log_likelihood")));
  EXPECT_EQ(alone["precision"].get<double>(), std::stod(found[0].at("precision")));
  EXPECT_EQ(alone["noise_free"]["modes"]["high_quality"].get<double>(),
            std::stod(found[0].at("noise_free_high_quality")));
  EXPECT_THAT(refusal("sweep run lr=1 --metrics presicion --out t", 2), HasSubstr("did you mean precision?"));
}

TEST_F(SweepOptionsTest, KeepsTheBestModels) {
  const std::string axes = " lr=0.03,0.001,0.01,0.003,0.0003,0.0001 --chunk 2 " + kFixed;
  ASSERT_EQ(run("sweep run --keep 2 --out two" + axes).code, 0);
  ASSERT_EQ(
      run("sweep run --keep 2 --rank-by loss --out loss --max-seconds 0.000001 --threads 1" + axes).code, 75);
  ASSERT_EQ(run("sweep run --keep 2 --rank-by loss --out loss" + axes).code, 0);
  for (const auto& [folder, figure, sign] :
       {std::tuple{"two", "elbo", 1.0}, std::tuple{"loss", "loss", -1.0}}) {
    std::vector<std::pair<double, std::string>> order;
    for (const Row& row : rows(folder))
      order.emplace_back(-sign * std::stod(row.at(figure)), row.at("trial"));
    std::sort(order.begin(), order.end());
    EXPECT_EQ(kept(folder), (std::set<std::string>{order[0].second, order[1].second})) << folder;
  }
}

TEST_F(SweepOptionsTest, PruningIsRecordedAndTheSameHoweverItIsRun) {
  for (const std::string rule : {"halving", "median"}) {
    const std::string axes =
        " 'lr=log(0.0001,0.03,8)' --chunk 8 --prune " + rule + " --prune-from 2 --prune-factor 2 " + kFixed;
    ASSERT_EQ(run("sweep run --threads 2 --out " + rule + axes).code, 0);
    std::vector<std::string> epochs;
    for (const Row& row : rows(rule)) {
      epochs.push_back(row.at("epochs"));
      EXPECT_EQ(row.at("status"), row.at("epochs") == "8" ? "done" : "pruned");
      if (row.at("status") == "done") continue;
      EXPECT_EQ(row.at("why"), "given up after epoch " + row.at("epochs") + " of its cohort");
    }
    std::sort(epochs.begin(), epochs.end());
    // Halving leaves 4 of 8 after two epochs, 2 after four.
    if (rule == "halving") {
      EXPECT_EQ(epochs, (std::vector<std::string>{"2", "2", "2", "2", "4", "4", "8", "8"}));
    } else {
      EXPECT_NE(epochs.front(), "8");
    }
    EXPECT_EQ(object("sweep run --out " + rule + axes)["run"], 0);
  }
}

TEST_F(SweepOptionsTest, AStopChangesNothingOfWhatIsPruned) {
  const std::string axes =
      " lr=0.0001,0.03,0.001,0.003 --chunk 4 --prune halving --prune-from 1 --prune-factor 2 " + kFixed;
  ASSERT_EQ(run("sweep run --out whole" + axes).code, 0);
  // One epoch a call: the first of four trials, the second of two, and six more of the last.
  for (int call = 1; call < 4 + 2 + 6; ++call)
    ASSERT_EQ(run("sweep run --threads 1 --max-seconds 0.000001 --out cut" + axes).code, 75) << call;
  EXPECT_EQ(run("sweep run --threads 1 --max-seconds 0.000001 --out cut" + axes).code, 0);
  EXPECT_EQ(table("cut"), table("whole"));
}

TEST_F(SweepOptionsTest, DryRunsEstimateTimeAndMemory) {
  const json few = object("sweep run seed=1..100 --dry-run --epochs 20");
  const json many = object("sweep run seed=1..100000 --dry-run --epochs 200");
  EXPECT_EQ(few["trials"], 100);
  // The work differs by a factor of ten thousand; what the machine does beside cannot hide that.
  EXPECT_GT(many["estimated_seconds"].get<double>(), 100 * few["estimated_seconds"].get<double>());
  // 9,224 parameters and two moments alone are 111 kB.
  EXPECT_GT(many["memory_bytes"].get<double>(), 1024 * 100e3);
  EXPECT_FALSE(exists("s"));
}

TEST_F(SweepOptionsTest, StatusSaysWhyTrialsFailed) {
  ASSERT_EQ(run("sweep run lr=1e30,1e29,0.01 --out s" + kFixed).code, 6);
  const json status = object("sweep status s");
  EXPECT_EQ(status["failed"], 2);
  EXPECT_EQ(status["reasons"], (json{{"the loss exploded", 2}}));
  EXPECT_EQ(status["trials_per_second"], nullptr);
}

/// A ring needs two dimensions, a grid of four components does not care: the sweep goes on past what cannot
/// be.
TEST_F(SweepOptionsTest, ImpossibleTrialsAreFailuresAmongOthers) {
  const std::string axes =
      " dim=1,2 layout=ring,grid --components 4 --samples 60 --epochs 8 --prune halving ";
  const test::Outcome got = run("sweep run --out s" + axes);
  EXPECT_EQ(got.code, 6) << got.err;
  EXPECT_THAT(got.err, HasSubstr("sweep status"));
  const json status = object("sweep status s");
  EXPECT_EQ(status["failed"], 1);
  EXPECT_EQ(status["missing"], 0);
  ASSERT_EQ(status["reasons"].size(), 1u);
  EXPECT_THAT(status["reasons"].begin().key(), HasSubstr("2 dimensions"));
  const std::string csv = table("s", 6);
  EXPECT_THAT(csv, HasSubstr("impossible,"));
  EXPECT_EQ(run("sweep run --out s" + axes).code, 0) << "nothing is left to run";
  EXPECT_EQ(run("sweep report s --out s.html").code, 0);
  EXPECT_THAT(test::file_bytes(path("s.html")), HasSubstr("2 dimensions"));
  EXPECT_EQ(run("sweep retry s").code, 6);
  EXPECT_EQ(table("s", 6), csv);
}

TEST_F(SweepOptionsTest, ASweepWithoutAPossibleTrialIsRefused) {
  const std::string fixed = " --layout ring --components 4 --samples 60 --epochs 8 ";
  const test::Outcome got = run("sweep run --out s dim=1 seed=1..200 --chunk 10" + fixed);
  EXPECT_EQ(got.code, 2);
  EXPECT_THAT(got.err, HasSubstr("trial 0 (dim=1 seed=1"));
  EXPECT_EQ(object("sweep status s")["missing"], 200);
  EXPECT_EQ(run("sweep run --out t dim=1,2 seed=1..20 --chunk 10" + fixed).code, 6)
      << "the first two chunks are impossible, others are not";
}

}  // namespace
}  // namespace gmmvae
