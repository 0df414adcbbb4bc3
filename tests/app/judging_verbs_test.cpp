// evaluate and cluster as a person runs them: the program itself, its files, its words and its exit codes.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "gmmvae/dataset.hpp"
#include "host/io/dataset_file.hpp"
#include "host/io/model_file.hpp"
#include "host/io/npy.hpp"
#include "tests/evaluation/linear_vae.hpp"
#include "tests/support/program.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;

class JudgingVerbs : public test::ProgramTest {
 protected:
  void SetUp() override {
    const test::LinearVae model = test::linear_vae(2, 0.3);
    save_model(path("model.safetensors"), model.vae());
    save_dataset(path("data.npz"), make_dataset(model.law(), 400, 1));
    save_points(path("points.npy"), make_dataset(model.law(), 300, 2).x);
  }
};

TEST_F(JudgingVerbs, EvaluateJudgesAModel) {
  const std::string common =
      "evaluate --model model.safetensors --data data.npz --count 800 --test 800 --threads 1 ";
  const test::Outcome words = run(common + "--out metrics.json");
  EXPECT_EQ(words.code, 0) << words.err;
  EXPECT_NE(words.out.find("healthy"), std::string::npos) << words.out;
  const json file = json::parse(test::file_bytes(path("metrics.json")));
  EXPECT_EQ(file.at("verdict"), "healthy");
  EXPECT_NEAR(file.at("kl_data_model"), 0.0, 1e-3);
  const test::Outcome object = run(common + "--json");
  EXPECT_EQ(json::parse(object.out), file);  // one object, the same one
}

TEST_F(JudgingVerbs, EvaluateJudgesASampleFile) {
  const test::Outcome got = run("evaluate --samples points.npy --data data.npz --test 800 --json");
  EXPECT_EQ(got.code, 0) << got.err;
  const json file = json::parse(got.out);
  EXPECT_TRUE(file.at("elbo").is_null());
  EXPECT_EQ(file.at("modes").at("captured"), 1);
  EXPECT_EQ(file.at("count"), 300);
}

TEST_F(JudgingVerbs, EvaluateHoldsOutWhatTrainingDid) {
  Vae vae = test::linear_vae(2, 0.3).vae();
  vae.config = "validation = 0.25\nseed = 7\n";
  save_model(path("held.safetensors"), vae);
  const std::string common = "evaluate --model held.safetensors --data points.csv --count 300 --json ";
  Dataset own = load_dataset(path("points.npy"));
  own.mixture.reset();
  save_dataset(path("points.csv"), own);
  const json held_out = json::parse(run(common).out);
  EXPECT_EQ(held_out.at("test_points"), "points held out of training");
  EXPECT_EQ(held_out.at("test"), 75);
  EXPECT_EQ(json::parse(run(common + "--validation 0.1").out).at("test"), 30);
  EXPECT_EQ(json::parse(run(common + "--validation 0").out).at("test_points"), "the data given");
}

TEST_F(JudgingVerbs, ClusterWritesItsFiles) {
  const test::Outcome got =
      run("cluster --data data.npz --k 1..5 --covariance full --references 3 --out clusters.json --json");
  EXPECT_EQ(got.code, 0) << got.err;
  const json file = json::parse(got.out);
  EXPECT_EQ(file, json::parse(test::file_bytes(path("clusters.json"))));
  EXPECT_EQ(file.at("k").size(), 5u);
  EXPECT_EQ(file.at("chosen").at("bic"), 1);
  const test::Outcome given = run("cluster --data data.npz --k 3 --labels labels.npy --centers centers.npy");
  EXPECT_EQ(given.code, 0) << given.err;
  EXPECT_NE(given.out.find("chosen k"), std::string::npos);
  const Array centers = read_npy_array(path("centers.npy"));
  EXPECT_EQ(centers.shape, (std::vector<std::size_t>{3, 3}));
  EXPECT_EQ(read_npy_array(path("labels.npy")).shape, (std::vector<std::size_t>{400}));
}

TEST_F(JudgingVerbs, WrongUseAndBadFilesHaveTheirExitCodes) {
  EXPECT_EQ(run("evaluate --data data.npz").code, 2);
  EXPECT_EQ(run("evaluate --data data.npz --model model.safetensors --samples points.npy").code, 2);
  EXPECT_EQ(run("evaluate --data missing.npz --model model.safetensors").code, 4);
  EXPECT_EQ(run("evaluate --data data.npz --model points.npy").code, 4);
  EXPECT_EQ(run("evaluate --data data.npz --model model.safetensors --index 1").code, 2);
  EXPECT_EQ(run("evaluate --data data.npz --model model.safetensors --out nowhere/metrics.json").code, 4);
  EXPECT_EQ(run("evaluate --data data.npz --model model.safetensors --out metrics.txt").code, 2);
  EXPECT_EQ(run("evaluate --data data.npz --model model.safetensors --count 0").code, 2);
  save_points(path("flat.npy"), Matrix<float>(20, 2));
  EXPECT_EQ(run("evaluate --data flat.npy --model model.safetensors").code, 4);
  EXPECT_EQ(run("evaluate --data data.npz --samples flat.npy").code, 4);
  for (const char* k : {"0", "5..2", "three", "1..", "2,,4", "500"})
    EXPECT_EQ(run(std::string("cluster --data data.npz --k ") + k).code, 2) << k;
  EXPECT_EQ(run("cluster --data data.npz --method medoids").code, 2);
  EXPECT_EQ(run("cluster --data data.npz --labels data.npz").code, 2);
  // Nobody asked for more clusters than there are points.
  save_points(path("few.npy"), Matrix<float>(3, 1, std::vector<float>{1, 2, 9}));
  EXPECT_EQ(object("cluster --data few.npy").at("k").size(), 3u);
  EXPECT_EQ(run("cluster --data few.npy --k 1..16").code, 2);
  // Far outside of what distances in single precision can be; this never came to an end.
  Matrix<float> wide(20, 3);
  for (std::size_t i = 0; i < wide.size(); ++i) wide.data()[i] = 1e30f * static_cast<float>(i % 7);
  save_points(path("wide.npy"), wide);
  EXPECT_NE(refusal("evaluate --data wide.npy --model model.safetensors", 4).find("scale them down"),
            std::string::npos);
  EXPECT_NE(refusal("evaluate --data data.npz --samples wide.npy", 4).find("scale them down"),
            std::string::npos);
  EXPECT_NE(refusal("run --data wide.npy --out r", 4).find("scale them down"), std::string::npos);
  EXPECT_FALSE(exists("r"));
  const test::Outcome wrong = run("cluster --data data.npz --k 500 --json");
  EXPECT_EQ(json::parse(wrong.out).at("exit_code"), 2);
}

}  // namespace
}  // namespace gmmvae
