#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/clustering/lloyd.hpp"
#include "host/data/rows.hpp"
#include "host/parallel/lanes.hpp"

namespace gmmvae {

namespace {

// Points are summed in pieces of this many blocks, and the pieces in order, whatever the number of threads.
constexpr std::size_t kBlocksPerPiece = 512;
// Above this many points a start is found and first moved on a sample: it needs a few full passes then, not
// dozens.
constexpr std::size_t kStartSample = 32768;

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

// sum over points of min(current, distance to candidate): what k-means++ would be left with.
GMMVAE_CLONES double potential(const LaneBlocks& points, const float* candidate, const float* current) {
  const std::size_t full = points.rows() / kLanes;
  double total = 0.0;
  for (std::size_t start = 0; start < points.blocks(); start += 64) {
    Lanes sum = {};
    for (std::size_t b = start; b < std::min(points.blocks(), start + 64); ++b) {
      Lanes d2, now;
      squared_distances(points.block(b), candidate, points.dim(), d2);
      load(current + b * kLanes, now);
      d2 = d2 < now ? d2 : now;
      if (b == full)
        for (std::size_t l = points.filled(b); l < kLanes; ++l) d2[l] = 0.0f;
      sum += d2;
    }
    for (std::size_t l = 0; l < kLanes; ++l) total += sum[l];
  }
  return total;
}

GMMVAE_CLONES void lower_to(const LaneBlocks& points, const float* center, float* current) {
  for (std::size_t b = 0; b < points.blocks(); ++b) {
    Lanes d2, now;
    squared_distances(points.block(b), center, points.dim(), d2);
    load(current + b * kLanes, now);
    store(d2 < now ? d2 : now, current + b * kLanes);
  }
}

/// Points moved to their mean, so that single precision holds differences well, and regrouped.
struct Prepared {
  std::vector<double> mean;
  double variance = 0.0;  // mean over columns
  Matrix<float> rows;
  LaneBlocks blocks;

  explicit Prepared(MatrixView<float> x) : mean(x.cols, 0.0), rows(centred(x)), blocks(rows) {}

