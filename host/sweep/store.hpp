#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "gmmvae/training.hpp"

struct sqlite3;

namespace gmmvae {

enum class TrialStatus { done, diverged };
/// "done" or "diverged", as stores and tables have it.
const char* name_of(TrialStatus status);

/// What is kept of one trial. Figures that do not exist are NaN and stored as NULL.
struct TrialRecord {
  std::string id;  ///< trial_identity
  TrialStatus status = TrialStatus::done;
  std::string why;  ///< of a failure, a sentence
  std::uint64_t epochs = 0;
  double loss = 0.0, reconstruction = 0.0, kl = 0.0, decoder_variance = 0.0;  ///< of the epoch that is kept
  double elbo = 0.0;  ///< of that epoch, nats per sample in raw units
  std::uint64_t modes_total = 0, modes_hit = 0, modes_captured = 0;
  double high_quality = 0.0;
  std::vector<double> kl_per_dimension;  ///< nats
  std::uint64_t active_units = 0;
  std::string predicted, found;  ///< verdicts
  double seconds = 0.0;          ///< of the chunk's training, shared out by epochs
  std::string device;

  bool operator==(const TrialRecord&) const = default;
};

/// A trial that was stopped on its way, with all that it needs to go on.
struct PausedTrial {
  TrainingState state;
  double seconds = 0.0;  ///< as in TrialRecord, so far
};
using PausedTrials = std::unordered_map<std::string, PausedTrial>;  ///< by trial_identity

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
  [[nodiscard]] std::unordered_map<std::string, TrialRecord> read() const;
  /// Throws DataError for states that are damaged.
  [[nodiscard]] PausedTrials read_paused() const;
  /// Forgets the trials that failed; how many those were.
  std::uint64_t forget_failed();

 private:
  [[noreturn]] void fail(int code) const;
  void execute(const char* sql) const;
  void check_version(Mode mode) const;
  void close();

  std::string name_;
  sqlite3* connection_ = nullptr;
};

/// The store of a shard inside a sweep's folder, and those that are there, sorted by name.
std::filesystem::path store_path(const std::filesystem::path& folder, std::uint64_t shard,
                                 std::uint64_t shards);
std::vector<std::filesystem::path> store_paths(const std::filesystem::path& folder);

}  // namespace gmmvae
