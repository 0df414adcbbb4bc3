#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gmmvae/tsne.hpp"

namespace gmmvae {

/// Positions kept on the way: `points` [S,N,dim] after `iterations` [S].
struct TsneSnapshots {
  std::vector<std::int64_t> iterations;
  std::vector<float> points;
};

/// A stopped descent: its state, the snapshots so far, and the configuration it ran with as text that only
/// the caller understands and compares.
struct TsneCheckpoint {
  std::string config;
  TsneState state;
  TsneSnapshots snapshots;
};

/// Writes a safetensors file that holds every bit of them.
void save_tsne_checkpoint(const std::string& path, const TsneCheckpoint& checkpoint);

/// Reads it back, bit for bit. Throws DataError for a file that is damaged or is no such checkpoint.
TsneCheckpoint load_tsne_checkpoint(const std::string& path);

}  // namespace gmmvae
