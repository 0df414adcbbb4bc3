#pragma once

// How the products of dense layers are cut over blocks, and where blocks that share a tile of results meet.

#include "kernels/runtime/memory.hpp"

namespace gmmvae::dense {

inline constexpr int tile_rows = 64;

/// Tiles of 64 rows by 64 or 128 columns of results; `splits` blocks share the depth of each. With 0 columns
/// the choice is left to the function that is given it.
struct Cut {
  int columns = 0;
  int splits = 1;
};

/// The cut with the least predicted time for a product of rows x columns results over `depth` steps. A block
/// may have `shared_per_block` bytes of shared memory: wide tiles take 55 kB, small ones 70.
Cut choose_cut(int rows, int columns, int depth, int multiprocessors, std::size_t shared_per_block);

/// What kernels see of a Workspace: room for sums, and a number for each tile.
struct Meetings {
  float* sums;
  unsigned* arrivals;
};

/// What launches need besides their arrays. Launches that share one are in one stream's order.
class Workspace {
 public:
  /// For the current device.
  explicit Workspace(cudaStream_t stream);

  /// Makes room for the three products of a layer, so that launches need no memory of their own.
  void prepare(int samples, int in, int out);
  [[nodiscard]] Cut cut(int rows, int columns, int depth) const {
    return choose_cut(rows, columns, depth, multiprocessors_, shared_per_block_);
  }
  /// How many parts of the squared norm the gradients of a layer's parameters have.
  [[nodiscard]] int parts_of_norm(int samples, int in, int out) const;
  /// Room for such a product; more is allocated where there is too little.
  Meetings meetings(const Cut& cut, int rows, int columns);

 private:
  cudaStream_t stream_;
  int multiprocessors_;
  std::size_t shared_per_block_;
  DeviceArray<float> sums_;
  DeviceArray<unsigned> arrivals_;  ///< zeros between launches
};

}  // namespace gmmvae::dense
