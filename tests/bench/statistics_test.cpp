// Made-up samples with known answers; nothing here looks at a clock.
#include "host/bench/statistics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "host/bench/roofline.hpp"

namespace gmmvae::bench {
namespace {

TEST(SummaryTest, QuartilesAreNumPys) {
  // numpy.percentile([7, 1, 3, 10, 4], [0, 25, 50, 75, 100]) and of the first four
  const Summary odd = summarize(std::vector<double>{7, 1, 3, 10, 4});
  EXPECT_DOUBLE_EQ(odd.least, 1);
  EXPECT_DOUBLE_EQ(odd.lower_quartile, 3);
  EXPECT_DOUBLE_EQ(odd.median, 4);
  EXPECT_DOUBLE_EQ(odd.upper_quartile, 7);
  EXPECT_DOUBLE_EQ(odd.greatest, 10);
  const Summary even = summarize(std::vector<double>{7, 1, 3, 10});
  EXPECT_DOUBLE_EQ(even.lower_quartile, 2.5);
  EXPECT_DOUBLE_EQ(even.median, 5);
  EXPECT_DOUBLE_EQ(even.upper_quartile, 7.75);
  EXPECT_DOUBLE_EQ(even.spread(), 5.25);
  EXPECT_THROW((void)summarize({}), std::logic_error);
}

TEST(SummaryTest, TheMediansErrorFollowsFromTheSpread) {
  const Summary summary{100, 0.0, 9.0, 10.0, 11.0, 20.0};
  EXPECT_NEAR(summary.error_of_median(), 1.2533 / 1.349 * 2.0 / 10.0, 1e-12);
  const Summary few{2, 9.0, 9.0, 10.0, 11.0, 11.0};
  EXPECT_DOUBLE_EQ(few.error_of_median(), 10.0);
}

/// 25 samples whose quartiles are `half` to either side of the median.
Summary around(double median, double half) {
  return {25, median - 2 * half, median - half, median, median + half, median + 2 * half};
}

TEST(CompareTest, KnownAnswers) {
  const double threshold = 0.05;
  const Summary before = around(100.0, 1.0);  // error of the median 0.37
  EXPECT_EQ(compare(before, around(100.0, 1.0), threshold).verdict, Verdict::same);
  EXPECT_EQ(compare(before, around(102.0, 1.0), threshold).verdict, Verdict::same);
  EXPECT_EQ(compare(before, around(110.0, 1.0), threshold).verdict, Verdict::slower);
  EXPECT_EQ(compare(before, around(90.0, 1.0), threshold).verdict, Verdict::faster);
  // two runs of a program differ by about 1 % anyway: 7.5 % are not yet 5 % for sure, 9 % are
  EXPECT_EQ(compare(around(100.0, 0.1), around(107.5, 0.1), threshold).verdict, Verdict::unsure);
  EXPECT_EQ(compare(around(100.0, 0.1), around(109.0, 0.1), threshold).verdict, Verdict::slower);
  // on the threshold itself nobody knows
  EXPECT_EQ(compare(before, around(105.0, 1.0), threshold).verdict, Verdict::unsure);
  // the medians agree, but the second may lie anywhere
  EXPECT_EQ(compare(before, around(100.0, 30.0), threshold).verdict, Verdict::unsure);
  // far apart, but the quartiles overlap
  EXPECT_EQ(compare(around(100.0, 30.0), around(140.0, 30.0), threshold).verdict, Verdict::unsure);
  // two samples say nothing
  EXPECT_EQ(compare({2, 100, 100, 100, 100, 100}, {2, 200, 200, 200, 200, 200}, threshold).verdict,
            Verdict::unsure);
  EXPECT_EQ(compare(around(0.0, 0.0), before, threshold).verdict, Verdict::unsure);
}

TEST(CompareTest, ChangeAndItsError) {
  const Comparison result = compare(around(100.0, 1.0), around(110.0, 2.2), 0.05);
  EXPECT_NEAR(result.change, 0.10, 1e-12);
  const double relative = 1.2533 / 1.349 / 5.0;  // times the spread over the median: 0.02 and 0.04
  EXPECT_NEAR(result.error, 1.1 * relative * std::hypot(0.02, 0.04), 1e-12);
}

TEST(SamplingTest, ASampleLastsItsPartOfThePlan) {
  std::vector<std::size_t> calls;
  const auto run = [&](std::size_t runs) {
    calls.push_back(runs);
    return 2e-6 * static_cast<double>(runs);
  };
  const SamplingPlan plan{10, 0.1};  // 10 ms a sample: 5000 runs
  const std::size_t runs = runs_for(run, plan);
  EXPECT_GE(runs, 5000U);
  EXPECT_LE(runs, 6001U);
  for (std::size_t i = 1; i < calls.size(); ++i) EXPECT_LE(calls[i], 10 * calls[i - 1]);
  calls.clear();
  const std::vector<double> samples = take_samples(run, runs, plan);
  EXPECT_EQ(calls, std::vector<std::size_t>(10, runs));
  for (const double sample : samples) EXPECT_DOUBLE_EQ(sample, 2e-6);
  // a run longer than the whole plan is run once a sample
  EXPECT_EQ(runs_for([](std::size_t n) { return 3.0 * static_cast<double>(n); }, plan), 1U);
}

TEST(RooflineTest, FractionsOfThePeaksAndWhatBinds) {
  const DevicePeaks peaks{200e9, 80e9, 100e9, 50e9, "L2"};
  const Roofline compute = roofline(90e9, 10e9, 1.0, peaks);
  EXPECT_DOUBLE_EQ(compute.of_compute, 0.9);  // of the measured peak, not the attribute's
  EXPECT_DOUBLE_EQ(compute.of_memory, 0.2);
  EXPECT_EQ(compute.bound_by, "compute");
  EXPECT_EQ(roofline(10e9, 40e9, 1.0, peaks).bound_by, "memory");
  EXPECT_EQ(roofline(10e9, 10e9, 1.0, peaks).bound_by, "latency");
  EXPECT_DOUBLE_EQ(roofline(90e9, 0.0, 0.5, peaks, 2.0).of_compute, 0.9);
  EXPECT_DOUBLE_EQ(roofline(90e9, 0.0, 1.0, {200e9, 0, 0, 0, ""}).of_compute, 0.45);
  EXPECT_EQ(roofline(90e9, 1e9, 1.0, {}).bound_by, "");
  EXPECT_EQ(roofline(90e9, 1e9, 0.0, peaks).bound_by, "");
}

}  // namespace
}  // namespace gmmvae::bench
