#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host/sweep/record.hpp"

namespace gmmvae {

/// What a shard at work says of itself: nobody else can read its store meanwhile.
struct ShardProgress {
  std::uint64_t done = 0, failed = 0, pruned = 0;  ///< stored, by earlier runs too
  std::map<std::string, std::uint64_t> reasons;    ///< of those that failed
  std::uint64_t run = 0;                           ///< stored by this run, in so many seconds
  double seconds = 0.0;

  void count(const TrialRecord& record);
  [[nodiscard]] double trials_per_second() const;
};

/// Why a trial failed, without what differs from trial to trial.
std::string failure_reason(const TrialRecord& record);

/// Beside the shard's store.
void write_progress(const std::filesystem::path& store, const ShardProgress& progress);
/// Nothing where there is none, or none that can be read.
std::optional<ShardProgress> read_progress(const std::filesystem::path& store);

}  // namespace gmmvae
