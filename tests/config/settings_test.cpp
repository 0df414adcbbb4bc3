// Where a setting comes from, which source wins, and how a wrong key is refused.
#include "host/config/settings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/config/builders.hpp"
#include "host/config/help.hpp"
#include "host/config/values.hpp"
#include "host/config/verbs.hpp"
#include "host/io/atomic_file.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using test::error_message;

class SettingsTest : public testing::Test {
 protected:
  /// A TOML file of that name in a folder of the test's own.
  [[nodiscard]] std::string file(const std::string& name, const std::string& text) const {
    write_file(folder_ / name, text);
    return folder_ / name;
  }
  /// The message that refuses this file for `train`, without the folder in front.
  [[nodiscard]] std::string refused(const std::string& text) const {
    Settings settings("train");
    const std::string path = file("study.toml", text);
    const std::string message = error_message<UsageError>([&] { settings.add_file(path); });
    return message.starts_with(folder_.path()) ? message.substr(folder_.path().size() + 1) : message;
  }

  test::TemporaryFolder folder_;
};

TEST_F(SettingsTest, EachSourceWinsOverTheOneBefore) {
  Settings settings("train");
  EXPECT_EQ(settings.real("lr"), 0.001);
  EXPECT_EQ(settings.get("lr").source, "default");
  EXPECT_FALSE(settings.is_given("lr"));
  const std::string path = file("a.toml", "lr = 0.01\n");
  settings.add_file(path);
  EXPECT_EQ(settings.real("lr"), 0.01);
  EXPECT_EQ(settings.get("lr").source, path + ":1:1");
  const std::string later = file("b.toml", "\n  lr = 0.02\n");
  settings.add_file(later);
  EXPECT_EQ(settings.real("lr"), 0.02);
  EXPECT_EQ(settings.get("lr").source, later + ":2:3");
  const char* const environment[] = {"GMMVAE_LR=0.03", "HOME=/", nullptr};
  settings.add_environment(environment);
  EXPECT_EQ(settings.real("lr"), 0.03);
  EXPECT_EQ(settings.label("lr"), "GMMVAE_LR");
  settings.add_set("lr=0.04");
  EXPECT_EQ(settings.real("lr"), 0.04);
  settings.add_set("lr=0.05");
  EXPECT_EQ(settings.real("lr"), 0.05);
  settings.add_flag("lr", "0.06");
  EXPECT_EQ(settings.real("lr"), 0.06);
  EXPECT_EQ(settings.get("lr").source, "flag");
  EXPECT_EQ(settings.label("lr"), "--lr");
}

TEST_F(SettingsTest, TheOrderOfReadingDoesNotMatterAcrossSources) {
  Settings settings("train");
  settings.add_flag("lr", "0.06");
  settings.add_set("epochs=7");
  const char* const environment[] = {"GMMVAE_LR=0.03", "GMMVAE_EPOCHS=8", "GMMVAE_BATCH=9", nullptr};
  settings.add_environment(environment);
  settings.add_file(file("a.toml", "lr = 1\nepochs = 2\nbatch = 3\nlatent = 4\n"));
  EXPECT_EQ(settings.real("lr"), 0.06);
  EXPECT_EQ(settings.count("epochs"), 7u);
  EXPECT_EQ(settings.count("batch"), 9u);
  EXPECT_EQ(settings.count("latent"), 4u);
}

TEST_F(SettingsTest, AVerbsOwnTableWinsOverTheTopLevelOfTheSameFile) {
  const std::string path = file("a.toml", "count = 5\n[evaluate]\ncount = 50\n[sample]\ncount = 500\n");
  for (const auto& [verb, count] : {std::pair{"evaluate", 50u}, {"sample", 500u}}) {
    Settings settings(verb);
    settings.add_file(path);
    EXPECT_EQ(settings.count("count"), count) << verb;
  }
  // But a later file's top level wins over an earlier file's table.
  Settings settings("sample");
  settings.add_file(path);
  settings.add_file(file("b.toml", "count = 7\n"));
  EXPECT_EQ(settings.count("count"), 7u);
}

