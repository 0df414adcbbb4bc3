// The verb run as a person uses it: the course experiment, own studies, interruptions and mistakes.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "host/io/dataset_file.hpp"
#include "host/io/model_file.hpp"
#include "host/io/npy.hpp"
#include "tests/app/small_run.hpp"
#include "tests/support/program.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

class RunTest : public test::ProgramTest {
 protected:
  /// The bytes of every file of a run, but for what may differ from one run to the next: times and the
  /// device.
  [[nodiscard]] std::map<std::string, std::string> lasting(const std::string& folder) const {
    std::map<std::string, std::string> found;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(path(folder))) {
      const std::string name = fs::relative(entry.path(), path(folder)).string();
      if (!entry.is_regular_file() || name == "run.json") continue;
      std::string bytes = test::file_bytes(entry.path().string());
      if (name.ends_with("clusters.json") || name.ends_with("tsne.json"))
        bytes = without_seconds(json::parse(bytes));
      found[name] = bytes;
    }
    return found;
  }

 private:
  static std::string without_seconds(json value) {
    const auto clean = [](const auto& self, json& node) -> void {
      if (node.is_object()) node.erase("seconds");
      for (json& child : node) {
        if (child.is_structured()) self(self, child);
      }
    };
    clean(clean, value);
    return value.dump();
  }
};

TEST_F(RunTest, TheCourseExperiment) {
  const json result = object("run --out course --json");
  // The table that the report printed, and the bound that the project promises.
  const std::map<int, double> published = {
      {1, 0.314280}, {25, 0.052333}, {50, 0.051693}, {75, 0.051859}, {100, 0.051494}};
  ASSERT_EQ(result["course_table"].size(), published.size());
  for (const json& row : result["course_table"]) {
    const double expected = published.at(row["epoch"].get<int>());
    EXPECT_NEAR(row["found"].get<double>(), expected, 0.012 * expected) << row.dump();
  }
  ASSERT_EQ(result["models"].size(), 2u);
  const json &course = result["models"][0], &elbo = result["models"][1];
  EXPECT_EQ(course["name"], "course");
  EXPECT_EQ(course["verdict"], "collapsed");
  EXPECT_TRUE(course["prediction_held"].get<bool>());
  EXPECT_EQ(elbo["verdict"], "healthy");
  EXPECT_TRUE(elbo["prediction_held"].get<bool>());
  EXPECT_EQ(elbo["modes"]["captured"], 10);
  EXPECT_EQ(elbo["modes_of_the_truth"]["captured"], 10);
  // A single point can lie in one mode, or where two overlap.
  EXPECT_LE(course["modes_noise_free"]["captured"].get<int>(), 2);
  // Rescaling makes the collapsed model look better than it is: that is why it is told apart.
  EXPECT_GT(course["modes_of_rescaled_samples"]["hit"].get<int>(),
            course["modes_noise_free"]["hit"].get<int>());
  const std::string page = test::file_bytes(path("course/report.html"));
  EXPECT_THAT(page, HasSubstr("The published losses, reproduced"));
  EXPECT_THAT(page, HasSubstr("course kept none of the 10 modes ("));
  EXPECT_THAT(page, HasSubstr("elbo kept all ("));
}

TEST_F(RunTest, LeavesTheFolderOfTheContractAndAPageThatNeedsNoOther) {
  ASSERT_EQ(run("run --out r" + test::kSmallRun).code, 0);
  for (const std::string name : {"config.toml", "data.npz", "report.html", "run.json"})
    EXPECT_TRUE(exists("r/" + name)) << name;
  for (const std::string model : {"course", "elbo"}) {
    for (const std::string name : {"model.safetensors", "history.csv", "samples.npy", "latents.npz",
                                   "metrics.json", "clusters.json", "tsne.npy", "tsne.json"})
      EXPECT_TRUE(exists("r/" + model + "/" + name)) << model << " " << name;
    const json clusters = json::parse(test::file_bytes(path("r/" + model + "/clusters.json")));
    EXPECT_TRUE(clusters.contains("samples") && clusters.contains("latents"));
    EXPECT_EQ(read_npy_points(path("r/" + model + "/tsne.npy")).rows(), 150u);
    EXPECT_EQ(read_npy_points(path("r/" + model + "/samples.npy")).cols(), 3u);
    EXPECT_FALSE(exists("r/" + model + "/model.safetensors.checkpoint"));
  }
  const json about = json::parse(test::file_bytes(path("r/run.json")));
  EXPECT_EQ(about["device"], "cpu");
  EXPECT_GT(about["seconds_per_step"]["elbo"].get<double>(), 0.0);
  // What it trained on is what generate draws with the same options.
  ASSERT_EQ(run("generate --components 3 --samples 150 --seed 3 --out same.npz").code, 0);
  EXPECT_EQ(test::file_bytes(path("same.npz")), test::file_bytes(path("r/data.npz")));
  const std::string page = test::file_bytes(path("r/report.html"));
  for (const char* part :
       {"<h1>", "The published losses", "Which modes survived", "Data and samples on the same axes", "t-SNE",
        "RESCALED", "Nats per point", "Every command and setting", "default-src 'none'"})
    EXPECT_THAT(page, HasSubstr(part));
  for (const char* part : {"src=", "href=\"http", "url(", "@import", ">nan", "\"nan"})
    EXPECT_THAT(page, Not(HasSubstr(part)));
  EXPECT_LT(page.size(), 2u << 20);
}

