// The frame around the verbs as a new user meets it: help, version, doctor, colours, quiet, pipes and
// configurations.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "gmmvae/backend.hpp"
#include "host/config/verbs.hpp"
#include "host/io/atomic_file.hpp"
#include "tests/support/program.hpp"
#include "version.hpp"

namespace gmmvae::test {
namespace {

using nlohmann::json;

class Frame : public ProgramTest {};

TEST_F(Frame, NoArgumentsAtAllSayWhatToDo) {
  EXPECT_EQ(refusal("", 2), "a verb is missing; 'gmmvae --help' lists them");
}

TEST_F(Frame, VersionAndHelpComeOnStandardOutputAlone) {
  const Outcome version = run("--version");
  EXPECT_EQ(version.code, 0);
  EXPECT_TRUE(version.out.starts_with(std::string("gmmvae ") + kVersion)) << version.out;
  EXPECT_EQ(version.err, "");
  const Outcome help = run("--help");
  EXPECT_EQ(help.code, 0);
  EXPECT_EQ(help.err, "");
  EXPECT_EQ(run("-h").out, help.out);
  EXPECT_LT(help.out.find("Examples:"), help.out.find("Verbs:"));
  for (const std::string& verb : verb_names()) {
    const Outcome own = run(verb + " --help");
    EXPECT_EQ(own.code, 0) << verb;
    EXPECT_EQ(own.err, "") << verb;
    EXPECT_TRUE(own.out.starts_with("gmmvae " + verb + ": ")) << own.out;
    EXPECT_EQ(run("--help " + verb).out, own.out) << verb;
  }
}

TEST_F(Frame, JsonIsOneObjectWhateverIsAskedFor) {
  EXPECT_EQ(run("help").out, run("--help").out);
  EXPECT_EQ(run("help train").out, run("train --help").out);
  EXPECT_EQ(object("--version").at("version"), kVersion);
  EXPECT_EQ(object("--help").at("help"), run("--help").out);
  EXPECT_EQ(object("train --help").at("help"), run("train --help").out);
  const std::string config = object("sample --print-config --count 12").at("config");
  EXPECT_NE(config.find("count = 12"), std::string::npos);
}

TEST_F(Frame, EveryVerbRefusesWhatDoesNotExist) {
  for (const std::string& verb : verb_names()) {
    EXPECT_EQ(refusal(verb + " --xyzzy", 2),
              verb + " has no option --xyzzy; 'gmmvae " + verb + " --help' lists them");
    EXPECT_EQ(refusal(verb + " --set xyzzy=1", 2),
              "--set: there is no key 'xyzzy'; 'gmmvae " + verb + " --print-config' lists them");
  }
}

TEST_F(Frame, WrongWordsNameTheNearestRightOne) {
  EXPECT_EQ(refusal("sampel", 2), "there is no verb 'sampel'; did you mean sample?");
  EXPECT_EQ(refusal("xyzzy", 2), "there is no verb 'xyzzy'; 'gmmvae --help' lists them");
  EXPECT_EQ(refusal("sample --cuont 3", 2), "sample has no option --cuont; did you mean --count?");
  EXPECT_EQ(refusal("sample --xyzzy=3", 2),
            "sample has no option --xyzzy; 'gmmvae sample --help' lists them");
  EXPECT_EQ(refusal("sample --count", 2), "--count needs a value: N");
  EXPECT_EQ(refusal("sample --count --noise on", 2), "--count needs a value: N");
  EXPECT_EQ(refusal("sample --count=", 2), "--count needs a value: N");
  EXPECT_EQ(refusal("--verison", 2), "there is no option --verison before the verb; did you mean --version?");
  EXPECT_EQ(refusal("train --set learning_rate=1", 2),
            "--set: there is no key 'learning_rate'; did you mean learning-rate, which tsne reads?");
  EXPECT_EQ(refusal("train --set optimizer=sgd", 2),
            "--set: there is no key 'optimizer'; 'gmmvae train --print-config' lists them");
  // 2^53 + 1 is no double: it must not become 2^53.
  EXPECT_NE(refusal("train --seed 9007199254740993", 2).find("not '9007199254740993'"), std::string::npos);
  EXPECT_NE(refusal("sample extra", 2).find("sample takes no argument 'extra'"), std::string::npos);
  EXPECT_NE(refusal("--count 3 sample", 2).find("write it after 'sample'"), std::string::npos);
}

TEST_F(Frame, PrintedConfigurationsAreReadBack) {
  const Outcome first =
      run("sample --print-config --count 12 --set noise=off --model m.safetensors --out s.npy", "/dev/null",
          "GMMVAE_INDEX=3");
  EXPECT_EQ(first.code, 0) << first.err;
  for (const char* part : {"count = 12", "# flag", "# --set", "# GMMVAE_INDEX", "# default"})
    EXPECT_NE(first.out.find(part), std::string::npos) << first.out;
  write_file(path("printed.toml"), first.out);
  const Outcome second = run("sample --print-config --config printed.toml");
  EXPECT_EQ(second.code, 0) << second.err;
  const auto without_sources = [](std::string text) {
    std::string kept;
    for (std::size_t start = 0; start < text.size();) {
      const std::size_t end = text.find('\n', start);
      const std::string line = text.substr(start, end - start);
      kept += line.substr(0, std::min(line.find("  "), line.find(" #"))) + "\n";
      start = end + 1;
    }
    return kept;
  };
  EXPECT_EQ(without_sources(second.out), without_sources(first.out));
  EXPECT_FALSE(exists("s.npy"));  // nothing else is done
}

TEST_F(Frame, ConfigurationErrorsHaveTheirPlace) {
  write_file(path("a.toml"), "seed = 3\ncomponets = 4\n");
  EXPECT_EQ(refusal("generate --config a.toml --out a.npz", 2),
            "a.toml:2:1: there is no key 'componets'; did you mean components?");
  EXPECT_NE(refusal("generate --config none.toml --out a.npz", 2).find("there is no such file"),
            std::string::npos);
  write_file(path("good.toml"), "components = 4\nsamples = 20\nout = \"a.npz\"\n");
  EXPECT_EQ(object("generate --config good.toml").at("components"), 4);
  EXPECT_EQ(object("generate --config good.toml --components 5").at("components"), 5);
}

TEST_F(Frame, QuietIsQuietAndVerboseSaysMore) {
  const std::string command = "generate --samples 20 --components 2 --out a.npz";
  EXPECT_EQ(run(command).err, "wrote a.npz\n");
  EXPECT_EQ(run(command + " -q").err, "");
  EXPECT_EQ(run(command + " -q").out, run(command).out);
  EXPECT_EQ(run(command + " --json").err, "wrote a.npz\n");
  write_file(path("points.csv"), "1,2\n3,4\n5,7\n");
  const Outcome warned = run(command, "/dev/null", "GMMVAE_SEDE=3");
  EXPECT_EQ(warned.code, 0);
  EXPECT_NE(warned.err.find("warning: the environment variable GMMVAE_SEDE"), std::string::npos)
      << warned.err;
  EXPECT_EQ(run(command + " -q", "/dev/null", "GMMVAE_SEDE=3").err, "");
}

// script(1) gives the program a terminal, where errors are coloured unless NO_COLOR is set; without one they
// never are.
TEST_F(Frame, ColoursStayOnTerminals) {
  EXPECT_EQ(run("xyzzy", "/dev/null", "TERM=xterm").err.find('\033'), std::string::npos);
  if (shell("script -qec true /dev/null").code != 0)
    GTEST_SKIP() << "script(1) is not installed, or finds no pseudo-terminal";
  const auto on_terminal = [&](const std::string& variables) {
    return shell(variables + " script -qec \"'" GMMVAE_PROGRAM "' xyzzy\" /dev/null").out;
  };
  EXPECT_NE(on_terminal("TERM=xterm").find("\033[1;31m"), std::string::npos);
  EXPECT_EQ(on_terminal("TERM=xterm NO_COLOR=1").find('\033'), std::string::npos);
  EXPECT_EQ(on_terminal("TERM=dumb").find('\033'), std::string::npos);
}

TEST_F(Frame, AClosedPipeIsNoError) {
  const Outcome head = shell("gmmvae --help | head -1");
  EXPECT_EQ(head.err, "");
  EXPECT_TRUE(head.out.starts_with("gmmvae: ")) << head.out;
  EXPECT_EQ(shell("for i in 1 2 3 4 5; do gmmvae --help | true; done").err, "");
  EXPECT_EQ(shell("gmmvae --help >/dev/full; echo $?").out, "4\n");
}

TEST_F(Frame, DoctorNamesAFixForWhatIsMissing) {
  const json report = object("doctor");
  EXPECT_EQ(report.at("version"), kVersion);
  ASSERT_FALSE(report.at("checks").empty());
  const std::string words = run("doctor").out;
  std::map<std::string, json> checks;
  for (const json& check : report.at("checks")) {
    const std::string state = check.at("state");
    EXPECT_TRUE(state == "ok" || state == "note" || state == "missing") << state;
    EXPECT_EQ(check.at("fix").is_null(), state == "ok") << check;
    EXPECT_TRUE(check.at("facts").is_object()) << check;
    EXPECT_NE(words.find(check.at("name").get<std::string>()), std::string::npos);
    checks[check.at("name")] = check;
  }
  EXPECT_EQ(checks.at("processor").at("facts").at("threads"), available_threads());
  EXPECT_EQ(checks.at("build").at("facts").at("compiler").get<std::string>().find("g++"), 0u);
  EXPECT_GT(checks.at("memory").at("facts").at("available_bytes").get<double>(), 0.0);
  EXPECT_EQ(checks.at("pictures").at("state"), shell("command -v rsvg-convert").out.empty() ? "note" : "ok");
  for (const char* name : {"cuda driver", "cuda devices", "cuda backend", "launcher", "temporary folder"})
    EXPECT_TRUE(checks.contains(name)) << name;
}

TEST_F(Frame, DoctorLooksAtAFolder) {
  const auto folder = [&](const std::string& arguments) {
    const json report = object("doctor " + arguments);
    for (const json& check : report.at("checks"))
      if (check.at("name") == "folder") return check;
    return json();
  };
  if (shell("stat -f -c %T /dev/shm").out != "tmpfs\n") GTEST_SKIP() << "/dev/shm is no tmpfs here";
  EXPECT_EQ(folder("/dev/shm").at("facts").at("file_system"), "tmpfs");
  EXPECT_EQ(folder("/dev/shm").at("state"), "note");
  EXPECT_EQ(folder("").at("facts").at("folder"), path("").substr(0, path("").size() - 1));
  EXPECT_NE(refusal("doctor /none/such", 4).find("there is no folder /none/such"), std::string::npos);
  EXPECT_NE(refusal("doctor . ..", 2).find("one folder"), std::string::npos);
}

TEST_F(Frame, DoctorSaysWhatALauncherMeans) {
  const auto launcher = [&](const std::string& variables) {
    const json report = json::parse(run("doctor --json", "/dev/null", variables).out);
    for (const json& check : report.at("checks"))
      if (check.at("name") == "launcher") return check;
    return json();
  };
  const json rank = launcher("OMPI_COMM_WORLD_RANK=2 OMPI_COMM_WORLD_SIZE=5");
  EXPECT_EQ(rank.at("facts").at("shard"), 2);
  EXPECT_EQ(rank.at("facts").at("shards"), 5);
  const json array = launcher(
      "SLURM_JOB_ID=7 SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=0 SLURM_ARRAY_TASK_STEP=1 "
      "SLURM_ARRAY_TASK_COUNT=8 SLURM_CPUS_PER_TASK=4000");
  EXPECT_EQ(array.at("facts").at("shard"), 3);
  EXPECT_EQ(array.at("state"), "note");
  EXPECT_NE(array.at("fix").get<std::string>().find("--threads 4000"), std::string::npos);
  EXPECT_EQ(array.at("facts").at("variables").at("SLURM_JOB_ID"), "7");
  EXPECT_EQ(launcher("JOB_COMPLETION_INDEX=1").at("state"), "note");
}

}  // namespace
}  // namespace gmmvae::test
