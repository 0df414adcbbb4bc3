#include <algorithm>

#include "kernels/block/tiling.cuh"
#include "kernels/dense/cut.hpp"
#include "kernels/dense/split.cuh"

namespace gmmvae::dense {
namespace {

using block::ceil_div;

/// What one size of tile costs, in clocks of a multiprocessor of 128 multiply-adds a clock, as
/// bench/sass_report predicts them: the mean of the three products. Only the choice of a cut depends on these
/// numbers.
struct TileCosts {
  int columns;
  int depth;                 ///< of a panel
  std::size_t shared_bytes;  ///< of a block
  double alone;              ///< a panel with one block on the multiprocessor
  double paired;             ///< a panel of each of two
};
template <int Columns>
constexpr TileCosts costs(double alone, double paired) {
  using T = Tile<Columns>;
  constexpr Lies along = Lies::along_depth;  // takes the most
  return {Columns, T::depth, floats_of_tile<T, along, along>() * sizeof(float), alone, paired};
}
constexpr TileCosts sizes[] = {costs<128>(2420, 4590), costs<64>(2430, 4610)};

/// A block's start, its first panel, its sums on their way to memory.
constexpr double clocks_a_block = 2000;
/// From the last sums in memory until the block that adds them has them.
constexpr double clocks_a_meeting = 1500;
/// Bytes that a multiprocessor gets from L2 in a clock while all ask.
constexpr double bytes_a_clock = 24;
constexpr int most_splits = 32;

int tiles_of(const Cut& cut, int rows, int columns) {
  return ceil_div(rows, tile_rows) * ceil_div(columns, cut.columns);
}

double predicted_clocks(const TileCosts& tile, int rows, int columns, int depth, int splits,
                        int multiprocessors) {
  const int tiles = tiles_of({tile.columns, splits}, rows, columns);
  const int panels = ceil_div(ceil_div(depth, tile.depth), splits);
  const int blocks = ceil_div(tiles * splits, multiprocessors);  // of the fullest multiprocessor
  const int pairs = blocks / 2;
  double clocks = panels * (pairs * tile.paired + blocks % 2 * tile.alone);
  clocks += ceil_div(blocks, 2) * clocks_a_block;
  if (splits > 1) {
    // every block leaves its sums, and one of them reads all
    const double results = std::min(rows, tile_rows) * std::min(columns, tile.columns);
    clocks += clocks_a_meeting + (blocks + splits) * results * sizeof(float) / bytes_a_clock;
  }
  return clocks;
}

}  // namespace

Cut choose_cut(int rows, int columns, int depth, int multiprocessors, std::size_t shared_per_block) {
  Cut best;
  double least = 0;
  for (const TileCosts& tile : sizes) {
    if (tile.shared_bytes > shared_per_block) continue;
    const int panels = ceil_div(depth, tile.depth);
    for (int splits = 1; splits <= std::min(most_splits, panels); ++splits) {
      if (ceil_div(panels, ceil_div(panels, splits)) != splits) continue;  // some would have no share
      const double clocks = predicted_clocks(tile, rows, columns, depth, splits, multiprocessors);
      if (best.columns > 0 && clocks >= least) continue;
      best = {tile.columns, splits};
      least = clocks;
    }
  }
  return best;
}

Workspace::Workspace(cudaStream_t stream)
    : stream_(stream),
      multiprocessors_(device_properties(current_device()).multiprocessors),
      shared_per_block_(shared_limit()) {}

void Workspace::prepare(int samples, int in, int out) {
  meetings(cut(samples, out, in), samples, out);
  meetings(cut(samples, in, out), samples, in);
  meetings(cut(out, in, samples), out, in);
}

Meetings Workspace::meetings(const Cut& cut, int rows, int columns) {
  if (cut.splits == 1) return {nullptr, nullptr};
  const auto tiles = static_cast<std::size_t>(tiles_of(cut, rows, columns));
  const std::size_t floats = tiles * static_cast<std::size_t>(cut.splits) *
                             static_cast<std::size_t>(tile_rows * (cut.columns + extra_columns));
  if (sums_.size() < floats) sums_ = DeviceArray<float>(floats, stream_);
  if (arrivals_.size() < tiles) {
    arrivals_ = DeviceArray<unsigned>(tiles, stream_);
    arrivals_.fill_with_zeros();
  }
  return {sums_.data(), arrivals_.data()};
}

int Workspace::parts_of_norm(int samples, int in, int out) const {
  return tiles_of(cut(out, in, samples), out, in);
}

}  // namespace gmmvae::dense