TEST_F(RunTest, EmbedsAsItsTableSays) {
  std::ofstream(path("study.toml")) << "dim = 2\nperplexity = 7\n[tsne]\ndim = 3\niterations = 40\n";
  const std::string study = "run --config study.toml --objective elbo" + test::kSmallRun;
  ASSERT_EQ(run(study + "--out r").code, 0);
  EXPECT_EQ(read_npy_points(path("r/elbo/tsne.npy")).cols(), 3u);
  const json embedding = json::parse(test::file_bytes(path("r/elbo/tsne.json")));
  EXPECT_EQ(embedding.at("perplexity"), 7.0);
  EXPECT_EQ(embedding.at("iterations"), 40);
  EXPECT_THAT(embedding.at("caption"), HasSubstr("perplexity 7"));
  EXPECT_THAT(embedding.at("caption"), HasSubstr("mean nothing"));
  // It belongs to the study's configuration.
  EXPECT_THAT(refusal(study + "--out r --set tsne.dim=2", 2), HasSubstr("dim"));
  EXPECT_THAT(refusal(study + "--out s --set tsne.method=fft", 2), HasSubstr("2 dimensions"));
  EXPECT_THAT(refusal(study + "--out s --set tsne.init=start.npy", 2), HasSubstr("pca or random"));
}

TEST_F(RunTest, ItsConfigurationRepeatsItOnAnyNumberOfThreads) {
  ASSERT_EQ(run("run --out first --threads 1" + test::kSmallRun).code, 0);
  ASSERT_EQ(run("run --config first/config.toml --out again --threads 2").code, 0);
  const auto first = lasting("first"), again = lasting("again");
  ASSERT_EQ(first.size(), again.size());
  for (const auto& [name, bytes] : first) EXPECT_EQ(bytes, again.at(name)) << name;
}

TEST_F(RunTest, AStoppedRunEndsAsIfItHadNotBeenStopped) {
  const std::string study = " --components 3 --samples 100 --objective elbo --hidden 8 --epochs 40 --seed 5 ";
  // Too short a time for anything: one epoch is done all the same.
  const test::Outcome stopped = run("run --out r --max-seconds 1e-9 --json" + study);
  ASSERT_EQ(stopped.code, 75) << stopped.err;
  EXPECT_EQ(nlohmann::json::parse(stopped.out, nullptr, false).value("exit_code", 0), 75) << stopped.out;
  EXPECT_THAT(stopped.err, HasSubstr("run the same command again"));
  EXPECT_FALSE(exists("r/elbo/model.safetensors"));
  ASSERT_EQ(run("run --out r" + study).code, 0);
  ASSERT_EQ(run("run --out whole" + study).code, 0);
  EXPECT_EQ(lasting("r"), lasting("whole"));
}

TEST_F(RunTest, AFinishedRunIsNotTrainedAgain) {
  const std::string study = "run --objective elbo --out r" + test::kSmallRun;
  ASSERT_EQ(run(study).code, 0);
  const auto before = lasting("r");
  const auto all = files();
  EXPECT_THAT(refusal(study + "--lr 0.01", 2), HasSubstr("lr = 0.01"));
  EXPECT_EQ(all, files());
  ASSERT_EQ(run(study).code, 0);
  EXPECT_TRUE(before == lasting("r"));
  const json about = json::parse(test::file_bytes(path("r/run.json")));
  EXPECT_TRUE(about["seconds_per_step"]["elbo"].is_null());
  // A version that has since learnt an option goes on with it.
  ASSERT_EQ(shell("sed -i '/^precision = \"fp32\"$/d' r/config.toml").code, 0);
  EXPECT_EQ(test::file_bytes(path("r/config.toml")).find("precision"), std::string::npos);
  EXPECT_EQ(run(study).code, 0);
  EXPECT_THAT(refusal(study + "--precision tf32x3", 2), HasSubstr("tf32x3"));
}

