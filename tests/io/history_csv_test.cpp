#include "host/io/history_csv.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/io/input_file.hpp"
#include "tests/io/files.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using test::error_message;
using test::put_bytes;
using test::TemporaryFolder;

/// A history of awkward numbers: thirds, the smallest and the largest, a negative zero, infinities, none.
TrainingState awkward(std::size_t latent, std::size_t epochs) {
  using limits = std::numeric_limits<double>;
  const std::vector<double> values = {
      1.0 / 3.0, -0.0, limits::denorm_min(), limits::max(), limits::infinity(),
      1e-300,    -7.5, limits::quiet_NaN(),  -1e22,         0.1 + 0.2};
  TrainingState state;
  state.history = History(latent);
  std::size_t next = 0;
  for (std::size_t epoch = 0; epoch < epochs; ++epoch) {
    std::vector<double> row(state.history.width());
    for (double& value : row) value = values[next++ % values.size()];
    state.history.append(row);
  }
  return state;
}

void expect_same_numbers(const History& a, const History& b) {
  EXPECT_EQ(a.latent(), b.latent());
  ASSERT_EQ(a.values().size(), b.values().size());
  for (std::size_t i = 0; i < a.values().size(); ++i) {
    const double x = a.values()[i];
    const double y = b.values()[i];
    if (std::isnan(x)) {
      EXPECT_TRUE(std::isnan(y)) << i;
    } else {
      EXPECT_EQ(std::bit_cast<std::uint64_t>(x), std::bit_cast<std::uint64_t>(y)) << i;
    }
  }
}

TEST(HistoryCsv, ComesBackNumberForNumber) {
  const TemporaryFolder folder;
  for (const std::size_t latent : {1, 2, 5}) {
    const std::vector<TrainingState> one = {awkward(latent, 11)};
    write_history_csv(folder / "one.csv", one);
    const std::vector<History> read_one = read_history_csv(folder / "one.csv");
    ASSERT_EQ(read_one.size(), 1U);
    expect_same_numbers(one[0].history, read_one[0]);

    const std::vector<TrainingState> three = {awkward(latent, 3), awkward(latent, 1), awkward(latent, 7)};
    write_history_csv(folder / "three.csv", three);
    const std::vector<History> read_three = read_history_csv(folder / "three.csv");
    ASSERT_EQ(read_three.size(), 3U);
    for (std::size_t m = 0; m < 3; ++m) expect_same_numbers(three[m].history, read_three[m]);
  }
}

TEST(HistoryCsv, RefusesWhatIsNoHistoryAndSaysWhere) {
  const TemporaryFolder folder;
  const std::string path = folder / "h.csv";
  const std::string header =
      "epoch,loss,reconstruction,kl,kl_1,decoder_variance,elbo,elbo_validation,grad_norm\n";
  const std::string row = ",0.5,0.25,0.1,0.1,0.01,-3,,1\n";
  const auto message = [&](const std::string& bytes) {
    put_bytes(path, bytes);
    return error_message<DataError>([&] { read_history_csv(path); });
  };
  const auto expect = [&](const std::string& bytes, const std::string& line, const std::string& reason) {
    const std::string got = message(bytes);
    EXPECT_EQ(got.find(path + " is not a training history, line " + line + ": "), 0U) << got;
    EXPECT_NE(got.find(reason), std::string::npos) << got;
  };
  put_bytes(path, header + "1" + row + "2" + row);
  EXPECT_EQ(read_history_csv(path).at(0).epochs(), 2U);
  expect("", "1", "empty");
  expect("x1,x2\n1,2\n", "1", "too few");
  expect(header, "2", "no epoch");
  std::string renamed = header;
  renamed.replace(renamed.find("kl_1"), 4, "kl_2");
  expect(renamed + "1" + row, "1", "column 5 is 'kl_2' in place of kl_1");
  expect(header + "1" + row + "3" + row, "3", "epoch 3 is out of order");
  expect(header + "1,0.5\n", "2", "2 fields in place of 9");
  expect(header + "1,0.5,abc,0.1,0.1,0.01,-3,,1\n", "2", "'abc' is not a number");
  expect("model," + header + "1,1" + row, "2", "model 1 is out of order");
  expect("model," + header + "0,1" + row + "1,1" + row + "0,2" + row, "4", "model 0 is out of order");
  EXPECT_THROW(read_history_csv(folder / "missing.csv"), DataError);
}

}  // namespace
}  // namespace gmmvae
