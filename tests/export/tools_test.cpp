// Every file opened by the tool that it is meant for. A tool that is not installed is named and its test
// skipped; formats_test.cpp and the tests of host/io judge the same formats without any.
#include <gtest/gtest.h>

#include <string>

#include "host/vae/names.hpp"
#include "tests/support/program.hpp"
#include "tests/support/python.hpp"

namespace gmmvae::test {
namespace {

class ExportTools : public ProgramTest {
 protected:
  /// The program must succeed.
  void must(const std::string& arguments) const {
    const Outcome got = run(arguments + " -q");
    ASSERT_EQ(got.code, 0) << arguments << "\n" << got.err;
  }
  /// data.npz, model.safetensors and history.csv of a short training with these options.
  void train(const std::string& options = "") const {
    must("generate --samples 150 --components 4 --out data.npz");
    must("train --data data.npz --epochs 5 --hidden 16,8 --out model.safetensors --history history.csv " +
         options);
  }
  /// What the program itself makes of the model, into this folder.
  void use(const std::string& folder = ".", const std::string& index = "") const {
    must("encode --model model.safetensors --data data.npz --out " + folder + "/latents.npz " + index);
    must("decode --model model.safetensors --data " + folder + "/latents.npz --out " + folder +
         "/decoded.npy " + index);
  }
  /// Four trials in sweep/, and their table.
  void sweep() const {
    must("sweep run 'hidden=16;16,8' beta=0.5,4 --epochs 3 --samples 100 --out sweep");
    must("sweep collect sweep --out results.csv");
  }
  /// Runs one of the scripts of tests/export/tools, which must find nothing wrong.
  void check(const std::string& script, const std::string& arguments = "") const {
    const Outcome got = shell("'" + python() + "' -W ignore '" GMMVAE_TEST_DATA "/export/tools/" + script +
                              "_check.py' " + arguments);
    EXPECT_EQ(got.code, 0) << got.out << got.err;
  }
};

TEST_F(ExportTools, NumpyReadsTheArrays) {
  GMMVAE_NEEDS_MODULES("numpy");
  train();
  must("export model.safetensors --history history.csv --format npz --out arrays");
  check("numpy");
}

TEST_F(ExportTools, PandasReadsTheTables) {
  GMMVAE_NEEDS_MODULES("numpy", "pandas");
  train();
  sweep();
  must("export model.safetensors --history history.csv --format csv --out tables");
  check("pandas");
}

TEST_F(ExportTools, OnnxFindsTheGraphsSound) {
  GMMVAE_NEEDS_MODULES("onnx");
  train("--decoder-variance learned-per-dim");
  must("export model.safetensors --out graphs");
  check("onnx");
}

TEST_F(ExportTools, OnnxruntimeGivesTheSameNumbers) {
  GMMVAE_NEEDS_MODULES("numpy", "onnxruntime");
  std::string folders = "third";
  for (const std::string& activation : choices<Activation>()) {
    train("--activation " + activation +
          (activation == "tanh" ? " --posterior-variance softplus-half --scale minmax" : ""));
    must("export model.safetensors --out " + activation);
    use(activation);
    folders += " " + activation;
  }
  train("--models 3 --scale none --lr 1e-4");
  must("export model.safetensors --index 2 --out third");
  use("third", "--index 2");
  check("onnxruntime", folders);
}

TEST_F(ExportTools, TensorboardReadsTheHistory) {
  GMMVAE_NEEDS_MODULES("numpy", "tensorboard");
  train();
  must("export model.safetensors --history history.csv --format tensorboard --out logs");
  check("tensorboard");
}

TEST_F(ExportTools, OptunaOpensTheStudy) {
  GMMVAE_NEEDS_MODULES("optuna");
  sweep();
  must("export sweep --out study");
  check("optuna");
}

TEST_F(ExportTools, Sqlite3OpensTheShard) {
  GMMVAE_NEEDS_MODULES("sqlite3");
  sweep();
  check("sqlite");
}

TEST_F(ExportTools, PytorchLoadsAModelAsTheReadmeDoes) {
  GMMVAE_NEEDS_MODULES("numpy", "torch", "safetensors");
  train();
  use();
  check("pytorch", "'" GMMVAE_SOURCE "/README.md'");
}

}  // namespace
}  // namespace gmmvae::test
