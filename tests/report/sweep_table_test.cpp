// Statistics of sweeps against sums written out by hand, and pages of sweeps of every size.
#include "host/report/sweep_table.hpp"

#include <gmock/gmock.h>

#include <cmath>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/report/sweep_report.hpp"

namespace gmmvae {
namespace {

using testing::HasSubstr;
using testing::Not;

SweepPlan plan_of(const std::vector<std::pair<std::string, std::string>>& axes,
                  const Settings& settings = Settings("sweep")) {
  std::vector<ConfigEntry> entries;
  for (const auto& [key, values] : axes) entries.push_back({"", key, values, "test"});
  return {settings, entries};
}

/// A record whose figures follow from the trial's number, through `change`.
template <class Change>
SweepResults results_of(const SweepPlan& plan, const Change& change) {
  SweepResults results;
  for (std::uint64_t trial = 0; trial < plan.space().size(); ++trial) {
    TrialRecord r;
    r.id = trial_identity(plan.settings_of(trial));
    r.modes_total = 10;
    r.modes_captured = 5;
    r.high_quality = 0.5;
    r.found = "healthy";
    r.predicted = "healthy";
    change(trial, r);
    results.records[r.id] = r;
  }
  return results;
}

TEST(SweepTableTest, SharesOfVarianceAreThoseOfTheSumsOfSquares) {
  // Two axes of 3 and 4 values, y = 2 a + b^2: without interaction the two shares, each less its chance part
  // (which is 0 here but for what the other axis leaves within), follow from the sums written out.
  std::vector<double> y;
  std::vector<std::uint32_t> a, b;
  for (std::uint32_t i = 0; i < 3; ++i)
    for (std::uint32_t j = 0; j < 4; ++j) {
      a.push_back(i);
      b.push_back(j);
      y.push_back(2.0 * i + j * j);
    }
  // Means over a: 0, 2, 4 around 2, four cells each: 4 * (4 + 0 + 4) = 32. Values of b^2: 0, 1, 4, 9 around
  // 3.5, three cells each: 3 * (12.25 + 6.25 + 0.25 + 30.25) = 147. The whole is their sum, 179.
  const double a_chance = 2.0 * 147.0 / 9.0, b_chance = 3.0 * 32.0 / 8.0;
  EXPECT_NEAR(explained_share(y, a, 3), std::max(0.0, (32.0 - a_chance) / 179.0), 1e-12);
  EXPECT_NEAR(explained_share(y, b, 4), (147.0 - b_chance) / 179.0, 1e-12);
  EXPECT_EQ(explained_share(std::vector<double>(12, 7.0), a, 3), 0.0);
  EXPECT_EQ(explained_share({}, {}, 3), 0.0);
  EXPECT_EQ(explained_share({1.0, NAN}, {0, 1}, 2), 0.0);
}

TEST(SweepTableTest, ChanceAloneExplainsNothing) {
  // 4000 values that have nothing to do with their 50 groups: without the correction the share would be
  // (50 - 1) / (4000 - 1) = 1.2 % on average, with a spread of sqrt(2 * 49) / 4000 = 0.25 %.
  std::vector<double> y;
  std::vector<std::uint32_t> group;
  std::uint64_t state = 1;
  for (int i = 0; i < 4000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    y.push_back(static_cast<double>(state >> 33) / 2147483648.0);
    group.push_back(static_cast<std::uint32_t>(i % 50));
  }
  EXPECT_LT(explained_share(y, group, 50), 0.0125);
}

TEST(SweepTableTest, QuartilesAndCells) {
  const std::vector<double> y = {4, 1, 3, 2, 10, NAN};
  const std::vector<Spread> spread = spreads(y, {0, 0, 0, 0, 1, 1}, 3);
  EXPECT_EQ(spread[0].count, 4u);
  EXPECT_DOUBLE_EQ(spread[0].mean, 2.5);
  EXPECT_DOUBLE_EQ(spread[0].quartile, 1.75);  // numpy.quantile([1, 2, 3, 4], [0.25, 0.5, 0.75])
  EXPECT_DOUBLE_EQ(spread[0].median, 2.5);
  EXPECT_DOUBLE_EQ(spread[0].upper_quartile, 3.25);
  EXPECT_EQ(spread[1].count, 1u);
  EXPECT_EQ(spread[2].count, 0u);
  const Matrix<double> cells = cell_means(y, {0, 0, 1, 1, 1, 0}, 2, {0, 0, 0, 1, 1, 1}, 2);
  EXPECT_DOUBLE_EQ(cells(0, 0), 2.5);
  EXPECT_DOUBLE_EQ(cells(1, 0), 3.0);
  EXPECT_DOUBLE_EQ(cells(1, 1), 6.0);
  EXPECT_TRUE(std::isnan(cells(0, 1)));
}

TEST(SweepTableTest, RanksByTheMetricThenByQuality) {
  const SweepPlan plan = plan_of({{"beta", "1,2,4,8"}});
  const SweepResults results = results_of(plan, [](std::uint64_t trial, TrialRecord& r) {
    const std::uint64_t modes[] = {3, 9, 9, 0};
    const double quality[] = {0.9, 0.2, 0.4, 1.0};
    r.modes_captured = modes[trial];
    r.high_quality = quality[trial];
    if (trial == 3) r.status = TrialStatus::diverged, r.why = "too <steep>";
  });
  const SweepTable table = sweep_table(plan, results);
  EXPECT_EQ(table.counts.done, 3u);
  EXPECT_EQ(table.counts.failed, 1u);
  EXPECT_THAT(ranked(table, 0), testing::ElementsAre(2, 1, 0));
  const std::string page = sweep_report(plan, results, "modes").html();
  EXPECT_THAT(page, HasSubstr("too &lt;steep&gt;"));
  EXPECT_THAT(page, HasSubstr("What failed"));
  EXPECT_THAT(page, HasSubstr("--beta 4 "));  // the best trial's command
}

TEST(SweepReportTest, ASweepWithoutTrialsHasAPage) {
  const SweepPlan plan = plan_of({{"beta", "1,2"}});
  const std::string page = sweep_report(plan, {}, "modes").html();
  EXPECT_THAT(page, HasSubstr("No trial of this sweep has come to its end yet"));
  EXPECT_THAT(page, HasSubstr("2 missing"));
}

TEST(SweepReportTest, OneTrial) {
  const SweepPlan plan = plan_of({{"beta", "1"}});
  const SweepResults results = results_of(plan, [](std::uint64_t, TrialRecord&) {});
  const std::string page = sweep_report(plan, results, "elbo").html();
  EXPECT_THAT(page, HasSubstr("Of 1 finished trial"));
  EXPECT_THAT(page, HasSubstr("The best"));
  EXPECT_THAT(page, Not(HasSubstr("The worst<")));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
}

TEST(SweepReportTest, FindsTheAxisThatMatters) {
  // Modes depend on beta alone; lr and seed are along for the ride. 20 * 10 * 25 = 5000 trials.
  const SweepPlan plan =
      plan_of({{"lr", "log(1e-4,1e-2,20)"}, {"beta", "log(0.1,10,10)"}, {"seed", "1..25"}});
  const SweepResults results = results_of(
      plan, [&](std::uint64_t trial, TrialRecord& r) { r.modes_captured = 10 - plan.space().at(trial)[1]; });
  const Page report = sweep_report(plan, results, "modes");
  const std::string page = report.html();
  EXPECT_THAT(page, HasSubstr("beta explains 100 %"));
  EXPECT_THAT(page, HasSubstr("2000 of 5000 finished trials"));
  EXPECT_LT(page.size(), std::size_t{5} << 20);
  for (const char* id :
       {"extremes", "importance", "marginals", "heat", "parallel-coordinates", "trials", "settings"})
    EXPECT_THAT(page, HasSubstr(std::string("<section id=\"") + id + "\""));
  EXPECT_GE(report.pictures().size(), 8u);
}

/// A picture of the report by its name.
std::string picture(const Page& report, const std::string& name) {
  for (const Picture& of : report.pictures())
    if (of.name == name) return of.svg;
  return "";
}

TEST(SweepReportTest, OnlyValuesWithAnOrderAreConnected) {
  const SweepPlan plan = plan_of({{"lr", "0.001,0.01"}, {"seed", "1..3"}, {"activation", "relu,tanh"}});
  const SweepResults results = results_of(plan, [](std::uint64_t trial, TrialRecord& r) {
    r.modes_captured = trial % 7;
    if (trial == 11) r.status = TrialStatus::diverged;
  });
  const Page report = sweep_report(plan, results, "modes");
  for (const std::string key : {"lr", "seed", "activation"}) {
    const std::string svg = picture(report, "marginal-" + key);
    ASSERT_NE(svg, "") << key;
    const bool connected = svg.find("<path class=\"band") != std::string::npos;
    EXPECT_EQ(connected, key == "lr") << key;
  }
  EXPECT_THAT(report.html(), HasSubstr("By lr: 5 to 6 trials each"));
  EXPECT_THAT(report.html(), HasSubstr("By seed: 3 to 4 trials each"));
}

TEST(SweepReportTest, ExtraMetricsAreFiguresLikeAllOthers) {
  Settings settings("sweep");
  settings.add_set("metrics=mmd2,recall");
  const SweepPlan plan = plan_of({{"beta", "1,2,4"}}, settings);
  const SweepResults results = results_of(plan, [](std::uint64_t trial, TrialRecord& r) {
    r.metrics = {0.5 - 0.1 * trial, trial == 0 ? NAN : 0.25};
  });
  const SweepTable table = sweep_table(plan, results);
  ASSERT_EQ(table.metrics.size(), kCommonMetrics + 2);
  EXPECT_EQ(table.metrics[kCommonMetrics].key, "mmd2");
  EXPECT_TRUE(table.metrics[kCommonMetrics + 1].share);
  EXPECT_THAT(ranked(table, kCommonMetrics), testing::ElementsAre(2, 1, 0));  // less is better
  EXPECT_EQ(ranked(table, kCommonMetrics + 1).size(), 2u);  // a trial without it has no rank
  for (const SweepMetric& metric : table.metrics)
    EXPECT_THAT(sweep_report(plan, results, metric.key).html(), HasSubstr("The best")) << metric.key;
  EXPECT_THROW(sweep_report(plan, results, "recal"), UsageError);
}

}  // namespace
}  // namespace gmmvae
