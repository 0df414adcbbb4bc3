#include <algorithm>
#include <cmath>

#include "kernels/tsne/gradient.hpp"

namespace gmmvae::cuda {

DeviceGradient::DeviceGradient(const DeviceAffinities& affinities, MatrixView<float> positions,
                               GradientMethod method, cudaStream_t stream)
    : affinities_(affinities),
      rows_(positions.rows),
      dim_(static_cast<int>(positions.cols)),
      stream_(stream),
      positions_(to_device(std::span(positions.data, positions.size()), stream)),
      attraction_(positions.size(), stream),
      repulsion_(positions.size(), stream),
      state_(1, stream),
      logarithms_(logarithm_parts(positions.rows), stream) {
  state_.fill_with_zeros();
  if (method == GradientMethod::fft) {
    scratch_.emplace(rows_, stream);
    grids_.resize(grid_ladder().size());
    launch_box(positions_.data(), rows_, dim_, state_.data(), stream_);
    use_level(0);
  } else {
    const PairTiles tiles = pair_tiles(rows_);
    partial_ = DeviceArray<float>(tiles.pieces * positions.size(), stream);
    parts_ = DeviceArray<double>(tiles.pieces * tiles.row_blocks, stream);
  }
}

void DeviceGradient::use_level(std::size_t level) {
  level_ = level;
  if (!grids_[level]) grids_[level] = std::make_unique<InterpolationGrid>(level, stream_);
}

void DeviceGradient::enqueue_repulsion() {
  if (interpolates()) {
    InterpolationGrid& grid = *grids_[level_];
    launch_choose_grid(grid, state_.data(), stream_);
    launch_interpolated_repulsion(grid, *scratch_, positions_.data(), rows_, state_.data(), repulsion_.data(),
                                  stream_);
    launch_normalization(scratch_->parts.data(), scratch_->parts.size(), 0.0, state_.data(), stream_);
    return;
  }
  launch_exact_repulsion(positions_.data(), rows_, dim_, state_.data(), partial_.data(), parts_.data(),
                         repulsion_.data(), stream_);
  // each point met itself, at distance 0: q is exactly 1 and the force exactly 0
  launch_normalization(parts_.data(), parts_.size(), -static_cast<double>(rows_), state_.data(), stream_);
}

void DeviceGradient::enqueue() {
  enqueue_repulsion();
  launch_attraction(rows_of(affinities_), positions_.data(), dim_, state_.data(), attraction_.data(),
                    stream_);
}

std::optional<std::uint32_t> DeviceGradient::resolve() {
  copy_to_host(std::span(&seen_, 1), state_.data(), stream_);
  GPU_CHECK(cudaStreamSynchronize(stream_));
  if (seen_.halt == Halt::too_wide)
    throw Error(
        ExitCode::diverged,
        "the embedding has become too wide for the grids of the FFT-accelerated gradient: take a lower "
        "learning rate or --method exact");
  const std::uint32_t done = seen_.done;
  const bool halted = seen_.halt == Halt::other_grid;
  if (halted) {
    const auto& ladder = grid_ladder();
    use_level(static_cast<std::size_t>(std::lower_bound(ladder.begin(), ladder.end(), seen_.needed) -
                                       ladder.begin()));
  }
  DescentState next = seen_;
  next.halt = Halt::none;
  next.done = 0;
  if (halted || done > 0) copy_to_device(state_.data(), std::span<const DescentState>(&next, 1), stream_);
  if (halted) return done;
  return std::nullopt;
}

double DeviceGradient::kl_divergence() {
  do {
    enqueue_repulsion();
    launch_edge_logarithms(rows_of(affinities_), positions_.data(), dim_, state_.data(), logarithms_.data(),
                           stream_);
    launch_sum_logarithms(logarithms_.data(), logarithms_.size(), state_.data(), stream_);
  } while (resolve());
  return affinities_.entropy + seen_.edge_logarithms + std::log(seen_.normalization);
}

}  // namespace gmmvae::cuda
