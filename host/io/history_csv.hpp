#pragma once

#include <span>
#include <string>

#include "gmmvae/training.hpp"

namespace gmmvae {

/// Writes the training histories as CSV: `epoch` (from 1) and the columns of History; with more than one
/// state a first column `model` (from 0). NaN is an empty cell.
void write_history_csv(const std::string& path, std::span<const TrainingState> states);

}  // namespace gmmvae
