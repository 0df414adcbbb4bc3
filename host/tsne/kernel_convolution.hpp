#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "host/parallel/thread_pool.hpp"
#include "host/tsne/fft.hpp"

namespace gmmvae::tsne {

/// Cubic B-splines on a grid of nodes whose distance never changes. Charges are spread with the spline's
/// weights and potentials are read with them; between, the grid is convolved with 1 / (1 + r^2) times the
/// factor that makes the mean square error of the forces least, over all places that points can have between
/// nodes (Hockney & Eastwood 1988, chapter 8; Ballenegger et al., J. Chem. Theory Comput. 8:936, 2012, for
/// forces that are slopes of the splines). The error falls with the fourth power of the distance of nodes;
/// this one keeps it below 0.5 % of the forces on embeddings that span up to 400 units.
inline constexpr double kNodeSpacing = 0.3;
inline constexpr std::size_t kSplineNodes = 4;

/// The grid and its convolution. Charges and potentials share the memory.
class KernelConvolution {
 public:
  /// Makes room for rows x columns nodes and fills them with 0. The kernel's spectrum is kept from call to
  /// call and computed anew only when the transforms' lengths change: node spacing is fixed, so nothing else
  /// matters to it.
  void resize(std::size_t rows, std::size_t columns, ThreadPool& pool);

  [[nodiscard]] float* row(std::size_t i) { return grid_.data() + i * stride_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }

  /// Turns charges into potentials: phi_i = sum_j kernel(i - j) charge_j over the whole grid, nothing wrapped
  /// around.
  void apply(ThreadPool& pool);

 private:
  void build_spectrum(ThreadPool& pool);
  void rows_forward(std::size_t group, float* data, float* work);
  void columns_through(std::size_t group, float* data, float* work);
  void rows_backward(std::size_t group, float* data, float* work);

  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::size_t stride_ = 0;                  ///< columns, rounded up to 32
  std::unique_ptr<LaneFft> down_, across_;  ///< along rows_, along columns_; at least twice as long
  std::vector<float> grid_;                 ///< [rows,stride]
  std::vector<float> half_;      ///< [down/2+1 rounded up to 16][2][stride]: transformed along rows
  std::vector<float> spectrum_;  ///< [groups of 16 down frequencies][across/2+1][16]
};

/// By what the kernel's spectrum is multiplied at frequencies 0 to size / 2 of either direction
/// [size/2+1,size/2+1], for grids of that size.
std::vector<float> spectrum_factors(std::size_t size);

/// What a charge of 1 contributes to the potential at nodes of a charge's own neighbourhood: kernel(i, j)
/// between nodes that are i and j apart, 0 to 3. Serves to take a point's action on itself away.
const float (&kernel_near_zero())[kSplineNodes][kSplineNodes];

}  // namespace gmmvae::tsne
