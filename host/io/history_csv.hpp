#pragma once

#include <span>
#include <string>
#include <vector>

#include "gmmvae/training.hpp"

namespace gmmvae {

/// Writes the training histories as CSV: `epoch` (from 1) and the columns of History; with more than one
/// state a first column `model` (from 0). NaN is an empty cell.
void write_history_csv(const std::string& path, std::span<const TrainingState> states);

/// Reads such a file back, one history a model, number by number the same; an empty cell is NaN. Throws
/// DataError with the line for a file that is damaged or holds something else.
std::vector<History> read_history_csv(const std::string& path);

}  // namespace gmmvae
