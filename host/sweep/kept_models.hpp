#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "gmmvae/vae.hpp"
#include "host/sweep/plan.hpp"
#include "host/sweep/record.hpp"

namespace gmmvae {

/// Which trials' models a shard keeps.
struct KeepRule {
  static constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t most = 0;       ///< so many of the shard's best; kAll: all that did not diverge
  std::string figure = "elbo";  ///< by which they are ranked
};

/// The models that one shard keeps, one file each in FOLDER/models, named by the trial.
class KeptModels {
 public:
  /// `stored` are the shard's records so far. Throws UsageError for a figure that no record has.
  KeptModels(const std::filesystem::path& folder, const SweepPlan& plan, KeepRule rule,
             const std::unordered_map<TrialId, TrialRecord>& stored);

  /// Writes those of the new records that are worth keeping, `model` gives them.
  void write(const std::vector<TrialRecord>& records, const std::function<Vae(const TrialId&)>& model);
  /// Removes what is no longer among the best, once the records are stored.
  void trim();
  [[nodiscard]] bool keeps_any() const { return rule_.most > 0; }

 private:
  struct Ranked {
    double value;
    TrialId id;
  };
  void rank(const TrialRecord& record);
  [[nodiscard]] std::filesystem::path file(const TrialId& id) const;

  std::filesystem::path folder_;
  KeepRule rule_;
  std::size_t figure_ = 0;
  double sign_ = 1.0;
  std::vector<Ranked> best_;  ///< the best first
  std::vector<TrialId> dropped_;
};

}  // namespace gmmvae
