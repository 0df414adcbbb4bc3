#include <numeric>

#include "host/parallel/lanes.hpp"
#include "host/tsne/gradient.hpp"

namespace gmmvae::tsne {
namespace {

// Sums run in single precision over this many pairs, then go on in double.
constexpr std::size_t kTile = 128;
// Rows that share a division: 1/a = b/(ab) and 1/b = a/(ab). Dividers are the slowest unit of every
// processor.
constexpr std::size_t kRows = 2;
constexpr std::size_t kMostDim = 3;

template <std::size_t Dim>
GMMVAE_INLINE void add_row(const Lanes (&own)[Dim], const float* row, Lanes (&apart)[Dim], Lanes& squared) {
  squared = Lanes{} + 1.0f;
  for (std::size_t d = 0; d < Dim; ++d) {
    apart[d] = own[d] - row[d];
    squared += apart[d] * apart[d];
  }
}

template <std::size_t Dim>
GMMVAE_INLINE void repel_body(const float* block, const float* rows, std::size_t count, double* forces,
                              double* normalization) {
  Lanes own[Dim];
  for (std::size_t d = 0; d < Dim; ++d) load(block + d * kLanes, own[d]);
  for (std::size_t start = 0; start < count; start += kTile) {
    const std::size_t stop = start + kTile < count ? start + kTile : count;
    Lanes force[Dim] = {};
    Lanes sum = {};
    std::size_t j = start;
    for (; j + kRows <= stop; j += kRows) {
      Lanes apart_a[Dim], apart_b[Dim], a, b;
      add_row<Dim>(own, rows + j * Dim, apart_a, a);
      add_row<Dim>(own, rows + (j + 1) * Dim, apart_b, b);
      const Lanes both = 1.0f / (a * b);
      const Lanes q_a = b * both, q_b = a * both;
      sum += q_a + q_b;
      const Lanes square_a = q_a * q_a, square_b = q_b * q_b;
      for (std::size_t d = 0; d < Dim; ++d) force[d] += square_a * apart_a[d] + square_b * apart_b[d];
    }
    for (; j < stop; ++j) {
      Lanes apart[Dim], a;
      add_row<Dim>(own, rows + j * Dim, apart, a);
      const Lanes q = 1.0f / a;
      sum += q;
      for (std::size_t d = 0; d < Dim; ++d) force[d] += q * q * apart[d];
    }
    for (std::size_t l = 0; l < kLanes; ++l) {
      normalization[l] += sum[l];
      for (std::size_t d = 0; d < Dim; ++d) forces[l * Dim + d] += force[d][l];
    }
  }
}

}  // namespace

GMMVAE_CLONES void repel(const float* block, const float* rows, std::size_t count, std::size_t dim,
                         double* forces, double* normalization) {
  switch (dim) {
    case 1:
      repel_body<1>(block, rows, count, forces, normalization);
      break;
    case 2:
      repel_body<2>(block, rows, count, forces, normalization);
      break;
    default:
      repel_body<3>(block, rows, count, forces, normalization);
  }
}

namespace {

class ExactRepulsion final : public Repulsion {
 public:
  double compute(MatrixView<float> positions, float* forces, ThreadPool& pool) override {
    const std::size_t dim = positions.cols;
    const LaneBlocks blocks(positions);
    std::vector<double> sums(blocks.blocks());
    // Some sixteen million pairs make a task worth handing out; never fewer than one block.
    const std::size_t grain = std::max<std::size_t>(1, 65536 / positions.rows / kLanes);
    pool.for_range(blocks.blocks(), grain, [&](std::size_t begin, std::size_t end) {
      for (std::size_t b = begin; b < end; ++b) {
        double force[kLanes * kMostDim] = {}, sum[kLanes] = {};
        repel(blocks.block(b), positions.data, positions.rows, dim, force, sum);
        const std::size_t filled = blocks.filled(b);
        for (std::size_t i = 0; i < filled * dim; ++i)
          forces[b * kLanes * dim + i] = static_cast<float>(force[i]);
        // Each point met itself, at distance 0: q is exactly 1 and the force exactly 0.
        for (std::size_t l = 0; l < filled; ++l) sums[b] += sum[l] - 1.0;
      }
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
  }
};

}  // namespace

std::unique_ptr<Repulsion> make_exact_repulsion() {
  return std::make_unique<ExactRepulsion>();
}

}  // namespace gmmvae::tsne
