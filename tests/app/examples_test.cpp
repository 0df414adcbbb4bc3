// Every example that help prints, run as it stands in a scratch folder that holds the files it reads; and
// again under --json, where standard output must be one object. Long trainings are cut short by flags behind
// them.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <string_view>

#include "gmmvae/mixture.hpp"
#include "gmmvae/training.hpp"
#include "host/config/verbs.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/csv_writer.hpp"
#include "host/io/dataset_file.hpp"
#include "host/io/history_csv.hpp"
#include "host/io/model_file.hpp"
#include "host/io/npy.hpp"
#include "host/io/npz.hpp"
#include "host/vae/sampling.hpp"
#include "tests/support/program.hpp"
#include "tests/support/python.hpp"

namespace gmmvae::test {
namespace {

using nlohmann::json;

/// Flags that make a verb's examples short; the last of two equal flags holds.
std::string shortened(std::string_view verb, std::string_view line) {
  if (verb == "train") return line.find("--models") == line.npos ? " --epochs 3" : " --epochs 2 --models 2";
  if (verb == "run")
    return line.find("--data") == line.npos ? " --epochs 2 --samples 60 --components 3" : " --epochs 2";
  if (verb == "sweep" && line.find(" run ") != line.npos)
    return line.find("--points") == line.npos ? " --epochs 1 --samples 40"
                                              : " --epochs 1 --samples 40 --points 6";
  if (verb == "tsne") return " --iterations 20";
  if (verb == "evaluate") return " --count 200 --test 200";
  if (verb == "cluster") return " --references 2";
  return "";
}

class Examples : public ProgramTest, public testing::WithParamInterface<VerbInfo> {
 protected:
  void SetUp() override {
    const Mixture mixture = draw_mixture({.components = 3}, 3);
    const Dataset data = make_dataset(mixture, 80, 3);
    save_dataset(path("data.npz"), data);
    for (const char* name : {"more.npy", "generated.npy", "samples.npy"}) write_npy(path(name), data.x);
    CsvWriter csv(path("points.csv"));
    for (const char* name : {"x", "y", "z"}) csv.cell(std::string_view(name));
    csv.end_row();
    for (std::size_t i = 0; i < data.x.rows(); ++i) {
      for (const float value : data.x.row(i)) csv.cell(value);
      csv.end_row();
    }
    csv.commit();
    if (GetParam().name != "train") write_models(data);  // which makes its own
    write_file(path("study.toml"), "samples = 40\nepochs = 2\n");
  }

  void write_models(const Dataset& data) {
    const Vae vae = trained_vae(data, 2);
    save_model(path("model.safetensors"), vae);
    save_model(path("many.safetensors"), trained_vae(data, 2, 4));
    const auto backend = make_cpu_backend(1);
    const Posterior posterior = encode_points(*backend, vae, 0, data.x);
    NpzWriter latents(path("latents.npz"));
    latents.add<float>("mean", posterior.mean);
    latents.add<float>("variance", posterior.variance);
    latents.commit();
    save_points(path("latent-grid.csv"), posterior.mean);
    TrainingState state;
    state.history = History(2);
    state.history.append(std::vector<double>(9, 1.0));
    write_history_csv(path("history.csv"), {&state, 1});
  }

  void must(const std::string& line) {
    const Outcome got = shell(line);
    ASSERT_EQ(got.code, 0) << line << "\n" << got.err;
  }
};

/// All but bench, whose examples measure for minutes.
std::vector<VerbInfo> all_verbs() {
  std::vector<VerbInfo> all = verbs();
  std::erase_if(all, [](const VerbInfo& verb) { return verb.name == "bench"; });
  return all;
}
INSTANTIATE_TEST_SUITE_P(, Examples, testing::ValuesIn(all_verbs()),
                         [](const auto& run) { return std::string(run.param.name); });

TEST_P(Examples, RunAsTheyStand) {
  const VerbInfo& verb = GetParam();
  // What earlier verbs' examples leave behind.
  if (verb.name == "tsne") must("gmmvae tsne --data data.npz --iterations 20 --out embedding.npz -q");
  const auto mentions = [&](std::string_view name) {
    return std::any_of(verb.examples.begin(), verb.examples.end(),
                       [&](std::string_view example) { return example.find(name) != example.npos; });
  };
  if (verb.name != "run" && mentions("runs/course"))
    must("gmmvae run --out runs/course --epochs 2 --samples 60 --components 3 -q");
  if (verb.name != "sweep" && mentions("sweeps/first"))
    must("gmmvae sweep run beta=0.5,1 --epochs 1 --samples 40 --out sweeps/first -q");
  for (const std::string_view example : verb.examples) {
    std::string line(example);
    if (line.find("--slurm") != line.npos && line.find("--dry-run") == line.npos) continue;  // for a cluster
    EXPECT_TRUE(line.starts_with("gmmvae ") || line.find(" gmmvae ") != line.npos ||
                line.starts_with("source"))
        << line;
    line += shortened(verb.name, line);
    if (line.starts_with("source"))
      line = "bash -c 'gmmvae() { \"" GMMVAE_PROGRAM "\" \"$@\"; }; " + line + "'";
    if (verb.name != "run") {  // which takes a second
      const Outcome got = shell(line);
      EXPECT_EQ(got.code, 0) << line << "\n" << got.err;
    }
    if (line.find('>') != line.npos || line.starts_with("bash")) continue;
    const Outcome wrapped = shell(line + (line.find("--json") == line.npos ? " --json" : ""));
    EXPECT_EQ(wrapped.code, 0) << line << "\n" << wrapped.err;
    EXPECT_TRUE(json::parse(wrapped.out, nullptr, false).is_object()) << line << "\n" << wrapped.out;
  }
}

/// The shell commands of the README's cookbook, in the folder that they suppose.
class Cookbook : public ProgramTest {};

std::vector<std::string> cookbook_commands() {
  const std::string readme = file_bytes(GMMVAE_SOURCE "/README.md");
  const std::string section = readme.substr(readme.find("## Cookbook"));
  std::vector<std::string> commands;
  bool inside = false;
  std::istringstream lines(section.substr(0, section.find("\n## ", 1)));
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) inside = line == "```sh";
    if (inside && !line.starts_with("```")) commands.push_back(line.substr(0, line.find("  #")));
  }
  return commands;
}

TEST_F(Cookbook, CommandsRunAsTheyStand) {
  const std::vector<std::string> prepare = {
      "gmmvae generate --samples 60 --components 3 --out drawn.csv",
      "gmmvae generate --samples 60 --components 3 --out drawn.npy",
      "sed '1s/.*/x,y,z,kind/' drawn.csv > points.csv",  // the columns that the recipe speaks of
      "gmmvae run --epochs 2 --samples 60 --components 3 --out runs/course",
      "gmmvae sweep run beta=0.5,1 --epochs 1 --samples 40 --out sweeps/first"};
  for (const std::string& line : prepare) ASSERT_EQ(shell(line).code, 0) << line;
  const std::vector<std::string> commands = cookbook_commands();
  ASSERT_GE(commands.size(), 7u);
  for (std::string line : commands) {
    if (line.starts_with("python3 ")) {
      if (!missing_modules({"numpy"}).empty())
        line = "cp drawn.npy points.npy";
      else
        line.replace(0, 7, "'" + python() + "'");
    }
    if (line.starts_with("gmmvae train")) line += " --epochs 2 --history history.csv";
    const Outcome got = shell(line);
    EXPECT_EQ(got.code, 0) << line << "\n" << got.err;
  }
}

}  // namespace
}  // namespace gmmvae::test
