// What the program makes of its own option table for shells and man, tried in the shells and formatters
// themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include "host/config/options.hpp"
#include "host/config/verbs.hpp"
#include "tests/support/program.hpp"

namespace gmmvae::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Completion : public ProgramTest {
 protected:
  [[nodiscard]] bool has(const std::string& tool) const { return !shell("command -v " + tool).out.empty(); }
  void SetUp() override {
    for (const char* name : {"bash", "zsh", "fish"})
      ASSERT_EQ(shell(std::string("gmmvae completion ") + name + " > " + name).code, 0);
    ASSERT_EQ(shell("gmmvae man > gmmvae.1").code, 0);
  }
  /// What bash proposes for the last of these words.
  [[nodiscard]] std::vector<std::string> bash(const std::string& words) const {
    const Outcome got =
        shell("bash -c 'source ./bash; COMP_WORDS=(" + words +
              "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gmmvae; printf \"%s\\n\" \"${COMPREPLY[@]}\"'");
    EXPECT_EQ(got.err, "") << words;
    return lines(got.out);
  }
  static std::vector<std::string> lines(const std::string& text) {
    std::vector<std::string> found;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);)
      if (!line.empty()) found.push_back(line);
    return found;
  }
};

TEST_F(Completion, BashKnowsVerbsOptionsAndWords) {
  EXPECT_THAT(bash("gmmvae tr"), ElementsAre("train"));
  EXPECT_THAT(bash("gmmvae \"\""), testing::ElementsAreArray(verb_names()));
  EXPECT_THAT(bash("gmmvae --seed 3 train --act"), ElementsAre("--activation"));
  EXPECT_THAT(bash("gmmvae train --activation t"), ElementsAre("tanh"));
  EXPECT_THAT(bash("gmmvae train --activation = t"), ElementsAre("tanh"));
  EXPECT_THAT(bash("gmmvae tsne --method \"\""), ElementsAre("auto", "exact", "fft"));
  EXPECT_THAT(bash("gmmvae cluster --method \"\""), ElementsAre("kmeans", "gmm"));
  EXPECT_THAT(bash("gmmvae train --device c"), ElementsAre("cpu", "cuda"));
  EXPECT_THAT(bash("gmmvae sweep r"), testing::Contains("retry"));
  EXPECT_THAT(bash("gmmvae completion z"), ElementsAre("zsh"));
  EXPECT_THAT(bash("gmmvae train --epochs \"\""), ElementsAre());  // a number
  EXPECT_THAT(bash("gmmvae train --data \"\""), ElementsAre());    // a file: bash's own business
  EXPECT_THAT(bash("gmmvae --ver"), ElementsAre("--verbose", "--version"));
}

TEST_F(Completion, BashOffersExactlyTheOptionsOfEachVerb) {
  for (const std::string& verb : verb_names()) {
    std::vector<std::string> expected;
    for (const Option* option : options_of(verb)) expected.push_back("--" + std::string(option->name));
    EXPECT_EQ(bash("gmmvae " + verb + " --"), expected) << verb;
  }
}

TEST_F(Completion, FishOffersTheSame) {
  if (!has("fish")) GTEST_SKIP() << "fish is not installed";
  const auto fish = [&](const std::string& line) {
    const Outcome got = shell("HOME=. fish --no-config -c 'source ./fish; complete -C \"" + line + "\"'");
    EXPECT_EQ(got.err, "") << line;
    std::vector<std::string> words = lines(got.out);
    for (std::string& word : words) word = word.substr(0, word.find('\t'));
    return words;
  };
  EXPECT_THAT(fish("gmmvae tr"), ElementsAre("train"));
  EXPECT_THAT(fish("gmmvae train --act"), ElementsAre("--activation"));
  EXPECT_THAT(fish("gmmvae train --activation t"), ElementsAre("tanh"));
  EXPECT_THAT(fish("gmmvae completion z"), testing::Contains("zsh"));
  EXPECT_THAT(fish("gmmvae train --"), testing::Not(testing::Contains("--perplexity")));
}

TEST_F(Completion, ZshReadsItsScript) {
  if (!has("zsh")) GTEST_SKIP() << "zsh is not installed";
  const Outcome got = shell(
      "zsh -f -c 'autoload -U compinit && compinit -D -u && source ./zsh && whence -w _gmmvae && print "
      "$_comps[gmmvae]'");
  EXPECT_EQ(got.out, "_gmmvae: function\n_gmmvae\n") << got.err;
}

TEST_F(Completion, OtherShellsAreRefused) {
  EXPECT_THAT(refusal("completion tcsh", 2), HasSubstr("bash, zsh, fish"));
  EXPECT_THAT(refusal("completion fishh", 2), HasSubstr("did you mean fish?"));
  EXPECT_THAT(refusal("completion", 2), HasSubstr("takes one shell"));
  EXPECT_EQ(object("completion bash").at("script"), file_bytes(path("bash")));
  EXPECT_EQ(object("man").at("page"), file_bytes(path("gmmvae.1")));
}

TEST_F(Completion, TheManualNamesEveryOptionWithoutAWarning) {
  bool tried = false;
  for (const std::string formatter : {"mandoc -T utf8 -W warning", "groff -man -ww -Tutf8 -P-c"}) {
    if (!has(formatter.substr(0, formatter.find(' ')))) continue;
    if (formatter.starts_with("groff") && shell("groff -man -Tutf8 /dev/null").code != 0)
      continue;  // groff-base
    tried = true;
    const Outcome got = shell(formatter + " gmmvae.1 | sed 's/.\\x08//g; s/\\x1b\\[[0-9;]*m//g'");
    EXPECT_EQ(got.err, "") << formatter;
    for (const VerbInfo& verb : verbs()) EXPECT_THAT(got.out, HasSubstr("gmmvae " + std::string(verb.name)));
    for (const Option& option : option_table())
      EXPECT_THAT(got.out, HasSubstr("--" + std::string(option.name))) << formatter;
    for (const char* part : {"EXIT STATUS", "a training diverged", "GMMVAE_ISA"})
      EXPECT_THAT(got.out, HasSubstr(part));
  }
  if (!tried) GTEST_SKIP() << "neither mandoc nor groff is installed";
}

}  // namespace
}  // namespace gmmvae::test