 private:
  Matrix<float> centred(MatrixView<float> x) {
    const auto n = static_cast<double>(x.rows);
    for (std::size_t i = 0; i < x.rows; ++i)
      for (std::size_t d = 0; d < x.cols; ++d) mean[d] += x(i, d);
    for (double& m : mean) m /= n;
    Matrix<float> out(x.rows, x.cols);
    double squares = 0.0;
    for (std::size_t i = 0; i < x.rows; ++i)
      for (std::size_t d = 0; d < x.cols; ++d) {
        const double value = x(i, d) - mean[d];
        squares += value * value;
        out(i, d) = static_cast<float>(value);
      }
    variance = squares / n / static_cast<double>(x.cols);
    return out;
  }
};

/// Draws an index with probability proportional to `weights`, from a uniform number in (0,1).
std::size_t pick(const std::vector<float>& weights, std::size_t count, double total, double uniform) {
  double left = uniform * total;
  for (std::size_t i = 0; i < count; ++i) {
    left -= weights[i];
    if (left < 0.0) return i;
  }
  return std::min(static_cast<std::size_t>(uniform * static_cast<double>(count)),
                  count - 1);  // all weights are 0
}

/// Greedy k-means++: of a few candidates drawn by squared distance the one that leaves the least is taken.
Matrix<float> plus_plus(const Matrix<float>& rows, const LaneBlocks& blocks, std::size_t k,
                        const RandomStream& stream) {
  const std::size_t trials = 2 + static_cast<std::size_t>(std::log(static_cast<double>(k)));
  Matrix<float> centers(k, rows.cols());
  std::vector<float> distances(blocks.blocks() * kLanes, std::numeric_limits<float>::max());
  const auto first = std::min(static_cast<std::size_t>(stream.uniform(0) * static_cast<double>(rows.rows())),
                              rows.rows() - 1);
  std::copy_n(rows.row(first).begin(), rows.cols(), centers.row(0).begin());
  lower_to(blocks, centers.row(0).data(), distances.data());
  for (std::size_t c = 1; c < k; ++c) {
    double total = 0.0;
    for (std::size_t i = 0; i < rows.rows(); ++i) total += distances[i];
    double best = std::numeric_limits<double>::infinity();
    std::size_t chosen = 0;
    for (std::size_t t = 0; t < trials; ++t) {
      const std::size_t candidate = pick(distances, rows.rows(), total, stream.uniform(c * trials + t));
      const double left = potential(blocks, rows.row(candidate).data(), distances.data());
      if (left < best) best = left, chosen = candidate;
    }
    std::copy_n(rows.row(chosen).begin(), rows.cols(), centers.row(c).begin());
    lower_to(blocks, centers.row(c).data(), distances.data());
  }
  return centers;
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

/// A sample of the rows for finding starts, or all of them.
Matrix<float> start_rows(const Matrix<float>& rows, std::uint64_t seed, std::uint32_t stream) {
  if (rows.rows() <= 2 * kStartSample) return rows;
  const KeyedPermutation order(static_cast<std::uint32_t>(rows.rows()), seed, Purpose::clustering, stream, 0);
  std::vector<std::uint32_t> chosen(kStartSample);
  for (std::uint32_t i = 0; i < kStartSample; ++i) chosen[i] = order(i);
  return gather_rows(rows, chosen);
}

double squared_to_center(std::span<const float> x, std::span<const double> center) {
  double sum = 0.0;
  for (std::size_t d = 0; d < x.size(); ++d) sum += (x[d] - center[d]) * (x[d] - center[d]);
  return sum;
}

// The means of the labelled points in double, and the inertia about them.
void finish(MatrixView<float> x, std::size_t k, const Matrix<float>& centers, const std::vector<double>& mean,
            KMeansResult& out) {
  out.centers = Matrix<double>(k, x.cols);
  std::vector<std::uint64_t> counts(k, 0);
  for (std::size_t i = 0; i < x.rows; ++i) {
    const auto c = static_cast<std::size_t>(out.labels[i]);
    ++counts[c];
    for (std::size_t d = 0; d < x.cols; ++d) out.centers(c, d) += x(i, d);
  }
  for (std::size_t c = 0; c < k; ++c)
    for (std::size_t d = 0; d < x.cols; ++d)
      out.centers(c, d) =
          counts[c] > 0 ? out.centers(c, d) / static_cast<double>(counts[c]) : centers(c, d) + mean[d];
  out.inertia = 0.0;
  for (std::size_t i = 0; i < x.rows; ++i)
    out.inertia += squared_to_center(x.row(i), out.centers.row(static_cast<std::size_t>(out.labels[i])));
}

}  // namespace

KMeansResult kmeans(MatrixView<float> x, const KMeansOptions& options, std::uint32_t stream,
                    ThreadPool& pool) {
  if (options.k == 0 || options.k > x.rows)
    throw UsageError(
        fmt::format("k = {} clusters were asked for, but there are {} points", options.k, x.rows));
  if (x.cols == 0) throw DataError("points without columns cannot be clustered");
  const Prepared data(x);
  const double least_move = options.tolerance * data.variance;
  const Matrix<float> sample = start_rows(data.rows, options.seed, stream);
  const bool sampled = sample.rows() < x.rows;
  const LaneBlocks sample_blocks(sample);
  Lloyd lloyd(data.blocks, options.k, pool);
  KMeansResult best;
  best.inertia = std::numeric_limits<double>::infinity();
  Matrix<float> best_centers;
  for (std::size_t start = 0; start < std::max<std::size_t>(options.restarts, 1); ++start) {
    const RandomStream numbers(options.seed, Purpose::clustering, stream,
                               static_cast<std::uint32_t>(start + 1));
    Matrix<float> centers = plus_plus(sample, sample_blocks, options.k, numbers);
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
  finish(x, options.k, best_centers, data.mean, best);
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
