// tsne as a person runs it: what it writes, resumes and refuses. How well it embeds is in
// tsne_cases_test.cpp.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "host/io/npy.hpp"
#include "host/io/npz.hpp"
#include "tests/app/embedding_test.hpp"
#include "tests/support/program.hpp"
#include "tests/tsne/reference.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;

class TsneVerb : public test::EmbeddingTest {
 protected:
  void SetUp() override { write_npy(path("x.npy"), test::clusters(300, 6, 4, 1)); }
};

/// Stopped again and again, whether by time, by a signal or by a kill without mercy, it ends in the bytes of
/// one run; with snapshots and the figures beside them.
TEST_F(TsneVerb, StoppedAndResumedEqualsOneRun) {
  for (const std::string method : {"exact", "fft"}) {
    const std::string common =
        "tsne --data x.npy --perplexity 10 --iterations 15 --snapshots 4 --method " + method;
    ASSERT_EQ(run(common + " --out whole.npz").code, 0);
    const std::string limited = common + " --resume --max-seconds 1e-9 --out parts.npz";
    test::Outcome got = run(limited);
    int runs = 1;
    for (; got.code == 75 && runs < 100; ++runs) {
      EXPECT_TRUE(exists("parts.npz.checkpoint"));
      EXPECT_FALSE(exists("parts.npz"));
      EXPECT_NE(got.err.find("--resume"), std::string::npos) << got.err;
      got = run(limited);
    }
    EXPECT_EQ(got.code, 0) << got.err;
    EXPECT_GT(runs, 2);
    EXPECT_FALSE(exists("parts.npz.checkpoint"));
    EXPECT_EQ(test::file_bytes(path("parts.npz")), test::file_bytes(path("whole.npz"))) << method;
    json whole = json::parse(test::file_bytes(path("whole.npz.json")));
    json parts = json::parse(test::file_bytes(path("parts.npz.json")));
    whole.erase("seconds");
    parts.erase("seconds");
    EXPECT_EQ(parts, whole);
    std::filesystem::remove(path("parts.npz"));
  }
}

TEST_F(TsneVerb, ASignalSavesEverythingAndAKillCostsLittle) {
  const std::string command = "tsne --data x.npy --method fft --iterations 600 --out y.npy";
  ASSERT_EQ(run(command).code, 0);
  const std::string whole = test::file_bytes(path("y.npy"));
  for (const auto& [signal, code] : {std::pair{"TERM", 75}, std::pair{"INT", 75}, std::pair{"KILL", 137}}) {
    std::filesystem::remove(path("y.npy"));
    // A checkpoint after every iteration: the first is there long before the last.
    const test::Outcome stopped =
        run(command + " --checkpoint-every 1e-9s --resume", "/dev/null",
            std::string(
                "sh -c '\"$0\" \"$@\" & pid=$!; while [ ! -e y.npy.checkpoint ] && kill -0 $pid; do sleep "
                "0.01; done; kill -") +
                signal + " $pid; wait $pid'");
    ASSERT_EQ(stopped.code, code) << stopped.err;
    EXPECT_FALSE(exists("y.npy"));
    const test::Outcome rest = run(command + " --resume");
    EXPECT_EQ(rest.code, 0) << rest.err;
    EXPECT_NE(rest.err.find("going on from y.npy.checkpoint"), std::string::npos) << rest.err;
    EXPECT_EQ(test::file_bytes(path("y.npy")), whole) << signal;
    EXPECT_FALSE(exists("y.npy.checkpoint"));
  }
}

TEST_F(TsneVerb, AFinishedEmbeddingHasNothingToResume) {
  const std::string command = "tsne --data x.npy --iterations 20 --resume --out y.npy";
  ASSERT_EQ(run(command).code, 0) << "without a checkpoint it starts afresh";
  const auto before = files();
  const test::Outcome again = run(command + " --threads 1 --max-seconds 5");
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.err.find("y.npy is finished"), std::string::npos) << again.err;
  json record = json::parse(test::file_bytes(path("y.npy.json")));
  EXPECT_EQ(object(command).at("kl_divergence"), record.at("kl_divergence"));
  EXPECT_NE(refusal(command + " --perplexity 20", 2)
                .find("y.npy comes from another embedding: perplexity was 30 and is now 20"),
            std::string::npos);
  write_npy(path("start.npy"), test::cloud(300, 2, 1e-4, 1));
  EXPECT_NE(refusal(command + " --init start.npy", 2).find("init was"), std::string::npos);
  EXPECT_EQ(files().size(), before.size() + 1);
  // Another embedding lies under that name by now: it is not taken for the recorded one.
  write_npy(path("y.npy"), test::cloud(300, 2, 1.0, 2));
  EXPECT_EQ(run(command).code, 0);
  EXPECT_EQ(test::file_bytes(path("y.npy")), before[1].second);
}

