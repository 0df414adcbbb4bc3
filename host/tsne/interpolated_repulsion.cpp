#include <algorithm>
#include <cmath>
#include <numeric>

#include "host/parallel/lanes.hpp"
#include "host/tsne/gradient.hpp"
#include "host/tsne/kernel_convolution.hpp"

// FFT-accelerated interpolation, after Linderman et al. (Nature Methods 16:243, 2019), with one charge. Since
// q^2 (y_i - y_j) = -1/2 d/dy_i q, the potential phi(y) = sum_j q(y - y_j) has everything: Z is its sum over
// the points and the repulsion is -1/2 of its slope, read with the derivatives of the splines. Two transforms
// an iteration instead of nine, and no difference of large numbers. What a point does to itself through the
// grid, q(0) and a force that would vanish without interpolation, is known and taken off.
namespace gmmvae::tsne {
namespace {

// Rows of nodes that one task spreads to. Splines reach one row back and two rows on, so the strips of even
// number can be filled at the same time, then those of odd number: no two tasks meet, and each node's sum has
// one order.
constexpr std::size_t kStrip = 8;
constexpr std::size_t kPointsPerTask = 2048;
constexpr std::size_t kPointsPerChunk = 16384;
// Ten times the nodes of the largest embeddings that converge, in memory some gigabytes.
constexpr double kMostNodes = 1 << 27;

using Four = float __attribute__((vector_size(16)));

GMMVAE_INLINE float sum_of(const Four& x) {
  return (x[0] + x[2]) + (x[1] + x[3]);
}

/// Weights of the four nodes around a point at fraction t behind the second one, and their derivatives.
GMMVAE_INLINE void spline(float t, Four& weights) {
  const float u = 1.0f - t;
  weights = Four{u * u * u * (1.0f / 6.0f), 2.0f / 3.0f - t * t * (1.0f - 0.5f * t),
                 2.0f / 3.0f - u * u * (1.0f - 0.5f * u), t * t * t * (1.0f / 6.0f)};
}
GMMVAE_INLINE void spline_slope(float t, Four& slopes) {
  const float u = 1.0f - t;
  slopes = Four{-0.5f * u * u, t * (1.5f * t - 2.0f), -u * (1.5f * u - 2.0f), 0.5f * t * t};
}

/// sum over m of w_m w_(m+a) for a = 0 .. 3, twice for a > 0: how weights on two sides meet at each distance.
GMMVAE_INLINE void overlaps(const Four& w, Four& out) {
  out = Four{(w[0] * w[0] + w[3] * w[3]) + (w[1] * w[1] + w[2] * w[2]),
             2.0f * ((w[0] * w[1] + w[2] * w[3]) + w[1] * w[2]), 2.0f * (w[0] * w[2] + w[1] * w[3]),
             2.0f * (w[0] * w[3])};
}
/// Half its derivative: the weights of one side alone change.
GMMVAE_INLINE void overlap_slopes(const Four& w, const Four& s, Four& out) {
  out = Four{(w[0] * s[0] + w[3] * s[3]) + (w[1] * s[1] + w[2] * s[2]),
             ((w[0] * s[1] + s[0] * w[1]) + (w[2] * s[3] + s[2] * w[3])) + (w[1] * s[2] + s[1] * w[2]),
             (w[0] * s[2] + s[0] * w[2]) + (w[1] * s[3] + s[1] * w[3]), w[0] * s[3] + s[0] * w[3]};
}

/// Where the grid lies: node (i, j) is at spacing * (first + (i, j)).
struct Frame {
  float per_node;  ///< nodes a unit of length
  float first[2];
  std::size_t rows, columns;
};

/// The node before a point in each direction, counted from the frame's first, and the fraction beyond.
GMMVAE_INLINE void locate(const float* position, const Frame& frame, std::size_t (&node)[2], float (&t)[2]) {
  for (std::size_t d = 0; d < 2; ++d) {
    const float at = position[d] * frame.per_node;
    const float below = std::floor(at);
    t[d] = at - below;
    node[d] = static_cast<std::size_t>(below - frame.first[d]);
  }
}

GMMVAE_CLONES void spread(const float* positions, const std::uint32_t* points, std::size_t count,
                          const Frame& frame, float* grid, std::size_t stride) {
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t node[2];
    float t[2];
    locate(positions + std::size_t{2} * points[i], frame, node, t);
    Four down, across;
    spline(t[0], down);
    spline(t[1], across);
    float* at = grid + (node[0] - 1) * stride + (node[1] - 1);
    for (std::size_t r = 0; r < kSplineNodes; ++r) {
      Four nodes;
      std::memcpy(&nodes, at + r * stride, sizeof nodes);
      nodes += down[r] * across;
      std::memcpy(at + r * stride, &nodes, sizeof nodes);
    }
  }
}

/// Forces on `count` points; returns their share of Z.
GMMVAE_CLONES double read(const float* positions, const std::uint32_t* points, std::size_t count,
                          const Frame& frame, const float* grid, std::size_t stride,
                          const float (&self)[kSplineNodes][kSplineNodes], float* forces) {
  Four near_zero[kSplineNodes];
  for (std::size_t a = 0; a < kSplineNodes; ++a)
    near_zero[a] = Four{self[a][0], self[a][1], self[a][2], self[a][3]};
  const float half = 0.5f * frame.per_node;
  double normalization = 0.0;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t node[2];
    float t[2];
    locate(positions + std::size_t{2} * points[i], frame, node, t);
    Four down, across, down_slope, across_slope;
    spline(t[0], down);
    spline(t[1], across);
    spline_slope(t[0], down_slope);
    spline_slope(t[1], across_slope);
    const float* at = grid + (node[0] - 1) * stride + (node[1] - 1);
    Four value = {}, slope = {};
    for (std::size_t r = 0; r < kSplineNodes; ++r) {
      Four nodes;
      std::memcpy(&nodes, at + r * stride, sizeof nodes);
      value += down[r] * nodes;
      slope += down_slope[r] * nodes;
    }
    Four down_overlap, across_overlap, down_turn, across_turn;
    overlaps(down, down_overlap);
    overlaps(across, across_overlap);
    overlap_slopes(down, down_slope, down_turn);
    overlap_slopes(across, across_slope, across_turn);
    Four own = {}, own_turn = {};  // the table is symmetric, so its rows serve as columns
    for (std::size_t a = 0; a < kSplineNodes; ++a) {
      own += across_overlap[a] * near_zero[a];
      own_turn += across_turn[a] * near_zero[a];
    }
    normalization += sum_of(value * across - own * down_overlap);
    float* force = forces + std::size_t{2} * points[i];
    force[0] = -half * sum_of(slope * across - own * down_turn);
    force[1] = -half * sum_of(value * across_slope - own_turn * down_overlap);
  }
  return normalization;
}

