#pragma once

#include <span>

#include "gmmvae/training.hpp"

namespace gmmvae {

/// Throws UsageError or DataError, with the reason, for the first job under way that no backend can train:
/// points or a state that do not fit its architecture, no points, no batch, a learning rate that is none.
/// What every Backend::train() checks first; the numbers of the points are not looked at.
void require_trainable(std::span<const TrainingJob> jobs);

}  // namespace gmmvae
