#include "host/evaluation/pairwise.hpp"

#include <cmath>
#include <limits>

#include "host/parallel/lanes.hpp"

namespace gmmvae {

namespace {

// Sums run in single precision over this many pairs, then go on in double.
constexpr std::size_t kTile = 256;
// Blocks a task works on: enough to hide the cost of handing it out.
constexpr std::size_t kBlocksPerTask = 4;

// The dimensions of the plots people look at get loops of constant length.
#define GMMVAE_BY_DIMENSION(dim, call) \
  switch (dim) {                       \
    case 1:                            \
      call(1);                         \
      break;                           \
    case 2:                            \
      call(2);                         \
      break;                           \
    case 3:                            \
      call(3);                         \
      break;                           \
    default:                           \
      call(dim);                       \
  }

GMMVAE_INLINE void sum_distances_body(const float* block, const float* rows, std::size_t count,
                                      std::size_t dim, double* sums) {
  for (std::size_t start = 0; start < count; start += kTile) {
    const std::size_t stop = std::min(count, start + kTile);
    Lanes tile = {};
    for (std::size_t j = start; j < stop; ++j) {
      Lanes distance;
      squared_distances(block, rows + j * dim, dim, distance);
      square_root(distance);
      tile += distance;
    }
    for (std::size_t l = 0; l < kLanes; ++l) sums[l] += tile[l];
  }
}

}  // namespace

GMMVAE_CLONES void sum_distances(const float* block, const float* rows, std::size_t count, std::size_t dim,
                                 double* sums) {
#define GMMVAE_CALL(D) sum_distances_body(block, rows, count, D, sums)
  GMMVAE_BY_DIMENSION(dim, GMMVAE_CALL)
#undef GMMVAE_CALL
}

namespace {

// One exponential serves the four bandwidths: each kernel is the fourth power of the wider one.
GMMVAE_INLINE void sum_rbf_body(const float* block, const float* rows, std::size_t count, std::size_t dim,
                                float factor, double* sums) {
  for (std::size_t start = 0; start < count; start += kTile) {
    const std::size_t stop = std::min(count, start + kTile);
    Lanes tile = {};
    for (std::size_t j = start; j < stop; ++j) {
      Lanes wide;
      squared_distances(block, rows + j * dim, dim, wide);
      wide *= factor;
      exponential(wide);
      const Lanes a = wide * wide * (wide * wide);
      const Lanes b = a * a * (a * a);
      const Lanes c = b * b * (b * b);
      tile += 0.25f * ((wide + a) + (b + c));
    }
    for (std::size_t l = 0; l < kLanes; ++l) sums[l] += tile[l];
  }
}

GMMVAE_CLONES void sum_rbf(const float* block, const float* rows, std::size_t count, std::size_t dim,
                           float factor, double* sums){
#define GMMVAE_CALL(D) sum_rbf_body(block, rows, count, D, factor, sums)
    GMMVAE_BY_DIMENSION(dim, GMMVAE_CALL)
#undef GMMVAE_CALL
}

GMMVAE_INLINE
    void least_body(const float* block, const float* rows, std::size_t count, std::size_t dim, float* least) {
  Lanes smallest;
  load(least, smallest);
  for (std::size_t j = 0; j < count; ++j) {
    Lanes d2;
    squared_distances(block, rows + j * dim, dim, d2);
    smallest = d2 < smallest ? d2 : smallest;
  }
  store(smallest, least);
}

GMMVAE_CLONES void least_squared(const float* block, const float* rows, std::size_t count, std::size_t dim,
                                 float* least){
#define GMMVAE_CALL(D) least_body(block, rows, count, D, least)
    GMMVAE_BY_DIMENSION(dim, GMMVAE_CALL)
#undef GMMVAE_CALL
}

GMMVAE_INLINE void balls_body(const float* block, const float* rows, const float* radii, std::size_t count,
                              std::size_t dim, std::uint32_t* inside) {
  IntLanes counts = {};
  for (std::size_t j = 0; j < count; ++j) {
    Lanes d2;
    squared_distances(block, rows + j * dim, dim, d2);
    counts -= d2 <= radii[j];  // a true lane is -1
  }
  for (std::size_t l = 0; l < kLanes; ++l) inside[l] += static_cast<std::uint32_t>(counts[l]);
}

GMMVAE_CLONES void balls(const float* block, const float* rows, const float* radii, std::size_t count,
                         std::size_t dim, std::uint32_t* inside){
#define GMMVAE_CALL(D) balls_body(block, rows, radii, count, D, inside)
    GMMVAE_BY_DIMENSION(dim, GMMVAE_CALL)
#undef GMMVAE_CALL
}

// `lists` [k+1][16] holds each lane's smallest squared distances, ascending: a new value moves down the list
// by compare and swap, without a branch. k + 1, because the point itself is among the rows.
GMMVAE_INLINE void neighbors_body(const float* block, const float* rows, std::size_t count, std::size_t dim,
                                  std::size_t depth, float* lists) {
  Lanes last;
  load(lists + (depth - 1) * kLanes, last);
  for (std::size_t j = 0; j < count; ++j) {
    Lanes d2;
    squared_distances(block, rows + j * dim, dim, d2);
    const IntLanes closer = d2 < last;
    std::int64_t any[kLanes / 2];
    std::memcpy(any, &closer, sizeof any);
    if (((any[0] | any[1]) | (any[2] | any[3]) | (any[4] | any[5]) | (any[6] | any[7])) == 0) continue;
    for (std::size_t s = 0; s < depth; ++s) {
      Lanes slot;
      load(lists + s * kLanes, slot);
      const Lanes low = d2 < slot ? d2 : slot;
      d2 = d2 < slot ? slot : d2;
      store(low, lists + s * kLanes);
    }
    load(lists + (depth - 1) * kLanes, last);
  }
}

GMMVAE_CLONES void neighbors(const float* block, const float* rows, std::size_t count, std::size_t dim,
                             std::size_t depth, float* lists) {
#define GMMVAE_CALL(D) neighbors_body(block, rows, count, D, depth, lists)
  GMMVAE_BY_DIMENSION(dim, GMMVAE_CALL)
#undef GMMVAE_CALL
}

#undef GMMVAE_BY_DIMENSION

// Runs work(block, lanes, results of the block) over all blocks of x.
template <class T, class Work>
std::vector<T> over_blocks(MatrixView<float> x, ThreadPool& pool, const Work& work) {
  std::vector<T> out(x.rows);
  if (x.empty()) return out;
  const LaneBlocks blocks(x);
  pool.for_range(blocks.blocks(), kBlocksPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t b = begin; b < end; ++b) {
      T lanes[kLanes];
      work(blocks.block(b), lanes);
      std::copy_n(lanes, blocks.filled(b), out.begin() + static_cast<std::ptrdiff_t>(b * kLanes));
    }
  });
  return out;
}

}  // namespace

