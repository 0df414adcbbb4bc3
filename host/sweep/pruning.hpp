#pragma once

#include <cstdint>
#include <vector>

#include "gmmvae/training.hpp"
#include "host/sweep/plan.hpp"

namespace gmmvae {

/// The epochs below `epochs` after which the trials of a chunk are compared: first_epoch times powers of
/// factor. Empty without a rule.
std::vector<std::uint64_t> pruning_epochs(const Pruning& pruning, std::uint64_t epochs);

/// Which trials go on after `epoch`, by their ELBO in nats of raw units, which compares across objectives: on
/// the held-out points where all have some, else on the training points. Synchronous successive halving
/// (Jamieson and Talwalkar 2016) keeps the best one in `factor`, rounded up; equal ones in their order. The
/// median rule (Golovin et al. 2017) gives up a trial whose best epoch so far is worse than the median of all
/// trials' averages so far. `histories` reach to `epoch` at least.
std::vector<bool> surviving(const Pruning& pruning, std::uint64_t epoch,
                            const std::vector<const History*>& histories);

}  // namespace gmmvae