/// tsne is a step of run: what means something else to run, such as dim, needs the table.
TEST_F(SettingsTest, AStepReadsItsTableAndWhatMeansNothingElse) {
  Settings settings("run");
  settings.add_default("tsne", "iterations", "300");
  settings.add_file(file("a.toml",
                         "dim = 5\nperplexity = 12\nseed = 9\ninit = 'kaiming-normal'\n"
                         "neighbors = 'exact'\n[tsne]\ndim = 3\nneighbors = 'approximate'\n"));
  settings.add_set("tsne.exaggeration=4");
  const Settings step = settings.step("tsne");
  EXPECT_EQ(settings.count("dim"), 5u);
  EXPECT_EQ(step.count("dim"), 3u);
  EXPECT_EQ(step.real("perplexity"), 12.0);
  EXPECT_EQ(step.count("seed"), 9u);
  EXPECT_EQ(step.text("init"), "pca");
  EXPECT_EQ(step.text("neighbors"), "approximate");
  EXPECT_EQ(step.real("exaggeration"), 4.0);
  EXPECT_EQ(step.count("iterations"), 300u);
  EXPECT_THROW(settings.add_set("tsne.perplexity=0"), UsageError);
  EXPECT_THROW(settings.add_set("tsne.lr=1"), UsageError);
  // The printed configuration has the step's own values.
  Settings again("run");
  again.add_file(file("printed.toml", settings.to_toml(false)));
  EXPECT_EQ(again.step("tsne").count("dim"), 3u);
  EXPECT_EQ(again.step("tsne").count("iterations"), 300u);
  EXPECT_EQ(again.to_toml(false), settings.to_toml(false));
}

TEST_F(SettingsTest, TheEmbeddingsLearningRateIsNotTakenForTheTrainings) {
  const std::string path = file("a.toml", "epochs = 2\nlearning-rate = 0.1\n");
  for (const char* verb : {"train", "run", "sweep"}) {
    try {
      Settings(verb).add_file(path);
      FAIL() << verb;
    } catch (const UsageError& error) {
      EXPECT_EQ(std::string(error.what()).find(path + ":2:1: learning-rate"), 0u) << error.what();
      EXPECT_NE(std::string(error.what()).find(" lr,"), std::string::npos) << error.what();
    }
    EXPECT_THROW(Settings(verb).add_set("model.a.learning-rate=0.1"), UsageError);
    EXPECT_NO_THROW(Settings(verb).add_set("tsne.learning-rate=100"));
    Settings warned(verb);
    const char* const environment[] = {"GMMVAE_LEARNING_RATE=100", nullptr};
    warned.add_environment(environment);
    EXPECT_EQ(warned.warnings().size(), 1u);
  }
  Settings embedding("tsne");
  embedding.add_file(path);
  EXPECT_EQ(embedding.real("learning-rate"), 0.1);
}

TEST_F(SettingsTest, ModelTablesHoldForTheirModelAlone) {
  Settings settings("train");
  settings.add_file(
      file("a.toml", "beta = 1\nlatent = 3\n[model.wide]\nhidden = [128, 64]\nbeta = 4\n[model.plain]\n"));
  settings.add_set("model.plain.beta=2");
  EXPECT_EQ(settings.model_names(), (std::vector<std::string>{"wide", "plain"}));
  EXPECT_EQ(settings.real("beta"), 1.0);
  EXPECT_EQ(settings.for_model("wide").real("beta"), 4.0);
  EXPECT_EQ(settings.for_model("wide").widths("hidden"), (std::vector<std::size_t>{128, 64}));
  EXPECT_EQ(settings.for_model("wide").count("latent"), 3u);
  EXPECT_EQ(settings.for_model("plain").real("beta"), 2.0);
  EXPECT_EQ(settings.for_model("plain").widths("hidden"), (std::vector<std::size_t>{64, 64}));
}

