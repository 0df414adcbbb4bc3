#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "gmmvae/sweep.hpp"
#include "host/config/settings.hpp"

namespace gmmvae {

/// What a sweep is: fixed keys, axes, how they are combined, and which combinations are left out.
class SweepPlan {
 public:
  /// `settings` are those of the verb sweep. `axes` are entries KEY and the axis as text, see axis_values; a
  /// later one for the same key replaces an earlier one. Throws UsageError, naming the nearest, for a key
  /// that does not exist, and for one that no result depends on.
  SweepPlan(Settings settings, const std::vector<ConfigEntry>& axes);

  [[nodiscard]] const SweepSpace& space() const { return space_; }
  /// Whether the constraints keep this trial.
  [[nodiscard]] bool keeps(std::uint64_t trial) const;
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

  Settings settings_;
  SweepSpace space_;
  std::vector<Constraint> constraints_;
};

/// The plan of a specification file ("" for none) with axes KEY=VALUES given beside it.
SweepPlan load_plan(Settings settings, const std::string& file, const std::vector<std::string>& axes);

/// 128 bits in hexadecimal that follow from the resolved configuration of a trial, its seed included.
std::string trial_identity(const Settings& trial);

/// Makes the folder this sweep's own. A plan that only adds values to axes, or random points, goes on in a
/// folder; any other difference is a UsageError that shows it. Throws DataError for a folder that cannot be
/// used.
void claim_sweep_folder(const std::filesystem::path& folder, const SweepPlan& plan);
/// The plan of a sweep's folder. Throws DataError where it is none.
SweepPlan stored_plan(const std::filesystem::path& folder);

}  // namespace gmmvae
