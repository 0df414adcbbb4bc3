#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/sweep/identity.hpp"

namespace gmmvae {

/// `impossible`: its options contradict each other, or nothing can be trained on its points.
enum class TrialStatus { done, diverged, pruned, impossible };
inline bool failed(TrialStatus status) {
  return status == TrialStatus::diverged || status == TrialStatus::impossible;
}
/// "done", "diverged", "pruned" or "impossible", as stores and tables have it.
const char* name_of(TrialStatus status);
/// Throws DataError for any other text.
TrialStatus status_of_name(const std::string& name);

/// What is kept of one trial. Figures that do not exist are NaN and stored as NULL.
struct TrialRecord {
  TrialId id;
  TrialStatus status = TrialStatus::done;
  std::string why;  ///< of a failure, or of a trial that was given up, a sentence
  std::uint64_t epochs = 0;
  double loss = 0.0, reconstruction = 0.0, kl = 0.0, decoder_variance = 0.0;  ///< of the epoch that is kept
  double elbo = 0.0;  ///< of that epoch, nats per sample in raw units
  std::uint64_t modes_total = 0, modes_hit = 0, modes_captured = 0;
  double high_quality = 0.0;
  std::vector<double> kl_per_dimension;  ///< nats
  std::uint64_t active_units = 0;
  std::string predicted, found;  ///< verdicts
  /// Before training, as Prediction has it: collapse is stable where the first is not below the second.
  double effective_variance = 0.0, largest_eigenvalue = 0.0;
  std::vector<double> metrics;  ///< those that the plan asks for, in its order
  double seconds = 0.0;         ///< of the chunk's training, shared out by epochs
  std::string device;

  bool operator==(const TrialRecord&) const = default;
};

}  // namespace gmmvae
