#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gmmvae/tsne.hpp"
#include "kernels/runtime/stream.hpp"
#include "kernels/tsne/forces.hpp"
#include "kernels/tsne/interpolation.hpp"

namespace gmmvae::cuda {

/// Positions on the device with both halves of the gradient at them.
class DeviceGradient {
 public:
  /// `positions` [N,dim] in the order of the affinities, which must outlive the object.
  DeviceGradient(const DeviceAffinities& affinities, MatrixView<float> positions, GradientMethod method,
                 cudaStream_t stream);

  /// Enqueues attraction, repulsion and Z. May halt: see resolve().
  void enqueue();
  /// Waits. Where the state has halted, makes the grid that it needs the current one and returns the number
  /// of steps that were done before; nothing where all is well.
  std::optional<std::uint32_t> resolve();
  /// KL(P || Q) at the current positions, without exaggeration. Waits. Leaves the repulsion of these
  /// positions in its place.
  double kl_divergence();

  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] int dim() const { return dim_; }
  [[nodiscard]] double normalization() const {
    return seen_.normalization;
  }  ///< once kl_divergence was asked
  DeviceArray<float>& positions() { return positions_; }
  DeviceArray<float>& attraction() { return attraction_; }
  DeviceArray<float>& repulsion() { return repulsion_; }
  DescentState* state() { return state_.data(); }
  /// Which grid is the current one; 0 without grids.
  [[nodiscard]] std::size_t level() const { return level_; }
  [[nodiscard]] cudaStream_t stream() const { return stream_; }

 private:
  void enqueue_repulsion();
  void use_level(std::size_t level);
  [[nodiscard]] bool interpolates() const { return scratch_.has_value(); }

  const DeviceAffinities& affinities_;
  std::size_t rows_;
  int dim_;
  cudaStream_t stream_;
  DeviceArray<float> positions_;
  DeviceArray<float> attraction_;
  DeviceArray<float> repulsion_;
  DeviceArray<DescentState> state_;
  DescentState seen_{};
  DeviceArray<double> logarithms_;
  DeviceArray<float> partial_;  ///< of all pairs
  DeviceArray<double> parts_;   ///< of all pairs
  std::optional<InterpolationScratch> scratch_;
  std::vector<std::unique_ptr<InterpolationGrid>> grids_;  ///< those of the ladder that were needed
  std::size_t level_ = 0;
};

}  // namespace gmmvae::cuda
