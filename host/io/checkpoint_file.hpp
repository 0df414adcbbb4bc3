#pragma once

#include <string>
#include <vector>

#include "gmmvae/training.hpp"

namespace gmmvae {

/// A stopped training: the states of all its models, and the configuration it ran with as text that only the
/// caller understands and compares.
struct Checkpoint {
  std::string config;
  std::vector<TrainingState> states;
};

/// Writes a safetensors file that holds every bit of the states. They belong to models of one architecture;
/// throws UsageError where their sizes differ.
void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// Reads it back, bit for bit. Throws DataError for a file that is damaged or is no checkpoint.
Checkpoint load_checkpoint(const std::string& path);

}  // namespace gmmvae
