#include "host/io/checkpoint_file.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "gmmvae/error.hpp"
#include "host/io/input_file.hpp"
#include "tests/io/files.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using test::error_message;
using test::frozen;
using test::put_bytes;
using test::TemporaryFolder;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// Three models of four parameters and two latent dimensions: one new, one half-way, one that diverged.
Checkpoint sample() {
  Checkpoint checkpoint;
  checkpoint.config = "lr = 0.001\n";
  for (int model = 0; model < 3; ++model) {
    TrainingState state;
    const auto m = static_cast<float>(model);
    state.parameters = {m, -0.0F, std::nextafter(1.0F, 2.0F), std::numeric_limits<float>::denorm_min()};
    state.first_moment = {m + 1, 2, 3, 4};
    state.second_moment = {m + 5, 6, 7, 8};
    state.history = History(2);
    for (int epoch = 0; epoch < model * 2; ++epoch) {
      const double e = epoch;
      state.history.append(std::vector<double>{1.0 / 3.0, e, 0.1, 0.05, 0.05, 1e-300, -7.5, kNan, 2.0 * e});
    }
    state.epoch = static_cast<std::uint64_t>(model * 2);
    state.status = model == 2 ? TrainingStatus::diverged : TrainingStatus::running;
    if (model == 1) {
      state.best_epoch = 1;
      state.best_parameters = {9, 8, 7, 6};
    }
    checkpoint.states.push_back(state);
  }
  return checkpoint;
}

void expect_same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(a[i]), std::bit_cast<std::uint64_t>(b[i]));
  }
}
void expect_same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(a[i]), std::bit_cast<std::uint32_t>(b[i]));
  }
}

TEST(CheckpointFile, ComesBackBitForBit) {
  const TemporaryFolder folder;
  const Checkpoint saved = sample();
  save_checkpoint(folder / "c", saved);
  const Checkpoint loaded = load_checkpoint(folder / "c");
  EXPECT_EQ(loaded.config, saved.config);
  ASSERT_EQ(loaded.states.size(), saved.states.size());
  for (std::size_t i = 0; i < saved.states.size(); ++i) {
    const TrainingState& a = loaded.states[i];
    const TrainingState& b = saved.states[i];
    expect_same_bits(a.parameters, b.parameters);
    expect_same_bits(a.first_moment, b.first_moment);
    expect_same_bits(a.second_moment, b.second_moment);
    expect_same_bits(a.best_parameters, b.best_parameters);
    expect_same_bits(a.history.values(), b.history.values());
    EXPECT_EQ(a.history.latent(), 2U);
    EXPECT_EQ(a.epoch, b.epoch);
    EXPECT_EQ(a.status, b.status);
    EXPECT_EQ(a.best_epoch, b.best_epoch);
  }
}

TEST(CheckpointFile, RefusesOtherFilesAndEveryTruncation) {
  EXPECT_EQ(error_message<DataError>([] { load_checkpoint(frozen("foreign.safetensors")); }),
            frozen("foreign.safetensors") + " is a safetensors file but not a gmmvae checkpoint");
  const TemporaryFolder folder;
  save_checkpoint(folder / "c", sample());
  const std::string whole = read_file(folder / "c");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    put_bytes(folder / "cut", whole.substr(0, size));
    EXPECT_THROW(load_checkpoint(folder / "cut"), DataError) << size;
  }
}

TEST(CheckpointFile, RefusesProgressThatMakesNoSense) {
  const TemporaryFolder folder;
  save_checkpoint(folder / "c", sample());
  const std::string whole = read_file(folder / "c");
  std::uint64_t header = 0;
  std::copy_n(whole.data(), 8, reinterpret_cast<char*>(&header));
  // The first tensor holds five I64 a model: epoch, status, best epoch, has best, history rows.
  for (const std::size_t column : {1, 3, 4}) {
    for (const std::int64_t value : {std::int64_t{-1}, std::int64_t{77}}) {
      std::string bytes = whole;
      bytes.replace(8 + header + 8 * column, 8, reinterpret_cast<const char*>(&value), 8);
      put_bytes(folder / "bad", bytes);
      EXPECT_NE(error_message<DataError>([&] { load_checkpoint(folder / "bad"); }).find("damaged checkpoint"),
                std::string::npos);
    }
  }
}

TEST(CheckpointFile, ModelsOfDifferentSizesAreTheCallersMistake) {
  const TemporaryFolder folder;
  Checkpoint checkpoint = sample();
  checkpoint.states[1].first_moment.pop_back();
  EXPECT_THROW(save_checkpoint(folder / "c", checkpoint), UsageError);
  EXPECT_THROW(save_checkpoint(folder / "c", Checkpoint{}), UsageError);
  EXPECT_EQ(folder.count(), 0U);
}

}  // namespace
}  // namespace gmmvae
