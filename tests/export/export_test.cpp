// The verb export as a person runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "gmmvae/dataset.hpp"
#include "gmmvae/mixture.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/dataset_file.hpp"
#include "host/io/history_csv.hpp"
#include "host/io/model_file.hpp"
#include "host/io/npz.hpp"
#include "tests/support/program.hpp"

namespace gmmvae::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

class Export : public ProgramTest {
 protected:
  void SetUp() override {
    data_ = make_dataset(draw_mixture({.components = 4}, 3), 60, 3);
    save_dataset(path("data.npz"), data_);
    save_model(path("model.safetensors"), trained_vae(data_, 2));
    save_model(path("many.safetensors"), trained_vae(data_, 2, 3));
  }
  /// Histories of `models` models, two epochs each, that tell them apart.
  void write_history(const std::string& name, std::size_t models) const {
    std::vector<TrainingState> states(models);
    for (std::size_t m = 0; m < models; ++m) {
      states[m].history = History(2);
      for (const double epoch : {1.0, 2.0})
        states[m].history.append(std::vector<double>(9, epoch + 10.0 * static_cast<double>(m)));
    }
    write_history_csv(path(name), states);
  }

  Dataset data_;
};

TEST_F(Export, WritesWhatItSaysItWrites) {
  const json object = this->object("export model.safetensors --out new/graphs");
  EXPECT_EQ(object.at("format"), "onnx");
  EXPECT_EQ(object.at("out"), "new/graphs");
  const json& model = object.at("models").at(0);
  EXPECT_EQ(model.at("name"), nullptr);
  EXPECT_EQ(model.at("files"), json({"new/graphs/encoder.onnx", "new/graphs/decoder.onnx"}));
  for (const std::string file : model.at("files")) EXPECT_TRUE(exists(file)) << file;
  EXPECT_EQ(run("export model.safetensors --out words").out, "words/encoder.onnx\nwords/decoder.onnx\n");
  EXPECT_EQ(file_bytes(path("words/encoder.onnx")), file_bytes(path("new/graphs/encoder.onnx")));
  EXPECT_EQ(run("export --model model.safetensors --out words").code, 0);
}

