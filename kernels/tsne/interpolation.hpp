#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/library/fft.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/tsne/descent_state.hpp"

// FFT-accelerated interpolation on the device: the scheme of host/tsne/interpolated_repulsion.cpp (cubic
// B-splines on nodes at a fixed distance, one charge, Z from the potential and forces from its slope, a
// point's action on itself taken off) on square grids of some fixed sizes.
namespace gmmvae::cuda {

/// Nodes a side of the grids there are. A grid is right for points that need more nodes than the next smaller
/// one has; so which one is used follows from the positions alone.
const std::vector<std::uint32_t>& grid_ladder();

/// One size of grid with everything that belongs to it.
class InterpolationGrid {
 public:
  /// `level` counts in grid_ladder().
  InterpolationGrid(std::size_t level, cudaStream_t stream);

  [[nodiscard]] std::uint32_t nodes() const { return nodes_; }
  /// Points that need fewer nodes than this, or more than nodes(), want another grid.
  [[nodiscard]] std::uint32_t fewest_nodes() const { return fewest_; }

  /// Charges, as integers [nodes,nodes], to potentials [size,size].
  void convolve(const DescentState* state, cudaStream_t stream);

  unsigned long long* counts() { return counts_.data(); }
  [[nodiscard]] const float* potential() const { return potential_.data(); }
  /// Floats from one row of the potential to the next.
  [[nodiscard]] std::uint32_t size() const { return size_; }

 private:
  std::uint32_t nodes_;
  std::uint32_t fewest_;
  std::uint32_t size_;  ///< of the transforms: twice the nodes, so that nothing wraps around onto a point
  DeviceArray<unsigned long long> counts_;
  DeviceArray<float> charges_;
  DeviceArray<float> potential_;
  DeviceArray<float2> transformed_;
  DeviceArray<float> spectrum_;  ///< of the kernel [size][size/2+1]
  RealFft2d fft_;
};

/// What the kernels need beside a grid; for any grid.
struct InterpolationScratch {
  InterpolationScratch(std::size_t rows, cudaStream_t stream);
  DeviceArray<std::uint32_t> tile_of;       ///< [N]
  DeviceArray<std::uint32_t> sorted;        ///< [N] points tile by tile
  DeviceArray<std::uint32_t> tile_counts;   ///< [tiles], 0 between steps
  DeviceArray<std::uint32_t> cursors;       ///< [tiles]
  DeviceArray<std::uint32_t> piece_tiles;   ///< [pieces] which tile a piece of points is in
  DeviceArray<std::uint32_t> piece_begins;  ///< [pieces+1]
  DeviceArray<std::uint32_t> piece_count;   ///< [1]
  DeviceArray<double> parts;                ///< sums that add up to Z
};

/// Halts the state where the grid is not the right one for its box, else says where the grid lies.
void launch_choose_grid(const InterpolationGrid& grid, DescentState* state, cudaStream_t stream);
/// forces [N,2] become repulsion_i; the scratch's parts add up to Z.
void launch_interpolated_repulsion(InterpolationGrid& grid, InterpolationScratch& scratch,
                                   const float* positions, std::size_t rows, const DescentState* state,
                                   float* forces, cudaStream_t stream);

}  // namespace gmmvae::cuda