TEST_F(RunTest, AFolderOfSomebodyElseIsLeftAlone) {
  fs::create_directories(path("thesis"));
  std::ofstream(path("thesis/chapter1.txt")) << "years of work";
  const auto before = files();
  EXPECT_THAT(refusal("run --out thesis" + test::kSmallRun, 4), HasSubstr("not empty"));
  EXPECT_THAT(refusal("run --out thesis/chapter1.txt" + test::kSmallRun, 4), HasSubstr("is a file"));
  EXPECT_THAT(refusal("run --out /proc/none" + test::kSmallRun, 4), HasSubstr("/proc/none"));
  EXPECT_EQ(before, files());
}

TEST_F(RunTest, OwnData) {
  std::ofstream csv(path("mine.csv"));
  csv << "a,b,c,d,kind\n";
  for (int i = 0; i < 120; ++i)
    csv << i % 7 << ',' << i % 11 * 0.5 << ',' << i * 0.1 << ",3," << (i % 2 ? "x" : "y") << '\n';
  csv.close();
  const json result = object("run --data mine.csv --label kind --hidden 8 --epochs 5 --out r --json");
  ASSERT_EQ(result["models"].size(), 1u);
  EXPECT_EQ(result["models"][0]["name"], "elbo");
  EXPECT_FALSE(result["models"][0].contains("modes"));
  EXPECT_FALSE(result.contains("course_table"));
  const std::string page = test::file_bytes(path("r/report.html"));
  EXPECT_THAT(page, Not(HasSubstr("Which modes survived")));
  EXPECT_THAT(page, HasSubstr("Density of d,"));  // the columns keep their names
  EXPECT_THAT(refusal("run --out s --data none.csv", 4), HasSubstr("none.csv"));
  EXPECT_THAT(refusal("run --out s --data mine.csv --label kind --components 4", 2),
              HasSubstr("--components"));
  std::ofstream(path("one.csv")) << "a,b\n1,2\n";
  EXPECT_THAT(refusal("run --out s --data one.csv", 4), HasSubstr("two points"));
  EXPECT_FALSE(exists("s"));
}

TEST_F(RunTest, TwoDimensionsAndMoreModesThanColours) {
  ASSERT_EQ(
      run("run --dim 2 --components 12 --samples 150 --hidden 8 --epochs 4 --layout ring --out two").code, 0);
  const std::string page = test::file_bytes(path("two/report.html"));
  EXPECT_THAT(page, HasSubstr("The same axes for all: x1 from "));
  EXPECT_THAT(page, HasSubstr("coloured by component (ten colours in turn)"));
}

TEST_F(RunTest, ADivergedModelDoesNotTakeTheOthersWithIt) {
  const test::Outcome outcome = run("run --out r --set model.elbo.lr=1e9" + test::kSmallRun);  // course stays
  EXPECT_EQ(outcome.code, 5) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("elbo"));
  EXPECT_TRUE(exists("r/course/metrics.json"));
  EXPECT_FALSE(exists("r/elbo/model.safetensors"));
  EXPECT_THAT(test::file_bytes(path("r/report.html")), HasSubstr("diverged"));
  // All of them: there is still a page.
  EXPECT_EQ(run("run --out all --lr 1e9" + test::kSmallRun).code, 5);
  EXPECT_TRUE(exists("all/report.html"));
}

TEST_F(RunTest, SaysWhatIsWrong) {
  EXPECT_THAT(refusal("run", 2), HasSubstr("--out"));
  EXPECT_THAT(refusal("run --out r --set model.a.latnet=3", 2), HasSubstr("latent"));
  EXPECT_THAT(refusal("run --out r --set model.../up.latent=1", 2), HasSubstr("folder"));
  EXPECT_THAT(refusal("run --out r --latent 0", 2), HasSubstr("latent"));
  EXPECT_THAT(refusal("run --out r --components 2000", 2), HasSubstr("2000"));
  EXPECT_THAT(refusal("run --out r --patience 3", 2), HasSubstr("--validation"));
  EXPECT_FALSE(exists("r"));
}

}  // namespace
}  // namespace gmmvae