TEST_F(SettingsTest, AWrongKeyIsRefusedWithItsPlaceAndTheNearestName) {
  EXPECT_EQ(refused("epochs = 3\nlattent = 2\n"),
            "study.toml:2:1: there is no key 'lattent'; did you mean latent?");
  EXPECT_EQ(refused("[model.a]\nhiden = 64\n"),
            "study.toml:2:1: there is no key 'hiden'; did you mean hidden?");
  EXPECT_EQ(refused("[sample]\nconut = 64\n"),
            "study.toml:2:1: there is no key 'conut' that sample reads; did you mean count?");
  EXPECT_EQ(refused("[smaple]\ncount = 64\n"),
            "study.toml:2:1: there is no table [smaple]; did you mean sample?");
  EXPECT_EQ(refused("[modell.a]\nbeta = 2\n").find("study.toml:2:1: there is no table [modell.a]"), 0u);
  EXPECT_EQ(refused("[tsne.more]\nperplexity = 2\n").find("study.toml:2:1: there is no table [tsne.more]"),
            0u);
  // Keys of the command line alone have no place in a file.
  EXPECT_TRUE(refused("help = true\n").starts_with("study.toml:1:1: there is no key 'help'"));
}

TEST_F(SettingsTest, AWrongValueIsRefusedWithItsPlace) {
  EXPECT_EQ(refused("\nactivation = \"rellu\"\n").find("study.toml:2:1: activation takes one of relu, tanh"),
            0u);
  EXPECT_NE(refused("activation = \"rellu\"\n").find("(did you mean relu?)"), std::string::npos);
  EXPECT_EQ(refused("lr = -1\n"), "study.toml:1:1: lr takes a number above 0, not '-1'");
  EXPECT_EQ(refused("lr = 2020-01-01\n"),
            "study.toml:1:1: lr takes a text, a number, true or false, or a list, not a table or a date");
  EXPECT_EQ(refused("hidden = [[1], [2]]\n"),
            "study.toml:1:1: hidden takes a list of texts or numbers, nothing deeper");
  EXPECT_TRUE(refused("lr = \n").starts_with("study.toml:1:6: "));
  EXPECT_TRUE(refused("lr = 1\nlr = 2\n").starts_with("study.toml:2:"));
  Settings settings("train");
  EXPECT_NE(
      error_message<UsageError>([&] { settings.add_file(folder_.path()); }).find("it is no readable file"),
      std::string::npos);
  EXPECT_NE(error_message<UsageError>([&] {
              settings.add_file(folder_ / "none.toml");
            }).find("there is no such file"),
            std::string::npos);
}

TEST_F(SettingsTest, AssignmentsAndVariablesAreCheckedToo) {
  Settings settings("train");
  EXPECT_EQ(error_message<UsageError>([&] { settings.add_set("lr"); }), "--set takes KEY=VALUE, not 'lr'");
  EXPECT_EQ(error_message<UsageError>([&] { settings.add_set("=3"); }), "--set takes KEY=VALUE, not '=3'");
  EXPECT_EQ(error_message<UsageError>([&] { settings.add_set("epoch=3"); }),
            "--set: there is no key 'epoch'; did you mean epochs?");
  EXPECT_EQ(error_message<UsageError>([&] { settings.add_set("noise=on"); }),
            "--set noise: train does not read this key");
  EXPECT_EQ(error_message<UsageError>([&] { settings.add_set("epochs=1.5"); }),
            "--set epochs takes a whole number from 1 to 4294967295, not '1.5'");
  const char* const wrong[] = {"GMMVAE_BATCH=many", nullptr};
  EXPECT_EQ(error_message<UsageError>([&] { settings.add_environment(wrong); }),
            "GMMVAE_BATCH takes a whole number from 1 to 4294967295, not 'many'");
  const char* const unknown[] = {"GMMVAE_EPOCH=3", "GMMVAE_ISA=avx2", "GMMVAE_LR=", nullptr};
  settings.add_environment(unknown);
  ASSERT_EQ(settings.warnings().size(), 1u);
  EXPECT_NE(settings.warnings()[0].find("did you mean GMMVAE_EPOCHS?"), std::string::npos);
  EXPECT_EQ(settings.get("lr").source, "default");
}

