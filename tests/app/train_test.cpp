// train as a person, a shell or a batch system runs it: files, words, signals and exit codes.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmmvae/dataset.hpp"
#include "gmmvae/mixture.hpp"
#include "host/io/checkpoint_file.hpp"
#include "host/io/dataset_file.hpp"
#include "host/io/history_csv.hpp"
#include "host/io/model_file.hpp"
#include "tests/io/files.hpp"
#include "tests/support/program.hpp"

namespace gmmvae::test {
namespace {

using nlohmann::json;

class Train : public ProgramTest {
 protected:
  void SetUp() override {
    data_ = make_dataset(draw_mixture({.components = 3}, 5), 120, 5);
    save_dataset(path("data.npz"), data_);
    save_dataset(path("data.csv"), data_);
  }
  /// Runs it in the background and does `then` to it, in the shell's notation with $pid as the process.
  [[nodiscard]] Outcome run_with(const std::string& arguments, const std::string& then) const {
    return run(arguments, "/dev/null", "sh -c '\"$0\" \"$@\" & pid=$!; " + then + "; wait $pid'");
  }

  Dataset data_;
};

constexpr const char* kSmall = "train --data data.npz --hidden 8 --epochs 6 --lr 0.01 ";
/// Takes about a second, of which the signals that are to meet it in the middle come in the first few tenths.
constexpr const char* kLonger =
    "train --data data.npz --hidden 128,128 --epochs 500 --models 2 --validation 0.2 --lr-schedule cosine "
    "--threads 1 --checkpoint-every 0.01 ";
/// Waits, in the shell, until there is a checkpoint other than the file old: at most 20 seconds.
constexpr const char* kUntilCheckpoint =
    "n=0; while { [ ! -e m.checkpoint ] || cmp -s m.checkpoint old; } && [ $n -lt 2000 ]; "
    "do sleep 0.01; n=$((n+1)); done; ";

TEST_F(Train, LeavesAModelItsHistoryAndTheFiguresOfTheContract) {
  const json got = object(std::string(kSmall) + "--out m.safetensors --history h.csv");
  const Vae vae = load_model(path("m.safetensors"));
  EXPECT_EQ(vae.architecture.encoder_hidden, std::vector<std::size_t>{8});
  const std::vector<History> histories = read_history_csv(path("h.csv"));
  ASSERT_EQ(histories.size(), 1U);
  const History& history = histories[0];
  ASSERT_EQ(history.epochs(), 6U);
  EXPECT_EQ(got.at("models"), 1);
  EXPECT_EQ(got.at("epochs"), 6);
  EXPECT_EQ(got.at("loss"), history.loss(5));
  EXPECT_EQ(got.at("reconstruction"), history.reconstruction(5));
  EXPECT_EQ(got.at("kl"), history.kl(5));
  EXPECT_EQ(got.at("elbo"), history.elbo(5));
  EXPECT_TRUE(got.at("elbo_validation").is_null());
  EXPECT_EQ(got.at("kl_per_dimension").size(), 2U);
  EXPECT_GT(got.at("seconds"), 0.0);
  EXPECT_NEAR(got.at("models_per_second").get<double>() * got.at("seconds").get<double>(), 1.0, 1e-9);
  EXPECT_EQ(got.at("device"), "cpu");
  EXPECT_FALSE(exists("m.safetensors.checkpoint"));
  const Outcome words = run(std::string(kSmall) + "--out again.safetensors");
  EXPECT_EQ(words.code, 0);
  EXPECT_NE(words.out.find("ELBO"), std::string::npos);
  EXPECT_NE(words.err.find("wrote again.safetensors"), std::string::npos);
  EXPECT_EQ(file_bytes(path("m.safetensors")), file_bytes(path("again.safetensors")));
}

TEST_F(Train, SeveralModelsGiveListsAndOneFile) {
  const std::string common = std::string(kSmall) + "--validation 0.25 ";
  const json got = object(common + "--models 3 --patience 2 --out m --history h.csv");
  EXPECT_EQ(got.at("models"), 3);
  for (const char* key : {"epochs", "best_epoch", "loss", "reconstruction", "kl", "elbo", "elbo_validation"})
    EXPECT_EQ(got.at(key).size(), 3U) << key;
  const std::vector<History> histories = read_history_csv(path("h.csv"));
  ASSERT_EQ(histories.size(), 3U);
  for (std::size_t m = 0; m < 3; ++m) {
    const auto best = got.at("best_epoch").at(m).get<std::size_t>();
    EXPECT_EQ(got.at("elbo_validation").at(m), histories[m].elbo_validation(best - 1));
    for (std::size_t epoch = 0; epoch < histories[m].epochs(); ++epoch)
      EXPECT_LE(histories[m].elbo_validation(epoch), histories[m].elbo_validation(best - 1));
  }
  EXPECT_EQ(load_model(path("m")).models, 3U);
  EXPECT_EQ(file_bytes(path("h.csv")).substr(0, 12), "model,epoch,");
}

TEST_F(Train, ThreadsChangeNoByte) {
  for (const char* threads : {"1", "2"}) {
    const std::string name(threads);
    ASSERT_EQ(
        run(std::string(kSmall) + "--models 3 --threads " + name + " --out m" + name + " --history h" + name)
            .code,
        0);
  }
  EXPECT_EQ(file_bytes(path("m1")), file_bytes(path("m2")));
  EXPECT_EQ(file_bytes(path("h1")), file_bytes(path("h2")));
}

TEST_F(Train, TakesPointsFromAnywhere) {
  ASSERT_EQ(run(std::string(kSmall) + "--out npz").code, 0);
  const std::string rest = " --hidden 8 --epochs 6 --lr 0.01 --out ";
  EXPECT_EQ(run("train --data data.csv" + rest + "csv").code, 0);
  EXPECT_EQ(run("train --data -" + rest + "pipe", path("data.csv")).code, 0);
  EXPECT_EQ(file_bytes(path("npz")), file_bytes(path("csv")));
  EXPECT_EQ(file_bytes(path("npz")), file_bytes(path("pipe")));
  // The same numbers in other orders of bytes and axes.
  ASSERT_EQ(run("train --data '" + frozen("le_f8.npy") + "'" + rest + "c").code, 0);
  for (const char* name : {"le_f8_fortran.npy", "be_f4.npy", "be_f8_fortran.npy"}) {
    ASSERT_EQ(run("train --data '" + frozen(name) + "'" + rest + "other").code, 0) << name;
    EXPECT_EQ(file_bytes(path("other")), file_bytes(path("c"))) << name;
  }
}

TEST_F(Train, StoppedBySignalsAndResumedEqualsUninterrupted) {
  ASSERT_EQ(run(std::string(kLonger) + "--out whole --history whole.csv").code, 0);
  const std::string resumable = std::string(kLonger) + "--resume --out m --history h.csv --json ";
  const Outcome killed = run_with(resumable, std::string(kUntilCheckpoint) + "kill -9 $pid");
  EXPECT_EQ(killed.code, 137);
  ASSERT_TRUE(exists("m.checkpoint"));
  for (const char* signal : {"TERM", "INT"}) {
    put_bytes(path("old"), file_bytes(path("m.checkpoint")));
    const Outcome stopped = run_with(resumable, std::string(kUntilCheckpoint) + "kill -" + signal + " $pid");
    ASSERT_EQ(stopped.code, 75) << signal << stopped.err;
    EXPECT_EQ(json::parse(stopped.out).at("exit_code"), 75);
    EXPECT_NE(stopped.err.find("--resume"), std::string::npos);
    EXPECT_FALSE(exists("m"));
    EXPECT_FALSE(exists("h.csv"));
  }
  ASSERT_EQ(run(resumable + "--threads 2").code, 0);
  EXPECT_EQ(file_bytes(path("m")), file_bytes(path("whole")));
  EXPECT_EQ(file_bytes(path("h.csv")), file_bytes(path("whole.csv")));
  EXPECT_FALSE(exists("m.checkpoint"));
}

/// Each run does at least one epoch, so that running again comes to an end, and to the same one.
TEST_F(Train, MaxSecondsStopsAndRunningAgainGoesOn) {
  const std::string common = std::string(kSmall) + "--patience 3 --validation 0.3 ";
  ASSERT_EQ(run(common + "--out whole --history whole.csv").code, 0);
  const std::string limited = common + "--resume --out m --history h.csv --max-seconds 1e-9";
  int runs = 1;
  Outcome got = run(limited);
  for (; got.code == 75 && runs < 10; ++runs) {
    EXPECT_NE(got.err.find(std::to_string(runs) + " of 6 epochs"), std::string::npos) << got.err;
    got = run(limited);
  }
  EXPECT_EQ(got.code, 0) << got.err;
  EXPECT_EQ(runs, 6);
  EXPECT_EQ(file_bytes(path("m")), file_bytes(path("whole")));
  EXPECT_EQ(file_bytes(path("h.csv")), file_bytes(path("whole.csv")));
}

TEST_F(Train, AFinishedTrainingHasNothingToResume) {
  const std::string command = std::string(kSmall) + "--resume --out m --history h.csv";
  ASSERT_EQ(run(command).code, 0) << "without a checkpoint it starts afresh";
  const auto before = files();
  const Outcome again = run(command + " --threads 2 --checkpoint-every 1s --max-seconds 5");
  EXPECT_EQ(again.code, 0);
  EXPECT_NE(again.err.find("m is finished"), std::string::npos) << again.err;
  const json figures = object(command);
  EXPECT_EQ(figures.at("epochs"), 6);
  EXPECT_EQ(figures.at("loss"), read_history_csv(path("h.csv")).at(0).loss(5));
  EXPECT_EQ(files(), before);
  // Lying elsewhere, the same points are the same.
  EXPECT_EQ(run("train --data data.csv --hidden 8 --epochs 6 --lr 0.01 --resume --out m").code, 0);
  EXPECT_EQ(files(), before);
}

TEST_F(Train, ResumingAnotherTrainingIsRefusedWithTheDifference) {
  ASSERT_EQ(run(std::string(kSmall) + "--out m").code, 0);
  EXPECT_NE(refusal(std::string(kSmall) + "--out m --resume --beta 2", 2)
                .find("m comes from another training: beta was "
                      "1 and is now 2"),
            std::string::npos);
  ASSERT_EQ(run(std::string(kSmall) + "--out n --max-seconds 1e-9").code, 75);
  EXPECT_NE(refusal(std::string(kSmall) + "--out n --resume --epochs 7", 2)
                .find("n.checkpoint comes from another training: epochs was 6 and is now 7"),
            std::string::npos);
  save_dataset(path("other.npz"), make_dataset(draw_mixture({.components = 3}, 5), 120, 6));
  EXPECT_NE(refusal("train --data other.npz --hidden 8 --epochs 6 --lr 0.01 --out n --resume", 2)
                .find(": data was 120 "),
            std::string::npos);
  put_bytes(path("n.checkpoint"), file_bytes(path("n.checkpoint")).substr(0, 300));
  EXPECT_NE(refusal(std::string(kSmall) + "--out n --resume", 4).find("n.checkpoint"), std::string::npos);
  put_bytes(path("m"), "no model");
  EXPECT_NE(refusal(std::string(kSmall) + "--out m --resume", 4).find("m "), std::string::npos);
}

/// Without --resume an earlier model stays until the new one takes its place, and an earlier checkpoint is
/// spoken of.
TEST_F(Train, WithoutResumeItStartsAfresh) {
  ASSERT_EQ(run(std::string(kSmall) + "--out m").code, 0);
  const std::string good = file_bytes(path("m"));
  const std::string other = std::string(kSmall) + "--seed 2 --out m ";
  ASSERT_EQ(run(other + "--max-seconds 1e-9").code, 75);
  EXPECT_EQ(file_bytes(path("m")), good);
  // The old model is finished, but what was begun since can be gone on with.
  const Outcome resumed = run(other + "--resume --max-seconds 1e-9");
  EXPECT_EQ(resumed.code, 75) << resumed.err;
  EXPECT_NE(resumed.err.find("after 2 of 6 epochs"), std::string::npos) << resumed.err;
  const Outcome fresh = run(other);
  EXPECT_EQ(fresh.code, 0);
  EXPECT_NE(fresh.err.find("warning"), std::string::npos) << fresh.err;
  EXPECT_NE(file_bytes(path("m")), good);
  EXPECT_FALSE(exists("m.checkpoint"));
}

TEST_F(Train, DivergenceEndsItWithinAnEpochAndKeepsWhatWasGood) {
  ASSERT_EQ(run(std::string(kSmall) + "--out m --history h.csv").code, 0);
  const std::string model = file_bytes(path("m"));
  const std::string history = file_bytes(path("h.csv"));
  const std::string wild =
      "train --data data.npz --hidden 8 --epochs 1000000 --batch 120 --lr 5 --scale none --out m --history "
      "h.csv ";
  const Outcome got = run(wild + "--json");
  EXPECT_EQ(got.code, 5);
  const std::string sentence = json::parse(got.out).at("error");
  EXPECT_NE(got.err.find(sentence), std::string::npos);
  EXPECT_EQ(json::parse(got.out).at("exit_code"), 5);
  EXPECT_NE(sentence.find("--lr than 5"), std::string::npos) << sentence;
  const Checkpoint saved = load_checkpoint(path("m.checkpoint"));
  EXPECT_EQ(saved.states[0].status, TrainingStatus::diverged);
  const std::string epoch = "diverged in epoch " + std::to_string(saved.states[0].epoch + 1) + ":";
  EXPECT_NE(sentence.find(epoch), std::string::npos) << sentence;
  for (const float value : saved.states[0].parameters) ASSERT_TRUE(std::isfinite(value));
  EXPECT_EQ(file_bytes(path("m")), model);
  EXPECT_EQ(file_bytes(path("h.csv")), history);
  const Outcome again = run(wild + "--resume");
  EXPECT_EQ(again.code, 5);
  EXPECT_NE(again.err.find(epoch), std::string::npos) << again.err;
  const Outcome one_of_several = run(wild + "--models 3 --threads 2");
  EXPECT_EQ(one_of_several.code, 5);
  EXPECT_NE(one_of_several.err.find("model "), std::string::npos) << one_of_several.err;
}

TEST_F(Train, WrongUseIsRefusedBeforeAnyWork) {
  const std::string start = std::string(kSmall) + "--out m ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"--epcohs 3", "did you mean --epochs?"},
      {"--set epocs=3", "did you mean epochs?"},
      {"--latent 0", "--latent takes"},
      {"--lr -0.1", "--lr takes"},
      {"--lr 0", "--lr takes"},
      {"--lr nan", "--lr takes"},
      {"--batch 0", "--batch takes"},
      {"--epochs 0", "--epochs takes"},
      {"--models 0", "--models takes"},
      {"--hidden 8,0", "--hidden takes"},
      {"--validation 1", "--validation takes"},
      {"--activation rleu", "did you mean relu?"},
      {"--patience 3", "--validation"},
      {"--patience 3 --validation 0.001", "holds out none"},
      {"--objective lab --decoder-variance 1", "--decoder-variance does not go with"},
      {"--epochs 4294967295", "1073741824 steps"},
      {"--max-seconds 0", "--max-seconds takes"},
      {"--history m", "both name m"},
      {"--history ./m", "both name"},
      {"--history m.checkpoint", "both name"},
      {"--history data.npz", "is also the input"},
      {"extra", "takes no argument 'extra'"},
  };
  for (const auto& [arguments, words] : cases) {
    const std::string sentence = refusal(start + arguments, 2);
    EXPECT_NE(sentence.find(words), std::string::npos) << arguments << ": " << sentence;
  }
  EXPECT_NE(refusal("train --data data.npz", 2).find("--out"), std::string::npos);
  EXPECT_NE(refusal("train --data data.npz --out m --device cpu --precision tf32x3", 2).find("--device cuda"),
            std::string::npos);
  EXPECT_NE(refusal("train --out m", 2).find("--data"), std::string::npos);
  EXPECT_NE(refusal("train --data data.npz --out data.npz", 2).find("also the input"), std::string::npos);
  put_bytes(path("study.toml"), "epochs = 3\nlearn = 0.1\n");
  EXPECT_NE(refusal(start + "--config study.toml", 2).find("study.toml:2:1"), std::string::npos);
}

TEST_F(Train, BadDataIsRefusedByNameAndPlace) {
  const std::string npz = file_bytes(path("data.npz"));
  put_bytes(path("cut.npz"), npz.substr(0, npz.size() / 2));
  put_bytes(path("magic.npy"), "NUMPY, or so it says");
  put_bytes(path("nan.csv"), "a,b\n1,2\n3,nan\n");
  put_bytes(path("inf.csv"), "a,b\n1,2\n3,4\ninf,5\n");
  put_bytes(path("empty.csv"), "");
  put_bytes(path("header.csv"), "a,b\n");
  put_bytes(path("text.csv"), "a,b,name\n1,2,x\n3,4,y\n");
  const auto expect = [&](const std::string& data, const std::vector<std::string>& words) {
    const std::string sentence = refusal("train --data '" + data + "' --epochs 2 --out m", 4);
    for (const std::string& word : words)
      EXPECT_NE(sentence.find(word), std::string::npos) << word << " is not in: " << sentence;
  };
  expect("missing.npz", {"missing.npz"});
  expect("cut.npz", {"cut.npz"});
  expect("magic.npy", {"magic.npy"});
  expect("nan.csv", {"nan.csv", "row 2", "b"});
  expect("inf.csv", {"inf.csv", "row 3", "a"});
  expect("empty.csv", {"empty.csv"});
  expect("header.csv", {"header.csv"});
  expect("text.csv", {"text.csv", "name", "--columns"});
  expect(".", {"directory"});
  expect(frozen("object.npy"), {"object"});
  expect(frozen("complex.npy"), {"complex"});
  expect(frozen("no_rows.npy"), {"no_rows.npy"});
  expect(frozen("nan.npy"), {"row", "column"});
  expect(frozen("inf.npy"), {"row", "column"});
  EXPECT_NE(refusal("train --data - --out m", 4, path("nan.csv")).find("standard input"), std::string::npos);
}

TEST_F(Train, OutputsThatCannotBeWrittenAreRefused) {
  EXPECT_NE(refusal(std::string(kSmall) + "--out nowhere/m", 4).find("nowhere"), std::string::npos);
  EXPECT_NE(refusal(std::string(kSmall) + "--out .", 4).find("folder"), std::string::npos);
  EXPECT_NE(refusal(std::string(kSmall) + "--out m --history nowhere/h.csv", 4).find("nowhere"),
            std::string::npos);
}

/// A disk that is full when the history is written: the model is there, the training is kept, and --resume
/// writes the rest. /dev/full stands for it, as every byte that is written there fails.
TEST_F(Train, AFullDiskCostsNothingButAnotherRun) {
  ASSERT_EQ(run(std::string(kSmall) + "--out good --history good.csv").code, 0);
  const Outcome no_model = run(std::string(kSmall) + "--out /dev/full");
  EXPECT_EQ(no_model.code, 4);
  EXPECT_EQ(no_model.err, "gmmvae: error: cannot write /dev/full: No space left on device\n");
  const Outcome no_history = run(std::string(kSmall) + "--out m --history /dev/full");
  EXPECT_EQ(no_history.code, 4);
  EXPECT_EQ(file_bytes(path("m")), file_bytes(path("good")));
  ASSERT_TRUE(exists("m.checkpoint"));
  EXPECT_EQ(run(std::string(kSmall) + "--resume --out m --history h.csv").code, 0);
  EXPECT_EQ(file_bytes(path("h.csv")), file_bytes(path("good.csv")));
  EXPECT_FALSE(exists("m.checkpoint"));
  const Outcome no_words =
      run(std::string(kSmall) + "--out m --json", "/dev/null", "sh -c '\"$0\" \"$@\" >/dev/full'");
  EXPECT_EQ(no_words.code, 4) << no_words.err;
}

/// A model is not written over by one that cannot be saved: the file system is full of other things.
TEST_F(Train, AFullDiskLeavesAnEarlierModelAlone) {
  ASSERT_EQ(run(std::string(kSmall) + "--out m").code, 0);
  const std::string before = file_bytes(path("m"));
  // A limit on the size of files is what a full disk looks like to a process; 512-byte blocks.
  const Outcome got = run(std::string(kSmall) + "--seed 2 --hidden 64 --out m", "/dev/null", "ulimit -f 8;");
  EXPECT_NE(got.code, 0);
  EXPECT_EQ(file_bytes(path("m")), before);
}

TEST_F(Train, ABatchLargerThanTheDataTakesAllOfIt) {
  const Outcome got = run("train --data data.npz --hidden 8 --epochs 3 --batch 5000 --out m");
  EXPECT_EQ(got.code, 0);
  EXPECT_NE(got.err.find("--batch is 5000, more than the 120 points"), std::string::npos) << got.err;
  ASSERT_EQ(run("train --data data.npz --hidden 8 --epochs 3 --batch 120 --out n").code, 0);
  EXPECT_EQ(load_model(path("m")).parameters, load_model(path("n")).parameters);
}

TEST_F(Train, PrintConfigAndHelpDoNothingElse) {
  const auto before = files();
  const Outcome config = run(std::string(kSmall) + "--out m --print-config --set beta=3");
  EXPECT_EQ(config.code, 0);
  EXPECT_NE(config.out.find("lr = 0.01 "), std::string::npos) << config.out;
  EXPECT_NE(config.out.find("# --set"), std::string::npos);
  const Outcome help = run("train --help");
  EXPECT_EQ(help.code, 0);
  for (const char* option : {"--resume", "--max-seconds", "--checkpoint-every", "--patience", "--models"})
    EXPECT_NE(help.out.find(option), std::string::npos) << option;
  EXPECT_EQ(files(), before);
  // What it prints is a configuration that leads to the same model.
  put_bytes(path("effective.toml"), config.out);
  ASSERT_EQ(run("train --config effective.toml").code, 0);
  ASSERT_EQ(run(std::string(kSmall) + "--out n --beta 3").code, 0);
  EXPECT_EQ(file_bytes(path("m")), file_bytes(path("n")));
}

}  // namespace
}  // namespace gmmvae::test
