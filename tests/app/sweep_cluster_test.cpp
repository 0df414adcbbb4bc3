// Sweeps by several processes: what Slurm, mpirun, full disks and a second process make of one.
#include <gmock/gmock.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/program.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// Sixteen trials, in four chunks.
const std::string kAxes = " 'hidden=8;4,4' lr=0.01,0.001 seed=1..4 --components 3 --dim 2 --samples 60 ";
const std::string kSmall = kAxes + "--epochs 5 ";
/// The same inside single quotes.
const std::string kInner =
    " \"hidden=8;4,4\" lr=0.01,0.001 seed=1..4 --components 3 --dim 2 --samples 60 --epochs 5 ";

class SweepClusterTest : public test::ProgramTest {
 protected:
  [[nodiscard]] std::string table(const std::string& folder, int code = 0) const {
    const test::Outcome got = run("sweep collect " + folder + " --out " + folder + ".csv");
    EXPECT_EQ(got.code, code) << got.err;
    return test::file_bytes(path(folder + ".csv"));
  }
  static constexpr const char* kSlurm = "bash '" GMMVAE_TEST_DATA "/app/slurm_one_host.sh' ";
};

TEST_F(SweepClusterTest, Slurm) {
  if (getuid() != 0 || shell("command -v munged && command -v slurmctld && command -v slurmd").code != 0)
    GTEST_SKIP() << "slurm: munged, slurmctld and slurmd (Debian packages munge and slurm-wlm), and root";
  ASSERT_EQ(run("sweep run --out whole --epochs 300" + kAxes).code, 0);
  const test::Outcome started = shell(kSlurm + std::string("start $PWD/slurm"));
  ASSERT_EQ(started.code, 0) << started.err;
  const std::string config = "SLURM_CONF=$PWD/slurm/slurm.conf ";
  const test::Outcome sent = shell("export " + config +
                                   "; gmmvae sweep submit --slurm --shards 4 --threads 1 --json --out jobs "
                                   "--epochs 300" +
                                   kAxes);
  EXPECT_EQ(sent.code, 0) << sent.err;
  const json object = json::parse(sent.out, nullptr, false);
  ASSERT_TRUE(object.contains("job")) << sent.out;
  const std::string job = object["job"];
  // Its second task is stopped and put back into the queue, whether it waits, runs or has come to its end;
  // Slurm would leave it there for two minutes.
  const test::Outcome waited =
      shell("export " + config + "; task=" + job +
            "_1; for i in $(seq 100); do scontrol requeue $task 2>/dev/null && break; sleep 0.1; done; "
            "for i in $(seq 200); do scontrol update jobid=$task starttime=now 2>/dev/null; "
            "[ -n \"$(squeue -h)\" ] || exit 0; sleep 0.1; done; squeue; exit 1");
  EXPECT_EQ(waited.code, 0) << waited.out;
  (void)shell(kSlurm + std::string("stop $PWD/slurm"));
  EXPECT_EQ(table("jobs"), table("whole")) << shell("cat jobs/slurm-*.log slurm/*.log").out;
}

TEST_F(SweepClusterTest, TheJobArrayIsReadable) {
  const json object = json::parse(
      run("sweep submit --slurm --shards 3 --sbatch=--partition=gpu,--gpus=1 --dry-run --json --out "
          "\"a b\"" +
          kSmall)
          .out);
  EXPECT_EQ(object["job"], nullptr);
  const std::string script = test::file_bytes(path("a b/sweep.sbatch"));
  for (const char* line : {"#SBATCH --array=0-2\n", "#SBATCH --partition=gpu\n", "#SBATCH --gpus=1\n",
                           "a b/sweep.toml'", "scontrol requeue"})
    EXPECT_THAT(script, HasSubstr(line));
  EXPECT_EQ(shell("bash -n 'a b/sweep.sbatch'").code, 0);
  // What the script runs: the same plan, told by its own file.
  ASSERT_EQ(run("sweep run 'a b/sweep.toml' --out 'a b'").code, 0);
  EXPECT_EQ(object["trials"], 16);
  EXPECT_THAT(refusal("sweep submit lr=1 --out s", 2), HasSubstr("needs --slurm"));
}

TEST_F(SweepClusterTest, Mpirun) {
  if (shell("command -v mpirun").code != 0) GTEST_SKIP() << "mpirun: not here (Debian package openmpi-bin)";
  ASSERT_EQ(run("sweep run --out whole" + kSmall).code, 0);
  const test::Outcome got = shell(
      "export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; mpirun -n 3 --oversubscribe "
      "--bind-to "
      "none '" GMMVAE_PROGRAM "' sweep run --out ranks" +
      kSmall);
  ASSERT_EQ(got.code, 0) << got.err;
  EXPECT_TRUE(exists("ranks/shard-2-of-3.sqlite"));
  EXPECT_EQ(table("ranks"), table("whole"));
}

TEST_F(SweepClusterTest, ASecondProcessOnAShardIsRefused) {
  const test::Outcome got =
      shell("'" GMMVAE_PROGRAM "' sweep run --epochs 1000000 --out s" + kAxes +
            "& while ! test -s s/shard-0-of-1.sqlite; do sleep 0.01; done; gmmvae sweep run --epochs 1000000 "
            "--out s" +
            kAxes + "; code=$?; gmmvae sweep status s --json; kill -TERM $!; wait $!; exit $code");
  EXPECT_EQ(got.code, 2);
  EXPECT_THAT(got.err, HasSubstr("shard-0-of-1.sqlite is in use by another process"));
  const json status = json::parse(got.out.substr(got.out.find('{'), got.out.rfind('}') + 1), nullptr, false);
  EXPECT_EQ(status["at_work"], json::array({"shard-0-of-1.sqlite"})) << got.out;
}

TEST_F(SweepClusterTest, AFullDiskLosesNothingThatWasStored) {
  ASSERT_EQ(run("sweep run --out whole" + kSmall).code, 0);
  if (shell("unshare -m true").code != 0) GTEST_SKIP() << "unshare -m: a small disk cannot be mounted here";
  const test::Outcome got = shell(
      "mkdir disk; unshare -m sh -c 'mount -t tmpfs -o size=32k tmpfs disk && "
      "\"" GMMVAE_PROGRAM "\" sweep run --out disk/s" +
      kInner + "; echo full $?; mount -o remount,ro disk; \"" GMMVAE_PROGRAM "\" sweep run --out disk/s" +
      kInner +
      "; echo locked $?; mount -o remount,rw,size=10m disk; \"" GMMVAE_PROGRAM "\" sweep run --out disk/s" +
      kInner + "; echo free $?; cp -r disk/s copy'");
  EXPECT_THAT(got.out, HasSubstr("full 4")) << got.err;
  EXPECT_THAT(got.out, HasSubstr("locked 4")) << got.err;
  EXPECT_THAT(got.out, HasSubstr("free 0")) << got.err;
  EXPECT_EQ(table("copy"), table("whole"));
}

}  // namespace
}  // namespace gmmvae
