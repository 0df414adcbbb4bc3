#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "gmmvae/training.hpp"
#include "host/sweep/record.hpp"

struct sqlite3;

namespace gmmvae {

/// A trial that was stopped on its way, with all that it needs to go on.
struct PausedTrial {
  TrainingState state;
  double seconds = 0.0;  ///< as in TrialRecord, so far
};
using PausedTrials = std::unordered_map<TrialId, PausedTrial>;

/// The results of one shard: an SQLite file that one process at a time may hold. Written one transaction a
/// chunk, so that a process killed at any moment leaves whole chunks behind.
class SweepStore {
 public:
  enum class Mode { create, read };
  /// Throws DataError for a file that is no store, damaged, from a newer version or not writable, and
  /// UsageError where another process holds it.
  SweepStore(const std::filesystem::path& file, Mode mode);
  SweepStore(const SweepStore&) = delete;
  SweepStore& operator=(const SweepStore&) = delete;
  ~SweepStore();

  /// All or nothing; a trial that is there already is replaced, and one that has a record is no longer
  /// paused.
  void save(const std::vector<TrialRecord>& records, const PausedTrials& paused = {});
  [[nodiscard]] std::unordered_map<TrialId, TrialRecord> read() const;
  /// Throws DataError for states that are damaged.
  [[nodiscard]] PausedTrials read_paused() const;
  [[nodiscard]] std::unordered_set<TrialId> read_ids() const;
  /// Forgets the trials that failed; how many those were.
  std::uint64_t forget_failed();

 private:
  void open(Mode mode, std::chrono::milliseconds patience);
  [[noreturn]] void fail(int code) const;
  void execute(const char* sql) const;
  void check_version(Mode mode) const;
  template <class Take>
  void each_row(const char* sql, const Take& take) const;
  void close();

  std::string name_;
  sqlite3* connection_ = nullptr;
};

/// The store of a shard inside a sweep's folder, and those that are there, sorted by name.
std::filesystem::path store_path(const std::filesystem::path& folder, std::uint64_t shard,
                                 std::uint64_t shards);
std::vector<std::filesystem::path> store_paths(const std::filesystem::path& folder);
/// Names of stores that should be there beside others of as many shards.
std::vector<std::string> missing_shards(const std::filesystem::path& folder);

}  // namespace gmmvae
