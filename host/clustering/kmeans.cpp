#include <algorithm>
#include <limits>

#include "gmmvae/backend.hpp"
#include "host/clustering/lloyd.hpp"
#include "host/clustering/seeding.hpp"
#include "host/parallel/lanes.hpp"

namespace gmmvae {

namespace {

// Points are summed in pieces of this many blocks, and the pieces in order, whatever the number of threads.
constexpr std::size_t kBlocksPerPiece = 512;
/// Sums over one piece.
struct PieceSums {
  std::vector<double> sums;           // [k,D]
  std::vector<std::uint64_t> counts;  // [k]
  double inertia = 0.0;
};

// The nearest of k centers [k,D] for every point of blocks [begin, end).
GMMVAE_CLONES void nearest_centers(const LaneBlocks& points, std::size_t begin, std::size_t end,
                                   const float* centers, std::size_t k, std::int32_t* labels,
                                   float* distances) {
  const std::size_t dim = points.dim();
  for (std::size_t b = begin; b < end; ++b) {
    const float* block = points.block(b);
    Lanes least;
    squared_distances(block, centers, dim, least);
    IntLanes label = {};
    for (std::size_t c = 1; c < k; ++c) {
      Lanes d2;
      squared_distances(block, centers + c * dim, dim, d2);
      const IntLanes nearer = d2 < least;
      least = nearer ? d2 : least;
      label = nearer ? IntLanes{} + static_cast<std::int32_t>(c) : label;
    }
    std::memcpy(labels + b * kLanes, &label, sizeof label);
    store(least, distances + b * kLanes);
  }
}

/// Lloyd's iteration on one set of points.
class Lloyd {
 public:
  Lloyd(const LaneBlocks& points, std::size_t k, ThreadPool& pool)
      : points_(points),
        k_(k),
        pool_(pool),
        labels_(points.blocks() * kLanes),
        distances_(points.blocks() * kLanes),
        pieces_((points.blocks() + kBlocksPerPiece - 1) / kBlocksPerPiece) {}

  /// Moves `centers` until they stay; returns the iterations done, and whether they stayed.
  std::pair<std::size_t, bool> run(Matrix<float>& centers, std::size_t most, double least_move) {
    for (std::size_t iteration = 1; iteration <= most; ++iteration) {
      assign(centers);
      if (move(centers) <= least_move) return {iteration, true};
    }
    return {most, false};
  }
  /// Labels and inertia for the centers given.
  double assign(const Matrix<float>& centers) {
    pool_.run(pieces_.size(), [&](std::size_t p) { assign_piece(centers, p); });
    double inertia = 0.0;
    for (const PieceSums& piece : pieces_) inertia += piece.inertia;
    return inertia;
  }
  [[nodiscard]] const std::vector<std::int32_t>& labels() const { return labels_; }

 private:
  void assign_piece(const Matrix<float>& centers, std::size_t p) {
    const std::size_t dim = points_.dim();
    const std::size_t begin = p * kBlocksPerPiece, end = std::min(points_.blocks(), begin + kBlocksPerPiece);
    nearest_centers(points_, begin, end, centers.data(), k_, labels_.data(), distances_.data());
    PieceSums& out = pieces_[p];
    out.sums.assign(k_ * dim, 0.0);
    out.counts.assign(k_, 0);
    out.inertia = 0.0;
    for (std::size_t b = begin; b < end; ++b) {
      const float* block = points_.block(b);
      for (std::size_t l = 0; l < points_.filled(b); ++l) {
        const auto label = static_cast<std::size_t>(labels_[b * kLanes + l]);
        ++out.counts[label];
        out.inertia += distances_[b * kLanes + l];
        double* sums = out.sums.data() + label * dim;
        for (std::size_t d = 0; d < dim; ++d) sums[d] += block[d * kLanes + l];
      }
    }
  }

