#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gmmvae/sweep.hpp"
#include "host/config/settings.hpp"
#include "host/sweep/identity.hpp"

namespace gmmvae {

enum class PruningRule { none, halving, median };

/// When trials of a chunk are given up, see surviving().
struct Pruning {
  PruningRule rule = PruningRule::none;
  std::uint64_t first_epoch = 1;  ///< after which trials are first compared; then each `factor` times as late
  std::uint64_t factor = 4;
};

/// A trial by its number in the space and its name in stores.
struct PlannedTrial {
  std::uint64_t trial = 0;
  TrialId id;
};

/// What a sweep is: fixed keys, axes, how they are combined, and which combinations are left out.
class SweepPlan {
 public:
  /// `settings` are those of the verb sweep. `axes` are entries KEY and the axis as text, see axis_values; a
  /// later one for the same key replaces an earlier one. Throws UsageError, naming the nearest, for a key
  /// that does not exist, and for one that no result depends on.
  SweepPlan(Settings settings, const std::vector<ConfigEntry>& axes);

  [[nodiscard]] const SweepSpace& space() const { return space_; }
  [[nodiscard]] const Pruning& pruning() const { return pruning_; }
  /// Names of the metrics that are asked for beside those that every record has.
  [[nodiscard]] const std::vector<std::string>& metrics() const { return metrics_; }

  [[nodiscard]] bool is_grid() const { return settings_.text("method") == "grid"; }
  [[nodiscard]] bool is_constrained() const { return !constraints_.empty(); }
  /// Whether the constraints keep this trial.
  [[nodiscard]] bool keeps(std::uint64_t trial) const;
  /// What a chunk trains: its trials without those that the constraints leave out and repeated ones.
  [[nodiscard]] std::vector<PlannedTrial> chunk(std::uint64_t index) const;
  /// All of them, each once, by number.
  [[nodiscard]] std::vector<PlannedTrial> trials() const;
  /// The whole configuration of a trial: it may be trained alone with it.
  [[nodiscard]] Settings settings_of(std::uint64_t trial) const;
  /// "lr=0.001 beta=4"
  [[nodiscard]] std::string describe(std::uint64_t trial) const;
  /// The specification as TOML that gives the same plan when read back.
  [[nodiscard]] std::string to_toml() const;

 private:
  /// One side of a constraint: an axis, by the number of each of its values, or one number.
  struct Operand {
    std::size_t axis = 0;
    std::vector<double> values;
    bool varies = false;
  };
  struct Constraint {
    Operand left, right;
    std::string comparison;
  };
  [[nodiscard]] Operand operand(const std::string& text, const std::string& constraint) const;
  [[nodiscard]] Constraint constraint(const std::string& text) const;
  [[nodiscard]] TrialId identity_alone(std::uint64_t trial) const;

  Settings settings_;
  SweepSpace space_;
  std::vector<std::string> metrics_;
  Pruning pruning_;
  std::vector<Constraint> constraints_;
  TrialId fixed_;                               ///< of what all trials have in common
  std::vector<std::vector<TrialId>> axis_ids_;  ///< [axes][values]
};

/// The plan of a specification file ("" for none) with axes KEY=VALUES given beside it.
SweepPlan load_plan(Settings settings, const std::string& file, const std::vector<std::string>& axes);

/// The identity of a trial that is not pruned, from its resolved configuration.
TrialId trial_identity(const Settings& trial);

}  // namespace gmmvae
