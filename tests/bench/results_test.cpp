#include "host/bench/results.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "gmmvae/error.hpp"
#include "host/io/atomic_file.hpp"
#include "host/io/json_file.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae::bench {
namespace {

/// 2 microseconds a run, 100,000 operations: 50 GFLOP/s, half of the peak.
Report made_up() {
  Report report;
  report.executable = "gmmvae";
  report.device = {{"name", "a device, made up"}};
  report.peaks = {0, 0, 100e9, 40e9, "L2"};
  Row row;
  row.name = "dense_forward";
  row.shape = "96x64x64";
  row.backend = "cpu";
  row.seconds = {2.5e-6, 2e-6, 1.5e-6};
  row.operations = 1e5;
  row.bytes = 2e4;
  report.rows = {row};
  row.name = "train";
  row.shape = "hidden=64,64";
  row.amounts = {{"models", 1.0}};
  row.operations = row.bytes = 0;
  report.rows.push_back(row);
  return report;
}

TEST(ResultsTest, TheTableHasWhatIsKnown) {
  const auto cells = table(made_up());
  ASSERT_EQ(cells.size(), 3U);
  const std::vector<std::string> head = {"kernel",     "shape",     "type",     "backend",
                                         "median, us", "IQR, %",    "GB/s",     "% memory",
                                         "GFLOP/s",    "% compute", "bound by", "models/s"};
  EXPECT_EQ(cells[0], head);
  const std::vector<std::string> kernel = {"dense_forward", "96x64x64", "f32",  "cpu",     "2", "25.0", "10",
                                           "25.0",          "50",       "50.0", "compute", ""};
  EXPECT_EQ(cells[1], kernel);
  const std::vector<std::string> training = {
      "train", "hidden=64,64", "f32", "cpu", "2", "25.0", "", "", "", "", "", "5e+05"};
  EXPECT_EQ(cells[2], training);
}

TEST(ResultsTest, ThreeNotations) {
  const std::vector<std::vector<std::string>> cells = {{"a", "long"}, {"x,y", "\"q\""}};
  EXPECT_EQ(csv(cells), "a,long\n\"x,y\",\"\"\"q\"\"\"\n");
  EXPECT_EQ(markdown(cells), "| a | long |\n|---|---|\n| x,y | \"q\" |\n");
  EXPECT_EQ(aligned(cells), "a    long\nx,y  \"q\"\n");
}

TEST(ResultsTest, JsonHasGoogleBenchmarksShapeAndReadsBack) {
  const auto object = to_json(made_up());
  EXPECT_EQ(object["context"]["device"]["name"], "a device, made up");
  EXPECT_EQ(object["context"]["library_build_type"].is_string(), true);
  const auto& entries = object["benchmarks"];
  ASSERT_EQ(entries.size(), 2U * (3 + 2));
  for (const char* member : {"name", "run_name", "run_type", "repetitions", "threads", "iterations",
                             "real_time", "cpu_time", "time_unit"})
    EXPECT_TRUE(entries[0].contains(member)) << member;
  EXPECT_EQ(entries[3]["aggregate_name"], "median");
  EXPECT_DOUBLE_EQ(entries[3]["FLOP/s"].get<double>(), 5e10);
  const test::TemporaryFolder folder;
  const std::string path = folder / "a.json";
  write_json_file(path, object);
  const std::vector<Measurement> read = read_measurements(path);
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].name, "dense_forward/96x64x64");
  ASSERT_EQ(read[1].seconds.size(), 3U);
  EXPECT_DOUBLE_EQ(read[1].seconds[2], 1.5e-6);
}

TEST(ResultsTest, ReadsWhatGoogleBenchmarkWrites) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "google.json";
  write_file(path, R"({"context": {}, "benchmarks": [
    {"name": "own/0", "run_name": "own/0", "run_type": "iteration", "real_time": 1500, "time_unit": "ns"},
    {"name": "own/0", "run_name": "own/0", "run_type": "iteration", "real_time": 1600, "time_unit": "ns"},
    {"name": "own/0_mean", "run_name": "own/0", "run_type": "aggregate", "real_time": 1550, "time_unit": "ns"},
    {"name": "long", "real_time": 2, "time_unit": "ms"}]})");
  const std::vector<Measurement> read = read_measurements(path);
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read[0].seconds, (std::vector<double>{1500 * 1e-9, 1600 * 1e-9}));
  EXPECT_EQ(read[1].seconds, (std::vector<double>{2 * 1e-3}));
}

TEST(ResultsTest, WhatIsNoFileOfMeasurementsIsSaidSo) {
  const test::TemporaryFolder folder;
  const std::string path = folder / "bad.json";
  for (const auto& [text, reason] :
       {std::pair{"{", "is not JSON"}, std::pair{"[1]", "no list 'benchmarks'"},
        std::pair{R"({"benchmarks": []})", "its list is empty"},
        std::pair{R"({"benchmarks": [{"name": "a"}]})", "no real_time"},
        std::pair{R"({"benchmarks": [3]})", "no real_time"},
        std::pair{R"({"benchmarks": [{"name": "a", "real_time": 1, "time_unit": "h"}]})", "unit of time"}}) {
    write_file(path, text);
    const std::string message = test::error_message<DataError>([&] { (void)read_measurements(path); });
    EXPECT_NE(message.find(reason), std::string::npos) << message;
    EXPECT_NE(message.find(path), std::string::npos) << message;
  }
}

}  // namespace
}  // namespace gmmvae::bench