std::vector<float> kth_neighbor_squared(MatrixView<float> x, std::size_t k, ThreadPool& pool) {
  return over_blocks<float>(x, pool, [&](const float* block, float* out) {
    std::vector<float> lists((k + 1) * kLanes, std::numeric_limits<float>::infinity());
    neighbors(block, x.data, x.rows, x.cols, k + 1, lists.data());
    std::copy_n(lists.data() + k * kLanes, kLanes, out);
  });
}

std::vector<std::uint32_t> count_balls(MatrixView<float> x, MatrixView<float> y,
                                       std::span<const float> squared_radii, ThreadPool& pool) {
  return over_blocks<std::uint32_t>(x, pool, [&](const float* block, std::uint32_t* out) {
    std::fill_n(out, kLanes, 0u);
    balls(block, y.data, squared_radii.data(), y.rows, y.cols, out);
  });
}

std::vector<float> nearest_squared(MatrixView<float> x, MatrixView<float> y, ThreadPool& pool) {
  return over_blocks<float>(x, pool, [&](const float* block, float* out) {
    std::fill_n(out, kLanes, std::numeric_limits<float>::infinity());
    least_squared(block, y.data, y.rows, y.cols, out);
  });
}

std::vector<double> distance_sums(MatrixView<float> x, MatrixView<float> y, ThreadPool& pool) {
  return over_blocks<double>(x, pool, [&](const float* block, double* out) {
    std::fill_n(out, kLanes, 0.0);
    sum_distances(block, y.data, y.rows, y.cols, out);
  });
}

std::vector<double> rbf_sums(MatrixView<float> x, MatrixView<float> y, double base, ThreadPool& pool) {
  const auto factor = static_cast<float>(-0.5 / base);
  return over_blocks<double>(x, pool, [&](const float* block, double* out) {
    std::fill_n(out, kLanes, 0.0);
    sum_rbf(block, y.data, y.rows, y.cols, factor, out);
  });
}

}  // namespace gmmvae