class InterpolatedRepulsion final : public Repulsion {
 public:
  double compute(MatrixView<float> positions, float* forces, ThreadPool& pool) override {
    const Frame frame = frame_around(positions, pool);
    sort_by_strip(positions, frame, pool);
    convolution_.resize(frame.rows, frame.columns, pool);
    for (std::size_t parity = 0; parity < 2; ++parity)
      pool.run((strips_.size() - parity) / 2, [&](std::size_t task) {
        const std::size_t strip = 2 * task + parity;
        spread(positions.data, order_.data() + strips_[strip], strips_[strip + 1] - strips_[strip], frame,
               convolution_.row(0), convolution_.stride());
      });
    convolution_.apply(pool);
    std::vector<double> sums((positions.rows + kPointsPerTask - 1) / kPointsPerTask);
    pool.for_range(positions.rows, kPointsPerTask, [&](std::size_t begin, std::size_t end) {
      sums[begin / kPointsPerTask] =
          read(positions.data, order_.data() + begin, end - begin, frame, convolution_.row(0),
               convolution_.stride(), kernel_near_zero(), forces);
    });
    return std::accumulate(sums.begin(), sums.end(), 0.0);
  }

 private:
  /// Nodes lie at multiples of their distance, so that a cloud much smaller than that, as every embedding
  /// starts, has one in its middle and gets a force that is odd about it.
  static Frame frame_around(MatrixView<float> positions, ThreadPool& pool) {
    struct Box {
      float low[2], high[2];
    };
    std::vector<Box> boxes((positions.rows + kPointsPerChunk - 1) / kPointsPerChunk);
    pool.for_range(positions.rows, kPointsPerChunk, [&](std::size_t begin, std::size_t end) {
      Box box{{positions(begin, 0), positions(begin, 1)}, {positions(begin, 0), positions(begin, 1)}};
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t d = 0; d < 2; ++d) {
          box.low[d] = std::min(box.low[d], positions(i, d));
          box.high[d] = std::max(box.high[d], positions(i, d));
        }
      boxes[begin / kPointsPerChunk] = box;
    });
    Frame frame{static_cast<float>(1.0 / kNodeSpacing), {}, 0, 0};
    std::size_t* counts[2] = {&frame.rows, &frame.columns};
    double extent[2], nodes = 1.0;
    for (std::size_t d = 0; d < 2; ++d) {
      float low = boxes[0].low[d], high = boxes[0].high[d];
      for (const Box& box : boxes) {
        low = std::min(low, box.low[d]);
        high = std::max(high, box.high[d]);
      }
      extent[d] = static_cast<double>(high) - low;
      nodes *= std::max(extent[d] * frame.per_node, 1.0);
      if (!(nodes <= kMostNodes)) throw diverged_embedding("its points have flown apart");
      frame.first[d] = std::floor(low * frame.per_node) - 1.0f;
      *counts[d] = static_cast<std::size_t>(std::floor(high * frame.per_node) - frame.first[d]) + 3;
    }
    return frame;
  }

  /// Fills order_ with the points strip by strip, ascending within each, and strips_ with where each begins.
  void sort_by_strip(MatrixView<float> positions, const Frame& frame, ThreadPool& pool) {
    const std::size_t strips = (frame.rows + kStrip - 1) / kStrip;
    const std::size_t chunks = (positions.rows + kPointsPerChunk - 1) / kPointsPerChunk;
    strip_of_.resize(positions.rows);
    order_.resize(positions.rows);
    std::vector<std::uint32_t> next(chunks * strips);  // counts, then places to write to
    pool.for_range(positions.rows, kPointsPerChunk, [&](std::size_t begin, std::size_t end) {
      std::uint32_t* counts = next.data() + begin / kPointsPerChunk * strips;
      for (std::size_t i = begin; i < end; ++i) {
        const float node = std::floor(positions(i, 0) * frame.per_node) - frame.first[0];
        strip_of_[i] = static_cast<std::uint32_t>(node) / kStrip;
        ++counts[strip_of_[i]];
      }
    });
    strips_.assign(strips + 1, 0);
    std::uint32_t at = 0;
    for (std::size_t strip = 0; strip < strips; ++strip) {
      strips_[strip] = at;
      for (std::size_t chunk = 0; chunk < chunks; ++chunk) {
        const std::uint32_t count = next[chunk * strips + strip];
        next[chunk * strips + strip] = at;
        at += count;
      }
    }
    strips_[strips] = at;
    pool.for_range(positions.rows, kPointsPerChunk, [&](std::size_t begin, std::size_t end) {
      std::uint32_t* place = next.data() + begin / kPointsPerChunk * strips;
      for (std::size_t i = begin; i < end; ++i) order_[place[strip_of_[i]]++] = static_cast<std::uint32_t>(i);
    });
  }

  KernelConvolution convolution_;
  std::vector<std::uint32_t> strip_of_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> strips_;
};

}  // namespace

std::unique_ptr<Repulsion> make_interpolated_repulsion() {
  return std::make_unique<InterpolatedRepulsion>();
}

}  // namespace gmmvae::tsne
