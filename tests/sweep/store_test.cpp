// The store of a shard: whole transactions, one process, and files that are not right.
#include "host/sweep/store.hpp"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "gmmvae/error.hpp"
#include "host/sweep/state_bytes.hpp"
#include "tests/support/error_message.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

using Mode = SweepStore::Mode;

TrialId id(const std::string& name) {
  TrialId made;
  made.add(name);
  return made;
}

TrialRecord record(const std::string& name, TrialStatus status = TrialStatus::done) {
  TrialRecord made;
  made.id = id(name);
  made.status = status;
  made.why = status == TrialStatus::done ? "" : "it exploded";
  made.epochs = 12;
  made.loss = 0.1 + 0.2;
  made.elbo = -1e-300;
  made.modes_captured = 3;
  made.kl_per_dimension = {1.0 / 3.0, 0.0};
  made.metrics = {2.0 / 3.0, -1e300};
  made.predicted = "healthy";
  made.device = "cpu";
  return made;
}

std::string refusal(const std::string& file) {
  return test::error_message<DataError>([&] { SweepStore(file, Mode::create); });
}

TEST(SweepStore, GivesBackWhatWasSaved) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "s.sqlite";
  SweepStore(file, Mode::create).save({record("a"), record("b", TrialStatus::diverged)});
  SweepStore(file, Mode::create).save({record("c")});
  const auto all = SweepStore(file, Mode::read).read();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_TRUE(SweepStore(file, Mode::read).read_ids().contains(id("c")));
  EXPECT_EQ(all.at(id("a")), record("a"));
  EXPECT_EQ(all.at(id("b")), record("b", TrialStatus::diverged));
}

TEST(SweepStore, KeepsMissingFiguresMissing) {
  const test::TemporaryFolder folder;
  TrialRecord missing = record("a");
  missing.loss = std::numeric_limits<double>::quiet_NaN();
  SweepStore store(folder / "s.sqlite", Mode::create);
  store.save({missing});
  EXPECT_TRUE(std::isnan(store.read().at(id("a")).loss));
}

TEST(SweepStore, KeepsPausedTrialsUntilTheyHaveARecord) {
  const test::TemporaryFolder folder;
  SweepStore store(folder / "s.sqlite", Mode::create);
  PausedTrial paused;
  paused.seconds = 0.25;
  paused.state.parameters = {1.0F, 0.1F};
  paused.state.first_moment = {2.0F, -0.0F};
  paused.state.second_moment = {3.0F, 1e-42F};
  paused.state.epoch = 7;
  paused.state.history = History(1);
  paused.state.history.append(std::vector<double>(8, 0.1));
  paused.state.best_epoch = 3;
  paused.state.best_parameters = {5.0F};
  store.save({}, {{id("a"), paused}, {id("b"), paused}});
  store.save({record("b")});
  const PausedTrials back = store.read_paused();
  ASSERT_EQ(back.size(), 1u);
  const TrainingState& state = back.at(id("a")).state;
  EXPECT_EQ(back.at(id("a")).seconds, 0.25);
  EXPECT_EQ(state.epoch, 7u);
  EXPECT_EQ(state.status, TrainingStatus::running);
  EXPECT_EQ(state.best_epoch, 3u);
  EXPECT_EQ(state.history.values(), paused.state.history.values());
  EXPECT_EQ(state.parameters, paused.state.parameters);
  EXPECT_EQ(state.first_moment, paused.state.first_moment);
  EXPECT_EQ(state.second_moment, paused.state.second_moment);
  EXPECT_EQ(state.best_parameters, paused.state.best_parameters);
  EXPECT_EQ(state_bytes(state), state_bytes(paused.state));
  EXPECT_THROW((void)state_of_bytes(state_bytes(state).substr(1)), DataError);
  EXPECT_THROW((void)state_of_bytes(state_bytes(state) + "x"), DataError);
}

TEST(SweepStore, ForgetsFailuresAlone) {
  const test::TemporaryFolder folder;
  SweepStore store(folder / "s.sqlite", Mode::create);
  store.save({record("a"), record("b", TrialStatus::diverged)});
  EXPECT_EQ(store.forget_failed(), 1u);
  EXPECT_EQ(store.read().size(), 1u);
}

TEST(SweepStore, IsHeldByOneAtATime) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "s.sqlite";
  SweepStore first(file, Mode::create);
  first.save({record("a")});
  EXPECT_NE(test::error_message<UsageError>([&] { SweepStore(file, Mode::create); }).find("another process"),
            std::string::npos);
}

/// A store that goes on where another process left off is its own before it saves anything: who reads it
/// meanwhile is turned away, and does not block the save.
TEST(SweepStore, IsHeldBeforeAnythingIsSaved) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "s.sqlite";
  SweepStore(file, Mode::create).save({record("a")});
  SweepStore again(file, Mode::create);
  EXPECT_NE(test::error_message<UsageError>([&] { SweepStore(file, Mode::read); }).find("another process"),
            std::string::npos);
  again.save({record("b")});
}

/// Of processes that begin together on a store one gets it, never none.
TEST(SweepStore, OneOfManyThatBeginTogetherGetsIt) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "s.sqlite";
  SweepStore(file, Mode::create).save({record("a")});
  int go[2], finished[2];
  ASSERT_EQ(::pipe(go) + ::pipe(finished), 0);
  constexpr int kProcesses = 6;
  for (int p = 0; p < kProcesses; ++p) {
    if (::fork() != 0) continue;
    char ignored = 0;
    ::close(go[1]);
    (void)!::read(go[0], &ignored, 1);  // all begin when the parent closes its end
    ::close(finished[1]);
    try {
      const SweepStore mine(file, Mode::create);
      (void)!::read(finished[0], &ignored, 1);  // held until the others have given up
      ::_exit(0);
    } catch (const UsageError&) {
      ::_exit(1);
    }
  }
  ::close(go[1]);
  int winners = 0;
  for (int p = 0; p < kProcesses; ++p) {
    if (p == kProcesses - 1) ::close(finished[1]);
    int status = 0;
    ASSERT_GT(::wait(&status), 0);
    winners += WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 1 : 0;
  }
  EXPECT_EQ(winners, 1);
  ::close(go[0]);
  ::close(finished[0]);
}

TEST(SweepStore, RefusesDamagedForeignAndNewerFiles) {
  const test::TemporaryFolder folder;
  std::ofstream(folder / "text.sqlite") << std::string(4096, 'x');
  EXPECT_NE(refusal(folder / "text.sqlite").find("damaged"), std::string::npos);
  EXPECT_NE(refusal(folder / "none/s.sqlite").find("none/s.sqlite"), std::string::npos);
  for (const char* sql : {"CREATE TABLE other(a INTEGER)",
                          "CREATE TABLE version(format INTEGER); INSERT INTO version VALUES(99)"}) {
    const std::string file = folder / (sql[13] == 'o' ? "foreign.sqlite" : "newer.sqlite");
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &connection), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(connection, sql, nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(connection);
  }
  EXPECT_NE(refusal(folder / "foreign.sqlite").find("no store of a sweep"), std::string::npos);
  EXPECT_NE(refusal(folder / "newer.sqlite").find("has format 99"), std::string::npos);
}

}  // namespace
}  // namespace gmmvae