TEST_F(SettingsTest, ValuesHaveOneSpelling) {
  const auto kept = [](const char* name, const char* value) {
    Settings settings("train");
    settings.add_flag(name, value);
    return settings.text(name);
  };
  EXPECT_EQ(kept("lr", "1e-3"), "0.001");
  EXPECT_EQ(kept("lr", "+1E-3 "), "0.001");
  EXPECT_EQ(kept("epochs", "1e3"), "1000");
  EXPECT_EQ(kept("hidden", "[64, 32]"), "64,32");
  EXPECT_EQ(kept("hidden", " 64 ,32"), "64,32");
  EXPECT_EQ(kept("hidden", "none"), "none");
  EXPECT_EQ(kept("checkpoint-every", "90"), "90s");
  EXPECT_EQ(kept("decoder-variance", "learned-per-dim"), "learned-per-dim");
  Settings settings("train");
  settings.add_flag("max-seconds", "1.5h");
  EXPECT_EQ(settings.seconds("max-seconds"), 5400.0);
  for (const auto& [name, value] : {std::pair{"hidden", "64,,32"},
                                    {"hidden", "64,0"},
                                    {"hidden", ""},
                                    {"lr", "0x10"},
                                    {"lr", "inf"},
                                    {"validation", "1"},
                                    {"max-seconds", "5 days"},
                                    {"latent", "0"},
                                    {"device", "cuda:"},
                                    {"seed", "-1"}})
    EXPECT_THROW(settings.add_flag(name, value), UsageError) << name << " " << value;
}

TEST_F(SettingsTest, ThePrintedConfigurationGivesTheSameWhenReadBack) {
  for (const std::string& verb : verb_names()) {
    Settings settings(verb);
    settings.add_set("seed=77");
    if (find_option(verb, "hidden") != nullptr) settings.add_set("hidden=32,16");
    if (find_option(verb, "columns") != nullptr) settings.add_set("columns=a b,c");
    if (find_option(verb, "weights") != nullptr) settings.add_set("weights=1,2,3");
    if (find_option(verb, "out") != nullptr) settings.add_flag("out", "odd \"name\"\\.npz");
    Settings again(verb);
    again.add_file(file("printed.toml", settings.to_toml(true)));
    EXPECT_EQ(again.to_toml(false), settings.to_toml(false)) << verb;
    for (const Option* option : options_of(verb)) {
      if (!option->command_only) {
        EXPECT_EQ(again.text(option->name), settings.text(option->name)) << verb << " " << option->name;
      }
    }
  }
}

TEST_F(SettingsTest, ThePrintedConfigurationNamesEverySource) {
  Settings settings("sample");
  const std::string path = file("a.toml", "[sample]\ncount = 9\n");
  settings.add_file(path);
  settings.add_flag("noise", "off");
  settings.add_set("index=2");
  const std::string text = settings.to_toml(true);
  const auto line = [&](const std::string& key) {
    const std::size_t start = text.find("\n" + key + " = ") + 1;
    return text.substr(start, text.find('\n', start) - start);
  };
  EXPECT_TRUE(line("count").ends_with("# " + path + ":2:1")) << text;
  EXPECT_TRUE(line("noise").ends_with("# flag")) << text;
  EXPECT_TRUE(line("index").ends_with("# --set")) << text;
  EXPECT_TRUE(line("seed").ends_with("# default")) << text;
}

