// Which trials a plan has, what they are called, and which of them are given up.
#include "host/sweep/plan.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/sweep/folder.hpp"
#include "host/sweep/pruning.hpp"
#include "host/sweep/store.hpp"
#include "tests/support/temporary_folder.hpp"

namespace gmmvae {
namespace {

SweepPlan plan_of(const std::vector<std::string>& axes,
                  const std::vector<std::pair<std::string, std::string>>& flags = {}) {
  Settings settings("sweep");
  for (const auto& [name, value] : flags) settings.add_flag(name, value);
  return load_plan(std::move(settings), "", axes);
}

TEST(TrialIdentity, FollowsFromTheResolvedConfigurationAlone) {
  const SweepPlan plan = plan_of({"lr=0.1,0.01", "hidden=8;4,4", "seed=1..3"}, {{"beta", "2"}});
  std::set<TrialId> ids;
  for (const PlannedTrial& trial : plan.trials()) {
    EXPECT_EQ(trial.id, trial_identity(plan.settings_of(trial.trial)));
    EXPECT_EQ(TrialId::of_text(trial.id.text()), trial.id);
    ids.insert(trial.id);
  }
  EXPECT_EQ(ids.size(), 12u);
  // It does not matter what is an axis and what is fixed, nor how a number is written.
  const SweepPlan other = plan_of({"beta=2.0"}, {{"lr", "1e-1"}, {"hidden", "4,4"}, {"seed", "3"}});
  EXPECT_TRUE(ids.contains(other.trials()[0].id));
  EXPECT_THROW((void)TrialId::of_text("12"), DataError);
}

TEST(TrialIdentity, TakesInOptionsThatCameLaterOnlyWhereTheyHaveAnotherValue) {
  const TrialId plain = plan_of({"seed=3"}).trials()[0].id;
  EXPECT_EQ(plan_of({"seed=3"}, {{"precision", "fp32"}}).trials()[0].id, plain);
  const TrialId other = plan_of({"seed=3"}, {{"precision", "tf32x3"}}).trials()[0].id;
  EXPECT_NE(other, plain);
  const SweepPlan both = plan_of({"seed=3", "precision=fp32,tf32x3"});
  EXPECT_EQ(both.trials()[0].id, plain);
  EXPECT_EQ(both.trials()[1].id, other);
  for (const PlannedTrial& trial : both.trials())
    EXPECT_EQ(trial.id, trial_identity(both.settings_of(trial.trial)));
}

/// Stores hold these names. A new option that trials depend on must be marked came_later in the table, and no
/// default of any may change; then this stays as it was before --precision (before_precision/make.sh).
TEST(TrialIdentity, StaysWhatItWasInStoresThatExist) {
  const test::TemporaryFolder copy;  // reading a store leaves a journal beside it
  for (const char* file : {"sweep.toml", "shard-0-of-1.sqlite"})
    std::filesystem::copy(std::filesystem::path(GMMVAE_TEST_DATA "/sweep/before_precision") / file,
                          copy / file);
  const SweepPlan plan = stored_plan(copy / "");
  const SweepStore store(copy / "shard-0-of-1.sqlite", SweepStore::Mode::read);
  const std::unordered_set<TrialId> stored = store.read_ids();
  EXPECT_EQ(stored.size(), 8u);
  for (const PlannedTrial& trial : plan.trials())
    EXPECT_TRUE(stored.contains(trial.id)) << plan.describe(trial.trial);
}

TEST(TrialIdentity, OfPrunedTrialsDependsOnTheCohort) {
  const std::vector<std::pair<std::string, std::string>> prune = {{"prune", "halving"}, {"chunk", "4"}};
  const auto ids = [&](const SweepPlan& plan) {
    std::set<TrialId> found;
    for (const PlannedTrial& trial : plan.trials()) found.insert(trial.id);
    return found;
  };
  const std::set<TrialId> four = ids(plan_of({"lr=1,2,3,4"}, prune)),
                          again = ids(plan_of({"lr=4,3,2,1"}, prune));
  EXPECT_EQ(four, again);
  const std::set<TrialId> eight = ids(plan_of({"lr=1,2,3,4,5,6,7,8"}, prune));
  EXPECT_EQ(eight.size(), 8u);
  std::size_t common = 0;
  for (const TrialId& id : four) common += eight.count(id);
  EXPECT_EQ(common, 4u);  // the first chunk is the same cohort
  std::set<TrialId> three = ids(plan_of({"lr=1,2,3"}, prune));
  for (const TrialId& id : three) EXPECT_FALSE(four.contains(id));
}

TEST(SweepPlan, LeavesOutRepeatedRandomPoints) {
  const SweepPlan plan = plan_of({"lr=1,2", "beta=1,2"}, {{"method", "random"}, {"points", "50"}});
  EXPECT_EQ(plan.trials().size(), 4u);
}

History history(const std::vector<double>& elbos) {
  History made(1);
  for (const double elbo : elbos) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    made.append(std::vector<double>{1, 1, 1, 1, 1, elbo, none, 1});
  }
  return made;
}

TEST(Pruning, HappensAtPowersOfTheFactor) {
  using Epochs = std::vector<std::uint64_t>;
  EXPECT_EQ(pruning_epochs({PruningRule::halving, 3, 4}, 100), (Epochs{3, 12, 48}));
  EXPECT_EQ(pruning_epochs({PruningRule::halving, 25, 2}, 100), (Epochs{25, 50}));
  EXPECT_EQ(pruning_epochs({PruningRule::median, 100, 2}, 100), Epochs{});
  EXPECT_EQ(pruning_epochs({PruningRule::none, 1, 2}, 100), Epochs{});
}

TEST(Pruning, HalvingKeepsTheBestNow) {
  const std::vector<History> all = {history({9, 1}), history({0, 3}), history({0, 3}), history({0, 2}),
                                    history({0, 4})};
  std::vector<const History*> some;
  for (const History& one : all) some.push_back(&one);
  // A half of five, rounded up; of equal ones the first.
  EXPECT_EQ(surviving({PruningRule::halving, 1, 2}, 2, some),
            (std::vector<bool>{false, true, true, false, true}));
  EXPECT_EQ(surviving({PruningRule::halving, 1, 4}, 2, some),
            (std::vector<bool>{false, true, false, false, true}));
}

TEST(Pruning, TheMedianRuleComparesTheBestEpochWithAverages) {
  // Averages 2, 5 and 4; their median 4. The first was at 3 at its best, the third at 4.
  const std::vector<History> all = {history({1, 3}), history({4, 6}), history({4, 4})};
  std::vector<const History*> some;
  for (const History& one : all) some.push_back(&one);
  EXPECT_EQ(surviving({PruningRule::median, 1, 2}, 2, some), (std::vector<bool>{false, true, true}));
}

}  // namespace
}  // namespace gmmvae