  // Centers become the means of their points; returns the summed squares of the moves.
  double move(Matrix<float>& centers) {
    const std::size_t dim = points_.dim();
    double moved = 0.0;
    std::vector<std::size_t> empty;
    for (std::size_t c = 0; c < k_; ++c) {
      std::uint64_t count = 0;
      std::vector<double> sum(dim, 0.0);
      for (const PieceSums& piece : pieces_) {
        count += piece.counts[c];
        for (std::size_t d = 0; d < dim; ++d) sum[d] += piece.sums[c * dim + d];
      }
      if (count == 0) {
        empty.push_back(c);
        continue;
      }
      for (std::size_t d = 0; d < dim; ++d) {
        const auto value = static_cast<float>(sum[d] / static_cast<double>(count));
        moved += (static_cast<double>(value) - centers(c, d)) * (static_cast<double>(value) - centers(c, d));
        centers(c, d) = value;
      }
    }
    for (std::size_t c : empty) moved += restart(centers, c);
    return moved;
  }

  // Puts an empty cluster on the point that is farthest from its center; where that is at distance 0 there
  // are fewer distinct points than clusters, and the cluster stays empty.
  double restart(Matrix<float>& centers, std::size_t c) {
    std::size_t farthest = 0;
    for (std::size_t i = 1; i < points_.rows(); ++i)
      if (distances_[i] > distances_[farthest]) farthest = i;
    if (!(distances_[farthest] > 0.0f)) return 0.0;
    double moved = 0.0;
    for (std::size_t d = 0; d < points_.dim(); ++d) {
      const float value = points_.block(farthest / kLanes)[d * kLanes + farthest % kLanes];
      moved += (static_cast<double>(value) - centers(c, d)) * (static_cast<double>(value) - centers(c, d));
      centers(c, d) = value;
    }
    distances_[farthest] = 0.0f;  // the next empty cluster takes another point
    return moved;
  }

  const LaneBlocks& points_;
  std::size_t k_;
  ThreadPool& pool_;
  std::vector<std::int32_t> labels_;
  std::vector<float> distances_;
  std::vector<PieceSums> pieces_;
};

}  // namespace

KMeansResult kmeans(MatrixView<float> x, const KMeansOptions& options, std::uint32_t stream,
                    ThreadPool& pool) {
  check_kmeans(x, options);
  const CentredPoints data(x);
  const LaneBlocks blocks(data.rows);
  const double least_move = options.tolerance * data.variance;
  const Matrix<float> sample = start_rows(data.rows, options.seed, stream);
  const bool sampled = sample.rows() < x.rows;
  const LaneBlocks sample_blocks(sample);
  Lloyd lloyd(blocks, options.k, pool);
  KMeansResult best;
  best.inertia = std::numeric_limits<double>::infinity();
  Matrix<float> best_centers;
  for (std::size_t start = 0; start < std::max<std::size_t>(options.restarts, 1); ++start) {
    Matrix<float> centers = plus_plus(sample, sample_blocks, options, stream, start);
    if (sampled) Lloyd(sample_blocks, options.k, pool).run(centers, options.max_iterations, least_move);
    const auto [iterations, converged] = lloyd.run(centers, options.max_iterations, least_move);
    const double inertia = lloyd.assign(centers);
    if (inertia < best.inertia) {
      best.inertia = inertia;
      best.iterations = iterations;
      best.converged = converged;
      best.labels.assign(lloyd.labels().begin(),
                         lloyd.labels().begin() + static_cast<std::ptrdiff_t>(x.rows));
      best_centers = centers;
    }
  }
  finish_kmeans(x, best_centers, data.mean, best);
  return best;
}

std::vector<KMeansResult> kmeans(std::span<const KMeansTask> tasks, ThreadPool& pool) {
  std::vector<KMeansResult> out(tasks.size());
  if (tasks.size() == 1) {
    out[0] = kmeans(tasks[0].x, tasks[0].options, tasks[0].stream, pool);
    return out;
  }
  pool.run(tasks.size(), [&](std::size_t t) {
    ThreadPool alone(1);
    out[t] = kmeans(tasks[t].x, tasks[t].options, tasks[t].stream, alone);
  });
  return out;
}

KMeansResult kmeans(MatrixView<float> x, const KMeansOptions& options) {
  ThreadPool pool(options.threads == 0 ? available_threads() : options.threads);
  return kmeans(x, options, 0, pool);
}

}  // namespace gmmvae