TEST(Help, ShowsEveryOptionOfEveryVerbWithExamplesFirst) {
  for (const VerbInfo& verb : verbs()) {
    const std::string help = verb_help(verb);
    const std::string name(verb.name);
    EXPECT_LT(help.find("Examples:"), help.find("Usage:")) << name;
    for (const Option* option : options_of(verb.name)) {
      const std::string flag = "--" + std::string(option->name);
      EXPECT_TRUE(help.find(flag + " ") != std::string::npos || help.find(flag + "\n") != std::string::npos)
          << name << " " << flag;
      EXPECT_FALSE(option->help.empty()) << name << " " << flag;
      if (option->words != nullptr) {
        for (const std::string& word : option->words())
          EXPECT_NE(help.find(word), std::string::npos) << name << " " << flag << " " << word;
      }
    }
  }
}

TEST(Help, ProgramHelpNamesEveryVerbAndEveryExitCode) {
  const std::string help = program_help();
  for (const VerbInfo& verb : verbs())
    EXPECT_NE(help.find("\n  " + std::string(verb.name) + " "), std::string::npos);
  for (const char* code : {"0 done", "1 failed", "2 usage", "3 no usable device", "4 data", "5 diverged",
                           "6 sweep", "75 stopped"})
    EXPECT_NE(help.find(code), std::string::npos) << code;
}

// A default that its own option refuses would fail for whoever gives no flag.
TEST(Options, EveryDefaultIsAValueThatTheOptionTakes) {
  for (const Option& option : option_table()) {
    if (option.default_value.empty()) continue;
    EXPECT_EQ(canonical_value(option, option.default_value, option.name), option.default_value)
        << option.name;
  }
}

TEST(Options, SayWhatTheResultOfATrainingDependsOn) {
  const auto names_of = [](std::string_view verb, Effect effect) {
    std::set<std::string_view> names;
    for (const Option* option : options_of(verb))
      if (option->effect == effect && !option->command_only) names.insert(option->name);
    return names;
  };
  EXPECT_EQ(names_of("train", Effect::input),
            (std::set<std::string_view>{"data", "key", "columns", "label", "delimiter"}));
  EXPECT_EQ(names_of("train", Effect::none),
            (std::set<std::string_view>{"out", "history", "resume", "checkpoint-every", "max-seconds",
                                        "device", "threads", "json", "progress", "quiet", "verbose"}));
  EXPECT_EQ(names_of("run", Effect::none),
            (std::set<std::string_view>{"out", "checkpoint-every", "max-seconds", "device", "threads", "json",
                                        "progress", "quiet", "verbose"}));
}

TEST(Options, AVerbReadsNoNameTwice) {
  for (const VerbInfo& verb : verbs()) {
    std::vector<std::string_view> names;
    for (const Option* option : options_of(verb.name)) names.push_back(option->name);
    std::sort(names.begin(), names.end());
    EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end()) << verb.name;
  }
}

TEST(Builders, RefuseOptionsThatContradictEachOther) {
  const auto refused = [](const std::vector<std::pair<const char*, const char*>>& flags) {
    Settings settings("run");
    for (const auto& [name, value] : flags) settings.add_flag(name, value);
    return error_message<UsageError>([&] {
      mixture_spec(settings);
      objective(settings);
      training_config(settings);
    });
  };
  EXPECT_EQ(refused({{"weights", "1,2"}}), "--weights has 2 numbers, but there are 10 components");
  EXPECT_EQ(refused({{"layout", "ring"}, {"dim", "1"}}), "--dim: a ring needs at least 2 dimensions, not 1");
  EXPECT_TRUE(refused({{"objective", "lab"}, {"decoder-variance", "0.2"}})
                  .starts_with("--decoder-variance does not go"));
  EXPECT_TRUE(refused({{"patience", "5"}}).starts_with("--patience 5 needs points to validate on"));
}

}  // namespace
}  // namespace gmmvae
