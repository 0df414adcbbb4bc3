// The verb sweep as a person uses it: shards, threads, kills and mistakes leave the same table.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/program.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// Twelve trials of some milliseconds: two shapes, three rates, two seeds.
const std::string kAxes = " 'hidden=8;4,4' lr=0.01,0.001,0.003 seed=1..2 ";
const std::string kFixed = " --components 3 --dim 2 --samples 60 --epochs 5 ";
const std::string kSmall = kAxes + kFixed;

class SweepTest : public test::ProgramTest {
 protected:
  [[nodiscard]] std::string table(const std::string& folder, int code = 0) const {
    const test::Outcome got = run("sweep collect " + folder + " --out " + folder + ".csv");
    EXPECT_EQ(got.code, code) << got.err;
    return test::file_bytes(path(folder + ".csv"));
  }
  [[nodiscard]] std::string reference() const {
    EXPECT_EQ(run("sweep run --threads 1 --out whole" + kSmall).code, 0);
    return table("whole");
  }
};

TEST_F(SweepTest, ShardsAndThreadsChangeNothing) {
  const std::string whole = reference();
  EXPECT_EQ(std::count(whole.begin(), whole.end(), '\n'), 13);
  ASSERT_EQ(run("sweep run --threads 2 --out threads" + kSmall).code, 0);
  EXPECT_EQ(table("threads"), whole);
  for (const int shards : {2, 5}) {
    const std::string folder = "s" + std::to_string(shards);
    // The last shard first: the order is nobody's business.
    for (int i = shards - 1; i >= 0; --i)
      ASSERT_EQ(run("sweep run --shard " + std::to_string(i) + "/" + std::to_string(shards) + " --out " +
                    folder + kSmall)
                    .code,
                0);
    EXPECT_EQ(table(folder), whole);
  }
}

TEST_F(SweepTest, KilledAtAnyMomentItGoesOn) {
  const std::string whole = reference();
  // Later and later, so that the kills fall into start-up, training, storing and the end; a sweep that comes
  // to its end in between begins anew.
  // Without --foreground, timeout kills itself too and is gone before the program, whose store is then still
  // held.
  int kills = 0;
  for (int i = 0; kills < 24 && i < 1000; ++i) {
    const std::string after = std::to_string(0.001 + 0.003 * (i % 24));
    const int code =
        run("sweep run --out killed" + kSmall, "/dev/null", "timeout --foreground -s KILL " + after).code;
    ASSERT_TRUE(code == 0 || code == 124 || code == 137) << code;  // timeouts differ in what they say
    if (code != 0) ++kills;
    if (code == 0 && kills < 20) {
      EXPECT_EQ(table("killed"), whole);
      std::filesystem::remove_all(path("killed"));
    }
  }
  EXPECT_GE(kills, 20);
  ASSERT_EQ(run("sweep run --out killed" + kSmall).code, 0);
  EXPECT_EQ(table("killed"), whole);
}

TEST_F(SweepTest, StopsOnASignalWithEverythingSaved) {
  // Far too long to come to its end; the signal comes when the store is there and training has begun.
  for (const std::string signal : {"TERM", "USR1"}) {
    const std::string folder = "s" + signal;
    const test::Outcome stopped =
        shell("'" GMMVAE_PROGRAM "' sweep run --epochs 1000000 --components 3 --dim 2 --samples 200 --out " +
              folder + kAxes + "& while ! test -s " + folder +
              "/shard-0-of-1.sqlite; do sleep 0.01; done; kill -" + signal + " $!; wait $!");
    EXPECT_EQ(stopped.code, 75);
    EXPECT_THAT(stopped.err, HasSubstr("run the same command again"));
  }
}

TEST_F(SweepTest, ALimitThatIsTooShortStillGetsToTheEnd) {
  const std::string axes = " lr=0.01,0.001 seed=1..2 --threads 1 " + kFixed;
  ASSERT_EQ(run("sweep run --out all" + axes).code, 0);
  // One epoch a call: each of 4 trials has 5, and the last one of all ends the sweep.
  for (int call = 1; call < 4 * 5; ++call)
    ASSERT_EQ(run("sweep run --max-seconds 0.000001 --out limit" + axes).code, 75) << call;
  EXPECT_EQ(run("sweep run --max-seconds 0.000001 --out limit" + axes).code, 0);
  EXPECT_EQ(table("limit"), table("all"));
}

TEST_F(SweepTest, FinishedTrialsAreNeverRunAgainAndNewValuesAlone) {
  const json first = object("sweep run lr=0.01,0.001 --out s" + kFixed);
  EXPECT_EQ(first["run"], 2);
  EXPECT_EQ(object("sweep run lr=0.01,0.001 --out s" + kFixed)["run"], 0);
  EXPECT_EQ(object("sweep run lr=0.02,0.01,0.001 --out s" + kFixed)["run"], 1);
  const json counts = object("sweep status s");
  EXPECT_EQ(counts["trials"], 3);
  EXPECT_EQ(counts["done"], 3);
}

