#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gmmvae {

/// The values that one configuration key takes in a sweep, as text in the order of the specification.
struct SweepAxis {
  std::string key;
  std::vector<std::string> values;
};

/// How the axes are combined.
enum class SweepMethod {
  grid,    ///< every combination, the last axis fastest
  random,  ///< `points` combinations; point i depends on (seed, i) alone
};

/// All trials of a sweep without a list of them: trial i is computed when it is asked for, so that a million
/// trials take no more memory than ten. Paired axes move together, value by value.
class SweepSpace {
 public:
  /// `pairs` name axes that move together. Throws UsageError for an axis without values or given twice, for a
  /// pair of axes that are missing or differ in length, and for more than 2^53 combinations.
  SweepSpace(std::vector<SweepAxis> axes, const std::vector<std::pair<std::string, std::string>>& pairs,
             SweepMethod method = SweepMethod::grid, std::uint64_t points = 0, std::uint64_t seed = 1);

  /// Number of trials.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::vector<SweepAxis>& axes() const { return axes_; }
  /// For each axis the index of its value in trial `index`, which is below size().
  [[nodiscard]] std::vector<std::size_t> at(std::uint64_t index) const;

  /// Trials are stored, and shared out to shards, in chunks of so many; it follows from size() alone.
  [[nodiscard]] std::uint64_t chunk_size() const;
  [[nodiscard]] std::uint64_t chunks() const;

 private:
  std::vector<SweepAxis> axes_;
  std::vector<std::size_t> group_of_;      ///< [axes] axes of one group share their index
  std::vector<std::uint64_t> group_size_;  ///< [groups]
  SweepMethod method_;
  std::uint64_t seed_;
  std::uint64_t size_ = 1;
};

/// The values between the commas of `text`, or of A..B, lin(A,B,N) or log(A,B,N). Values of a key that is
/// itself a list (`list_valued`) are separated by semicolons. Throws UsageError that starts with `label`.
std::vector<std::string> axis_values(std::string_view text, bool list_valued, std::string_view label);

/// Which part of a sweep this process is to run.
struct Shard {
  std::uint64_t index = 0;
  std::uint64_t count = 1;
  std::string source;  ///< what said so, for a person

  bool operator==(const Shard&) const = default;
};
/// "I/N" with I below N. Throws UsageError.
Shard parse_shard(std::string_view text);
/// What mpirun, Kubernetes (JOB_COMPLETION_INDEX with JOB_COMPLETIONS) or Slurm (array index times the tasks
/// of an srun step) say in these "NAME=VALUE" strings. Throws UsageError for variables that do not fit.
std::optional<Shard> launcher_shard(const char* const* environment);

}  // namespace gmmvae
