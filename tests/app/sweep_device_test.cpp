// A sweep on a device: chunks are prepared, judged and stored on the processor while the device trains
// others.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/program.hpp"

namespace gmmvae {
namespace {

namespace fs = std::filesystem;

const std::string kTrials =
    " 'hidden=8;4' lr=0.01,1e30,0.003 seed=1..2 --components 3 --dim 2 --samples 60 --epochs 5 ";

/// The program looks for the plugin beside its library: it finds the library through a folder where the
/// emulator stands beside it under the plugin's name.
class SweepOnDeviceTest : public test::ProgramTest {
 protected:
  SweepOnDeviceTest() {
    fs::create_directory(path("lib"));
    for (const fs::directory_entry& file : fs::directory_iterator(GMMVAE_TEST_LIBRARIES)) {
      const std::string name = file.path().filename();
      if (name.starts_with("libgmmvae.so") || name == "libcuda_on_cpu_emulator.so")
        fs::create_symlink(fs::canonical(file.path()), path("lib/" + name));
      if (name == "libgmmvae_cuda_on_cpu.so") fs::create_symlink(file.path(), path("lib/libgmmvae_cuda.so"));
    }
  }
  [[nodiscard]] test::Outcome on_device(const std::string& arguments, const std::string& wrapper = "") const {
    return run(arguments + " --device cuda", "/dev/null", "LD_LIBRARY_PATH='" + path("lib") + "' " + wrapper);
  }
  [[nodiscard]] std::string table(const std::string& folder) const {
    EXPECT_EQ(run("sweep collect " + folder + " --out " + folder + ".csv").code, 6);  // some diverged
    return test::file_bytes(path(folder + ".csv"));
  }
};

/// Cells by column, of every row.
std::vector<std::map<std::string, std::string>> rows_of(const std::string& csv) {
  std::istringstream lines(csv);
  std::vector<std::string> names;
  std::vector<std::map<std::string, std::string>> rows;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    std::vector<std::string> values;
    for (std::string cell; std::getline(cells, cell, ',');) values.push_back(cell);
    if (names.empty()) {
      names = values;
      continue;
    }
    rows.emplace_back();
    for (std::size_t i = 0; i < std::min(names.size(), values.size()); ++i) rows.back()[names[i]] = values[i];
  }
  return rows;
}

TEST_F(SweepOnDeviceTest, ChunksInFlightChangeNothing) {
  ASSERT_EQ(on_device("sweep run --out whole --threads 1" + kTrials).code, 6);
  const std::string whole = table("whole");
  ASSERT_EQ(on_device("sweep run --out cut --chunk 2 --threads 2" + kTrials).code, 6);
  EXPECT_EQ(table("cut"), whole);

  ASSERT_EQ(run("sweep run --out cpu" + kTrials).code, 6);
  const auto device = rows_of(whole), cpu = rows_of(table("cpu"));
  ASSERT_EQ(device.size(), 12U);
  ASSERT_EQ(cpu.size(), 12U);
  for (std::size_t i = 0; i < cpu.size(); ++i) {
    for (const char* same : {"trial", "status", "predicted", "modes_total"})
      EXPECT_EQ(device[i].at(same), cpu[i].at(same)) << i;
    if (cpu[i].at("status") != "done") continue;
    // Five epochs in single precision, whose sums are in another order: some hundred roundings of 6e-8.
    const double loss = std::stod(cpu[i].at("loss"));
    EXPECT_NEAR(std::stod(device[i].at("loss")), loss, 1e-4 * std::abs(loss)) << i;
  }
}

TEST_F(SweepOnDeviceTest, KilledOrStoppedItGoesOn) {
  const std::string cut = " --chunk 1" + kTrials;
  ASSERT_EQ(on_device("sweep run --out whole" + cut).code, 6);
  const std::string whole = table("whole");
  int stops = 0;
  for (const std::string signal : {"KILL", "TERM"}) {
    for (int i = 1; i <= 4; ++i) {
      const std::string after = std::to_string(0.02 * i);
      const int code =
          on_device("sweep run --out " + signal + cut, "timeout --foreground -s " + signal + " " + after)
              .code;
      if (code != 0 && code != 6) ++stops;
    }
    // 6 where one diverges only now.
    ASSERT_THAT(on_device("sweep run --out " + signal + cut).code, testing::AnyOf(0, 6));
    EXPECT_EQ(table(signal), whole);
  }
  EXPECT_GT(stops, 0);
}

}  // namespace
}  // namespace gmmvae
