#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gmmvae/sweep.hpp"
#include "host/config/settings.hpp"

namespace gmmvae::bench {

/// Every combination of the values of some keys, each the whole settings of one piece of work. Keys are those
/// of the verbs `verbs`, written as in a sweep: KEY=V,V or KEY=A..B and the like; values of keys that are
/// lists themselves are separated by semicolons.
class Combinations {
 public:
  /// Reads the options of the verb bench in `settings` that name keys of `verbs`, and its arguments from the
  /// second on, KEY=VALUES each. Throws UsageError, naming the nearest, for a key that none of the verbs has.
  Combinations(const Settings& settings, std::vector<std::string> verbs);

  [[nodiscard]] std::size_t size() const { return static_cast<std::size_t>(space_.size()); }
  /// The settings of `verb` (one of `verbs`) in combination `index`.
  [[nodiscard]] Settings settings(std::size_t index, std::string_view verb) const;
  /// "hidden=64,64 batch=96": the keys `always`, and every other one that was given.
  [[nodiscard]] std::string describe(std::size_t index, const std::vector<std::string>& always) const;

 private:
  void add(std::string_view key, std::string_view text, const std::string& label);

  std::vector<std::string> verbs_;
  std::vector<SweepAxis> axes_;
  std::string seed_;
  SweepSpace space_;
};

}  // namespace gmmvae::bench
