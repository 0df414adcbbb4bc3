// The verb bench on the command line: what it prints, what it refuses. Nothing here depends on how fast a
// machine is.
#include <gmock/gmock.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/program.hpp"

namespace gmmvae {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

const std::string kQuick = " --device cpu --seconds 0.001s --repetitions 3 --dim 2 --latent 1 --batch 8 ";

/// A file of measurements: `factor` times 100 microseconds, nine times, give or take a little.
void write_measurements(const std::string& path, double factor) {
  json entries = json::array();
  for (int i = 0; i < 9; ++i)
    entries.push_back({{"name", "dense"},
                       {"run_name", "dense"},
                       {"run_type", "iteration"},
                       {"real_time", factor * (99.0 + 0.25 * i)},
                       {"time_unit", "us"}});
  std::ofstream(path) << json{{"context", json::object()}, {"benchmarks", entries}};
}

class BenchTest : public test::ProgramTest {};

TEST_F(BenchTest, KernelsOfEveryShapeInThreeNotations) {
  const json all = object("bench kernels" + kQuick + "--hidden '4;5,3'");
  EXPECT_EQ(all["context"]["device"]["kind"], "cpu");
  EXPECT_GT(all["context"]["device"]["peaks"]["operations_measured"].get<double>(), 0.0);
  std::vector<std::string> medians;
  for (const json& entry : all["benchmarks"])
    if (entry.value("aggregate_name", "") == "median") medians.push_back(entry["run_name"]);
  // 2-4-2 | 1-4-2 and 2-5-3-2 | 1-3-5-2
  for (const char* name : {"dense_forward/8x2x4", "dense_forward/8x5x3", "dense_input_gradient/8x4x2",
                           "dense_weight_gradient_adam/8x3x5", "normal_noise/8x1", "training_step/8"})
    EXPECT_THAT(medians, testing::Contains(name));
  EXPECT_THAT(medians, Not(testing::Contains("dense_input_gradient/8x2x4")));
  const std::string one = "bench kernels --kernel forward --hidden 4" + kQuick;
  EXPECT_THAT(run(one + "--md").out, HasSubstr("| dense_forward | 8x2x4 | f32 | cpu |"));
  EXPECT_THAT(run(one + "--csv").out, HasSubstr("\ndense_forward,8x2x4,f32,cpu,"));
  EXPECT_THAT(run(one + "--profile").out, HasSubstr("dense_forward 8x2x4 ran once"));
}

TEST_F(BenchTest, TrainingsAndEmbeddingsOverAxes) {
  const json trained =
      object("bench train --device cpu --repetitions 2 --samples 40 --epochs 2 --hidden '4;3' models=1,2");
  int medians = 0;
  for (const json& entry : trained["benchmarks"]) {
    if (entry.value("aggregate_name", "") != "median") continue;
    ++medians;
    EXPECT_GT(entry["models/s"].get<double>(), 0.0);
    EXPECT_GT(entry["FLOP/s"].get<double>(), 0.0);
  }
  EXPECT_EQ(medians, 4);
  const test::Outcome embedded =
      run("bench tsne --repetitions 1 --samples 60,80 --iterations 10 --perplexity 5 --md");
  EXPECT_EQ(embedded.code, 0) << embedded.err;
  EXPECT_THAT(embedded.out, HasSubstr("| tsne_descent | samples=80"));
}

TEST_F(BenchTest, CompareSaysWhatChanged) {
  write_measurements(path("a.json"), 1.0);
  write_measurements(path("b.json"), 1.2);
  const json same = object("bench compare a.json a.json");
  EXPECT_EQ(same["benchmarks"][0]["verdict"], "same");
  const json slower = object("bench compare a.json b.json");
  EXPECT_EQ(slower["benchmarks"][0]["verdict"], "slower");
  EXPECT_NEAR(slower["benchmarks"][0]["change"].get<double>(), 0.2, 1e-9);
  EXPECT_EQ(object("bench compare b.json a.json")["benchmarks"][0]["verdict"], "faster");
  EXPECT_EQ(object("bench compare a.json b.json --threshold 25")["benchmarks"][0]["verdict"], "same");
  EXPECT_EQ(run("bench compare a.json b.json --fail-on-slower 10").code, 1);
  EXPECT_EQ(run("bench compare a.json b.json --fail-on-slower 30").code, 0);
  EXPECT_THAT(run("bench compare a.json b.json").out, HasSubstr("+20.0 %"));
}

TEST_F(BenchTest, AKernelIsTheSameAsItself) {
  // Within a hundredfold, whatever else the machine does: that it says so is what is tested here; how finely
  // it can tell is tested with made-up samples.
  const test::Outcome got = run("bench selftest --kernel noise --threshold 10000" + kQuick);
  EXPECT_EQ(got.code, 0) << got.out << got.err;
  EXPECT_THAT(got.out, HasSubstr("\nsame\n"));
}

TEST_F(BenchTest, RefusalsAreOneSentence) {
  EXPECT_THAT(refusal("bench", 2), HasSubstr("bench takes one of train, kernels"));
  EXPECT_THAT(refusal("bench kernel", 2), HasSubstr("did you mean kernels?"));
  EXPECT_THAT(refusal("bench train --hidden 4,0", 2), HasSubstr("hidden"));
  EXPECT_THAT(refusal("bench train bach=3", 2), HasSubstr("did you mean batch?"));
  EXPECT_THAT(refusal("bench tsne --hidden 4", 2), HasSubstr("--hidden"));
  EXPECT_THAT(refusal("bench kernels --device cpu --kernel nothing", 2), HasSubstr("dense_forward"));
  EXPECT_THAT(refusal("bench kernels --csv --md", 2), HasSubstr("exclude"));
  EXPECT_THAT(refusal("bench compare one.json", 2), HasSubstr("two files"));
  EXPECT_THAT(refusal("bench compare one.json two.json", 4), HasSubstr("one.json"));
  std::ofstream(path("bad.json")) << "{\"benchmarks\": 3}";
  EXPECT_THAT(refusal("bench compare bad.json bad.json", 4), HasSubstr("no list 'benchmarks'"));
}

}  // namespace
}  // namespace gmmvae
