#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
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
  sobol,   ///< the same, but point i is a Sobol point, shifted as the seed says: they fill the space evenly
};

/// All trials of a sweep without a list of them: trial i is computed when it is asked for, so that a million
/// trials take no more memory than ten. Paired axes move together, value by value.
class SweepSpace {
 public:
  /// How much the trials of one value of an axis have in common.
  enum class Kinship {
    shape,  ///< the same amount of work of the same form
    data,   ///< the same points
    none
  };
  struct Options {
    SweepMethod method = SweepMethod::grid;
    std::uint64_t points = 0;  ///< trials; not of a grid
    std::uint64_t seed = 1;    ///< of the points; not of a grid
    std::uint64_t chunk = 0;   ///< most trials of a chunk; 0: as the number of trials says
    /// Chunks of a grid hold kin, so far as that goes. The same for all axes where it is empty.
    std::function<Kinship(const std::string& key)> kinship = {};
  };
  /// `pairs` name axes that move together. Throws UsageError for an axis without values or given twice, for a
  /// pair of axes that are missing or differ in length, for more than 2^53 combinations, and for more axes
  /// than Sobol points have.
  SweepSpace(std::vector<SweepAxis> axes, const std::vector<std::pair<std::string, std::string>>& pairs,
             Options options);
  SweepSpace(std::vector<SweepAxis> axes, const std::vector<std::pair<std::string, std::string>>& pairs)
      : SweepSpace(std::move(axes), pairs, Options{}) {}

  /// Number of trials.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] const std::vector<SweepAxis>& axes() const { return axes_; }
  /// For each axis the index of its value in trial `index`, which is below size().
  [[nodiscard]] std::vector<std::size_t> at(std::uint64_t index) const;

  /// Trials are trained, stored, and shared out to shards, in chunks. What a chunk holds follows from the
  /// space alone.
  [[nodiscard]] std::uint64_t chunks() const { return chunks_; }
  /// The trials of a chunk, in the order in which they are trained.
  [[nodiscard]] std::vector<std::uint64_t> chunk(std::uint64_t index) const;
  [[nodiscard]] std::uint64_t chunk_of(std::uint64_t trial) const;
  [[nodiscard]] std::uint64_t largest_chunk() const { return chunk_size_; }

 private:
  void make_groups(const std::vector<std::pair<std::string, std::string>>& pairs);
  void make_chunks();
  [[nodiscard]] std::uint64_t first_place(std::uint64_t chunk) const;
  [[nodiscard]] std::uint64_t trial_at(std::uint64_t place) const;
  [[nodiscard]] std::uint64_t place_of(std::uint64_t trial) const;
  [[nodiscard]] bool is_grid() const { return options_.method == SweepMethod::grid; }

  std::vector<SweepAxis> axes_;
  std::vector<std::size_t> group_of_;      ///< [axes] axes of one group share their index
  std::vector<std::uint64_t> group_size_;  ///< [groups]
  std::vector<std::size_t> schedule_;      ///< groups, the one that changes slowest along the places first
  Options options_;
  std::uint64_t size_ = 1;
  std::uint64_t block_ = 1;  ///< places in a row that are of one shape
  std::uint64_t chunk_size_ = 1, chunks_ = 1;
};

/// Coordinate `dimension` of point `index` of Sobol's sequence with Joe and Kuo's direction numbers (2008,
/// new-joe-kuo-6), as 32 bits of a fraction. Any 2^k points in a row from a multiple of 2^k on hold each
/// interval [i 2^-k, (i + 1) 2^-k) of a coordinate once. Throws UsageError from kSobolDimensions on.
std::uint32_t sobol(std::uint64_t index, std::size_t dimension);
inline constexpr std::size_t kSobolDimensions = 21;

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
