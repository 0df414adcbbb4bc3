#pragma once

#include <cstdint>
#include <functional>

#include "gmmvae/backend.hpp"
#include "gmmvae/dataset.hpp"
#include "host/sweep/plan.hpp"

namespace gmmvae {

/// What a sweep will take.
struct SweepEstimate {
  double seconds = 0.0;      ///< of one process on this machine
  std::uint64_t memory = 0;  ///< bytes of the largest chunk: states, histories and points
};

/// From the shapes of some hundred of the trials, and from training and judging a few of them for some tenths
/// of a second. Trials that will be pruned are counted in full. `trials` is how many there are.
SweepEstimate estimate_sweep(const SweepPlan& plan, std::uint64_t trials, Backend& backend,
                             std::size_t threads, const std::function<Dataset(const Settings&)>& draw);

}  // namespace gmmvae
