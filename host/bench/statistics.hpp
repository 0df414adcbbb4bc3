#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace gmmvae::bench {

/// Order statistics of some samples; quartiles by linear interpolation, as NumPy's default has them.
struct Summary {
  std::size_t count = 0;
  double least = 0.0, lower_quartile = 0.0, median = 0.0, upper_quartile = 0.0, greatest = 0.0;

  [[nodiscard]] double spread() const { return upper_quartile - lower_quartile; }
  /// Standard error of the median, from the spread: 1.2533 sigma / sqrt(n) with sigma = spread / 1.349, as
  /// for samples of a normal distribution (Kenney & Keeping 1962). With fewer than 3 samples it is not known
  /// and taken for the median itself.
  [[nodiscard]] double error_of_median() const;
};

/// Throws std::logic_error for no samples.
Summary summarize(std::span<const double> samples);

enum class Verdict { same, faster, slower, unsure };
std::string to_string(Verdict verdict);

/// What a second measurement says against a first one.
struct Comparison {
  Verdict verdict = Verdict::unsure;
  double change = 0.0;  ///< of the median, as a fraction of the first: 0.1 is a tenth more time
  double error = 0.0;   ///< standard error of the change
};

/// `threshold` is the change that does not matter, as a fraction. The change is known to within three
/// standard errors: where that interval lies within the threshold the two are the same; where it lies beyond
/// and the quartiles are apart too, one is slower or faster; all else is unsure.
Comparison compare(const Summary& first, const Summary& second, double threshold);

/// How often and how long to look.
struct SamplingPlan {
  std::size_t samples = 15;
  double seconds = 0.15;  ///< of all samples together, about
};

/// How many runs a sample has so that it lasts its part of the plan: `run(n)` gives the seconds of n runs
/// back to back. Warms up on the way.
std::size_t runs_for(const std::function<double(std::size_t)>& run, const SamplingPlan& plan);

/// Seconds of one run, `plan.samples` times.
std::vector<double> take_samples(const std::function<double(std::size_t)>& run, std::size_t runs,
                                 const SamplingPlan& plan);

}  // namespace gmmvae::bench
