#pragma once

#include <cstdint>
#include <string>

#include "host/sweep/plan.hpp"
#include "host/sweep/results.hpp"

namespace gmmvae {

/// A sweep as the journal of an Optuna study (JournalFileBackend; one JSON object a line), with the ELBO to
/// be maximised. Axes become parameters, the other figures user attributes; trials that diverged are FAIL.
struct OptunaJournal {
  std::string study;
  std::string text;
  std::uint64_t trials = 0;
};

/// The stored trials of the plan in the plan's order. Times are all 1970-01-01, so that equal sweeps give
/// equal bytes.
OptunaJournal optuna_journal(const SweepPlan& plan, const SweepResults& results, const std::string& study);

}  // namespace gmmvae