TEST_F(SweepTest, AContradictionIsRefusedWithTheDifference) {
  ASSERT_EQ(run("sweep run lr=0.01,0.001 --out s" + kFixed).code, 0);
  EXPECT_THAT(refusal("sweep run lr=0.01,0.001 --out s --epochs 6 --components 3 --dim 2 --samples 60", 2),
              HasSubstr("epochs was 5 and is now 6"));
  EXPECT_THAT(refusal("sweep run lr=0.01 --out s" + kFixed, 2), HasSubstr("value 0.001, which is gone"));
  EXPECT_THAT(refusal("sweep run lr=0.01,0.001 latent=1,2 --out s" + kFixed, 2),
              HasSubstr("latent is an axis now"));
}

TEST_F(SweepTest, ATrialTrainedAloneGivesTheSameNumbers) {
  ASSERT_EQ(run("sweep run lr=0.01,0.003 seed=7 --out s" + kFixed).code, 0);
  const std::string csv = table("s");
  ASSERT_EQ(run("generate --components 3 --dim 2 --samples 60 --seed 7 --out d.npz").code, 0);
  const json alone = object("train --data d.npz --out m.safetensors --lr 0.003 --epochs 5 --seed 7");
  EXPECT_THAT(csv, HasSubstr(json(alone["loss"]).dump()));
  EXPECT_THAT(csv, HasSubstr(json(alone["elbo"]).dump()));
}

TEST_F(SweepTest, DivergingTrialsAreRecordedAndTheSweepGoesOn) {
  const test::Outcome got = run("sweep run lr=1e30,0.01 --out s" + kFixed);
  EXPECT_EQ(got.code, 6) << got.err;
  EXPECT_THAT(table("s", 6), HasSubstr("diverged,the loss exploded"));
  EXPECT_EQ(object("sweep status s")["done"], 1);
  EXPECT_EQ(run("sweep retry s").code, 6);
}

TEST_F(SweepTest, PlainAutoencodersArePartOfIt) {
  ASSERT_EQ(run("sweep run beta=0,1 --out free" + kFixed).code, 0);
  EXPECT_THAT(table("free"), HasSubstr("healthy"));
  EXPECT_EQ(run("report free").code, 0);
}

TEST_F(SweepTest, MissingShardsAreSaid) {
  ASSERT_EQ(run("sweep run --shard 0/2 --out s" + kSmall).code, 0);
  const test::Outcome got = run("sweep collect s --out s.csv");
  EXPECT_EQ(got.code, 6);
  EXPECT_THAT(got.err, HasSubstr("shard-1-of-2.sqlite is not there"));
  // Each of the two shapes is two chunks of three trials, and every other chunk is this shard's.
  EXPECT_EQ(object("sweep status s")["missing"], 6);
}

TEST_F(SweepTest, ReadsSpecificationFiles) {
  std::ofstream(path("spec.toml")) << "components = 3\ndim = 2\nsamples = 60\nepochs = 5\n[sweep]\n"
                                      "where = \"latent<=dim\"\npaired = \"lr:beta\"\n[space]\n"
                                      "latent = \"1..3\"\nlr = [0.01, 0.001]\nbeta = [1, 2]\n";
  EXPECT_EQ(object("sweep run spec.toml --dry-run")["trials"], 4);
  EXPECT_EQ(object("sweep run spec.toml --out s")["run"], 4);
}

TEST_F(SweepTest, Mistakes) {
  EXPECT_THAT(refusal("sweep run latnt=1,2 --out s", 2), HasSubstr("did you mean latent?"));
  EXPECT_THAT(refusal("sweep run lr= --out s", 2), HasSubstr("empty"));
  EXPECT_THAT(refusal("sweep run lr=fast --out s", 2), HasSubstr("lr takes a number above 0"));
  EXPECT_THAT(refusal("sweep run threads=1,2 --out s", 2), HasSubstr("cannot be an axis"));
  EXPECT_THAT(refusal("sweep run --out s", 2), HasSubstr("needs a specification file or an axis"));
  EXPECT_THAT(refusal("sweep colect s", 2), HasSubstr("did you mean collect?"));
  EXPECT_THAT(refusal("sweep status nowhere", 4), HasSubstr("holds no sweep"));
  EXPECT_THAT(refusal("sweep run lr=1 --shard 2/2 --out s", 2), HasSubstr("no shard 2 of 2"));
}

TEST_F(SweepTest, AMillionTrialsArePlannedWithoutAListOfThem) {
  EXPECT_EQ(object("sweep run seed=1..1000 'lr=log(1e-5,1,1000)' --dry-run")["trials"], 1000000);
}

TEST_F(SweepTest, ADamagedStoreIsRefused) {
  ASSERT_EQ(run("sweep run lr=0.01 --out s" + kFixed).code, 0);
  std::ofstream(path("s/shard-0-of-1.sqlite")) << std::string(5000, 'x');
  EXPECT_THAT(refusal("sweep status s", 4), HasSubstr("remove it, and its trials are run again"));
}

}  // namespace
}  // namespace gmmvae