TEST_F(Export, OneModelOfSeveralWithItsHistory) {
  write_history("history.csv", 3);
  const std::string common = "export many.safetensors --index 2 --history history.csv --out out --format ";
  ASSERT_EQ(run(common + "npz").code, 0);
  const NpzReader history(path("out/history.npz")), parameters(path("out/parameters.npz"));
  EXPECT_EQ(std::get<std::vector<std::int64_t>>(history.read("epoch").values),
            (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(std::get<std::vector<double>>(history.read("grad_norm").values),
            (std::vector<double>{21.0, 22.0}));
  const Vae vae = load_model(path("many.safetensors"));
  const Array weight = parameters.read("encoder.0.weight");
  EXPECT_EQ(weight.shape, (std::vector<std::size_t>{16, 3}));
  EXPECT_EQ(std::get<std::vector<float>>(weight.values).front(), vae.parameters_of(2).front());
  ASSERT_EQ(run(common + "csv").code, 0);
  EXPECT_EQ(read_history_csv(path("out/history.csv")).front().loss(1), 22.0);
  EXPECT_TRUE(
      file_bytes(path("out/parameters.csv")).starts_with("tensor,row,column,value\nencoder.0.weight,0,0,"));
  ASSERT_EQ(run(common + "tensorboard").code, 0);
  EXPECT_TRUE(exists("out/events.out.tfevents.0.gmmvae"));
}

TEST_F(Export, EveryModelOfARunGetsItsFolder) {
  ASSERT_EQ(run("run --out runs/two --epochs 3 --samples 60 --components 3 -q").code, 0);
  for (const char* format : {"onnx", "npz", "csv", "tensorboard"}) {
    const json object = this->object(std::string("export runs/two/ --out all --format ") + format);
    ASSERT_EQ(object.at("models").size(), 2u);
    EXPECT_EQ(object.at("models").at(0).at("name"), "course");
    for (const json& model : object.at("models")) {
      for (const std::string file : model.at("files")) EXPECT_TRUE(exists(file)) << file;
    }
  }
  EXPECT_EQ(file_bytes(path("all/elbo/history.csv")), file_bytes(path("runs/two/elbo/history.csv")));
  ASSERT_EQ(run("export runs/two/elbo --format csv --out one").code, 0);
  EXPECT_EQ(file_bytes(path("one/parameters.csv")), file_bytes(path("all/elbo/parameters.csv")));
  EXPECT_THAT(refusal("export runs/two --format csv --out runs/two", 2),
              HasSubstr("would overwrite the history"));
}

TEST_F(Export, ASweepBecomesAStudyWithItsFailures) {
  ASSERT_EQ(run("sweep run lr=0.001,1e10 --epochs 2 --samples 60 --out sweeps/first").code, 6);
  const json object = this->object("export sweeps/first --out study");
  EXPECT_EQ(object.at("trials"), 2);
  EXPECT_EQ(object.at("study"), "first");
  std::vector<json> lines;
  const std::string journal = file_bytes(path("study/journal.log"));
  for (std::size_t start = 0; start < journal.size();) {
    const std::size_t end = journal.find('\n', start);
    lines.push_back(json::parse(journal.substr(start, end - start)));
    start = end + 1;
  }
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].at("study_name"), "first");
  EXPECT_EQ(lines[1].at("params").at("lr"), 0.001);
  EXPECT_EQ(lines[1].at("state"), 1);
  EXPECT_TRUE(lines[1].at("value").is_number());
  EXPECT_EQ(lines[2].at("state"), 3);  // FAIL
  EXPECT_TRUE(lines[2].at("value").is_null());
  EXPECT_FALSE(lines[2].at("user_attrs").at("why").get<std::string>().empty());
  const json distribution = json::parse(lines[2].at("distributions").at("lr").get<std::string>());
  EXPECT_EQ(distribution.at("name"), "FloatDistribution");
  EXPECT_EQ(distribution.at("attributes"),
            (json{{"low", 0.001}, {"high", 1e10}, {"log", true}, {"step", nullptr}}));
  EXPECT_THAT(refusal("export sweeps/first --format onnx --out study", 2), HasSubstr("sweep collect"));
  // A folder's name need not be UTF-8; JSON must be.
  ASSERT_EQ(shell("mv sweeps/first \"$(printf 'sweeps/\\377')\"").code, 0);
  ASSERT_EQ(run("export sweeps/* --out study").code, 0);
  EXPECT_THAT(file_bytes(path("study/journal.log")), HasSubstr("\"study_name\":\"\xEF\xBF\xBD\""));
}

TEST_F(Export, Mistakes) {
  write_history("history.csv", 3);
  EXPECT_THAT(refusal("export --out o", 2), HasSubstr("needs a model file"));
  EXPECT_THAT(refusal("export model.safetensors many.safetensors --out o", 2), HasSubstr("one model file"));
  EXPECT_THAT(refusal("export model.safetensors", 2), HasSubstr("--out"));
  EXPECT_THAT(refusal("export model.safetensors --out o --format onx", 2), HasSubstr("did you mean onnx?"));
  EXPECT_THAT(refusal("export model.safetensors --out o --format optuna", 2), HasSubstr("folder of a sweep"));
  EXPECT_THAT(refusal("export model.safetensors --out o --format tensorboard", 2),
              HasSubstr("--history FILE.csv"));
  EXPECT_THAT(refusal("export many.safetensors --index 3 --out o", 2), HasSubstr("holds 3 models"));
  EXPECT_THAT(refusal("export none.safetensors --out o", 4), HasSubstr("none.safetensors"));
  EXPECT_THAT(refusal("export export --out o", 4),
              HasSubstr("cannot read export"));  // a file named as the verb
  EXPECT_THAT(refusal("export data.npz --out o", 4), HasSubstr("data.npz"));
  ASSERT_EQ(shell("mkdir empty").code, 0);
  EXPECT_THAT(refusal("export empty --out o", 4), HasSubstr("neither a model nor a run"));
  EXPECT_THAT(refusal("export model.safetensors --history history.csv --format csv --out o", 4),
              HasSubstr("it is not its history"));
  EXPECT_THAT(refusal("export model.safetensors --out data.npz", 4), HasSubstr("cannot be created"));
  write_file(path("cut.safetensors"), file_bytes(path("model.safetensors")).substr(0, 500));
  EXPECT_THAT(refusal("export cut.safetensors --out o", 4), HasSubstr("cut.safetensors"));
}

}  // namespace
}  // namespace gmmvae::test