TEST_F(TsneVerb, RefusesToResumeFromAnotherEmbeddingOrADamagedOne) {
  const std::string command = "tsne --data x.npy --iterations 50 --max-seconds 1e-9 --out y.npy";
  ASSERT_EQ(run(command).code, 75);
  EXPECT_NE(refusal(command + " --resume --seed 2", 2)
                .find("y.npy.checkpoint comes from another embedding: seed was 1 and is now 2"),
            std::string::npos);
  const std::string bytes = test::file_bytes(path("y.npy.checkpoint"));
  std::ofstream(path("y.npy.checkpoint"), std::ios::binary) << bytes.substr(0, bytes.size() - 100);
  EXPECT_NE(refusal(command + " --resume", 4).find("y.npy.checkpoint"), std::string::npos);
  const test::Outcome fresh = run(command);
  EXPECT_EQ(fresh.code, 75);
  EXPECT_NE(fresh.err.find("is not used"), std::string::npos) << fresh.err;
  EXPECT_NE(refusal("tsne --data x.npy --transform y.npz --resume --out z.npy", 2).find("nothing to resume"),
            std::string::npos);
}

TEST_F(TsneVerb, TransformsAndKeepsSnapshots) {
  ASSERT_EQ(run("tsne --data x.npy --iterations 200 --snapshots 60 --out model.npz").code, 0);
  EXPECT_EQ(NpzReader(path("model.npz")).read("snapshots").shape, (std::vector<std::size_t>{3, 300, 2}));
  const Matrix<float> placed = embedding("--data x.npy --transform model.npz");
  const NpzReader file(path("model.npz"));
  const Matrix<float> reference = read_npy_points(*file.open("embedding"));
  EXPECT_GE(test::placed_in_own_cluster(placed, reference, 4), 285u);
}

/// Steps too large for any arithmetic end it with one sentence, and what was there stays.
TEST_F(TsneVerb, DivergesWithoutOverwritingAnything) {
  ASSERT_EQ(run("tsne --data x.npy --iterations 10 --out y.npy").code, 0);
  for (const std::string arguments : {"--exaggeration 1e300", "--method fft --exaggeration 1e300"}) {
    const auto before = files();
    const test::Outcome got = run("tsne --data x.npy --iterations 9000 --out y.npy " + arguments);
    EXPECT_EQ(got.code, 5) << arguments;
    EXPECT_NE(got.err.find("diverged"), std::string::npos) << got.err;
    EXPECT_EQ(files(), before);
  }
}

TEST_F(TsneVerb, SaysThatEqualPointsHaveNoPerplexity) {
  write_npy(path("constant.npy"), Matrix<float>(60, 4, 2.5f));
  const json got = object("tsne --data constant.npy --perplexity 5 --iterations 5 --out y.npy");
  ASSERT_EQ(got.at("warnings").size(), 1u);
  EXPECT_EQ(got.at("effective_perplexity"), 15.0);
}

TEST_F(TsneVerb, RefusesBadInputWithItsExitCode) {
  Matrix<float> holed = test::cloud(20, 2, 1.0, 1);
  holed(4, 1) = std::numeric_limits<float>::quiet_NaN();
  write_npy(path("nan.npy"), holed);
  write_npy(path("one.npy"), Matrix<float>(1, 3, 1.0f));
  write_npy(path("start.npy"), test::cloud(299, 2, 1.0, 1));
  for (const std::string arguments : {"--data nan.npy", "--data one.npy", "--data missing.npy",
                                      "--data x.npy --init start.npy", "--data x.npy --init missing.npy"})
    (void)refusal("tsne --out y.npy " + arguments, 4);
  for (const std::string arguments :
       {"--perplexity 0", "--iterations -1", "--dim 4", "--exaggeration 0", "--method tree",
        "--method fft --dim 3", "--learning-rate -1", "--neighbors some"})
    (void)refusal("tsne --out y.npy --data x.npy " + arguments, 2);
  (void)refusal("tsne --data x.npy", 2);
  EXPECT_NE(refusal("tsne --data x.npy --out p.npz --dump-affinities ./p.npz", 2).find("both name"),
            std::string::npos);
  EXPECT_NE(refusal("tsne --data x.npy --out y.npy --init PCA", 4).find("pca"), std::string::npos);
  EXPECT_NE(refusal("tsne --data x.npy --out nowhere/y.npy", 4).find("nowhere"), std::string::npos);
  ASSERT_EQ(run("tsne --data x.npy --iterations 5 --out model.npz").code, 0);
  write_npy(path("narrow.npy"), test::cloud(10, 3, 1.0, 1));
  EXPECT_NE(
      refusal("tsne --data narrow.npy --transform model.npz --out y.npy", 4).find("narrow.npy has 3 columns"),
      std::string::npos);
  (void)refusal("tsne --data x.npy --out y.txt", 2);
}

TEST_F(TsneVerb, GoesWhereTheDeviceSaysOrNowhere) {
  const test::Outcome got = run("tsne --data x.npy --out y.npy --device cuda:99");
  EXPECT_EQ(got.code, 3) << got.err;
  EXPECT_NE(got.err.find("--device cuda:99"), std::string::npos) << got.err;
  EXPECT_FALSE(std::filesystem::exists(path("y.npy")));
  ASSERT_EQ(run("tsne --data x.npy --iterations 5 --device cpu --out map.npz").code, 0);
  EXPECT_EQ(run("tsne --data x.npy --transform map.npz --out y.npy --device cuda:99").code, 3);
}

}  // namespace
}  // namespace gmmvae
