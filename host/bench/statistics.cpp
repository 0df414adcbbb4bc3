#include "host/bench/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace gmmvae::bench {
namespace {

/// Sorted samples at the fraction q of their range.
double quantile(std::span<const double> sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// The change is taken for known within so many standard errors.
constexpr double kErrors = 3.0;

/// Standard error of a median between two runs of a program, as a fraction: where its arrays and its code
/// come to lie moves kernels by so much, which no spread within a run shows.
constexpr double kBetweenRuns = 0.01;

/// A clock's reading below which the number of runs is multiplied blindly.
constexpr double kShortest = 1e-5;

}  // namespace

double Summary::error_of_median() const {
  if (count < 3) return std::abs(median);
  return 1.2533 / 1.349 * spread() / std::sqrt(static_cast<double>(count));
}

Summary summarize(std::span<const double> samples) {
  if (samples.empty()) throw std::logic_error("no samples to summarise");
  std::vector<double> sorted(samples.begin(), samples.end());
  std::sort(sorted.begin(), sorted.end());
  return {sorted.size(),         sorted.front(),         quantile(sorted, 0.25),
          quantile(sorted, 0.5), quantile(sorted, 0.75), sorted.back()};
}

std::string to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::same:
      return "same";
    case Verdict::faster:
      return "faster";
    case Verdict::slower:
      return "slower";
    case Verdict::unsure:
      break;
  }
  return "unsure";
}

Comparison compare(const Summary& first, const Summary& second, double threshold) {
  if (!(first.median > 0.0) || !(second.median > 0.0)) return {};
  const double ratio = second.median / first.median;
  Comparison result{
      Verdict::unsure, ratio - 1.0,
      ratio * std::hypot(first.error_of_median() / first.median, second.error_of_median() / second.median)};
  const double lowest = result.change - kErrors * result.error;
  const double highest = result.change + kErrors * result.error;
  if (lowest >= -threshold && highest <= threshold) {
    result.verdict = Verdict::same;
    return result;
  }
  const double moved = std::abs(result.change) - kErrors * std::hypot(result.error, kBetweenRuns * ratio);
  if (moved <= threshold) return result;
  if (result.change > 0.0 && second.lower_quartile > first.upper_quartile) {
    result.verdict = Verdict::slower;
  } else if (result.change < 0.0 && second.upper_quartile < first.lower_quartile) {
    result.verdict = Verdict::faster;
  }
  return result;
}

std::size_t runs_for(const std::function<double(std::size_t)>& run, const SamplingPlan& plan) {
  const double wanted = plan.seconds / static_cast<double>(std::max<std::size_t>(plan.samples, 1));
  std::size_t runs = 1;
  for (double seconds = run(runs); seconds < wanted; seconds = run(runs)) {
    // Aims a little past the goal, but never more than tenfold: short readings say little.
    const double factor = seconds > kShortest ? std::min(1.2 * wanted / seconds, 10.0) : 10.0;
    runs = std::max(runs + 1, static_cast<std::size_t>(static_cast<double>(runs) * factor));
  }
  return runs;
}

std::vector<double> take_samples(const std::function<double(std::size_t)>& run, std::size_t runs,
                                 const SamplingPlan& plan) {
  std::vector<double> samples;
  for (std::size_t i = 0; i < plan.samples; ++i) samples.push_back(run(runs) / static_cast<double>(runs));
  return samples;
}

}  // namespace gmmvae::bench
