#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "host/parallel/lanes.hpp"
#include "host/tsne/gradient.hpp"

namespace gmmvae::tsne {
namespace {

constexpr std::size_t kRowsPerTask = 128;
// Edges that are brought together before lanes work on them; longer rows go piece by piece.
constexpr std::size_t kPiece = 128;

/// Positions of up to kPiece neighbours as they stand in memory, one after the other, with their weights;
/// full lanes, filled up with weight 0.
template <std::size_t Dim>
struct Piece {
  alignas(64) float position[Dim * kPiece];
  alignas(64) float weight[kPiece];
  std::size_t padded = 0;
};

template <std::size_t Dim>
GMMVAE_INLINE void gather(const std::uint32_t* columns, const float* values, std::size_t count,
                          const float* positions, const float* own, Piece<Dim>& piece) {
  for (std::size_t e = 0; e < count; ++e)
    std::memcpy(piece.position + e * Dim, positions + columns[e] * std::size_t{Dim}, Dim * sizeof(float));
  std::copy_n(values, count, piece.weight);
  piece.padded = (count + kLanes - 1) / kLanes * kLanes;
  for (std::size_t e = count; e < piece.padded; ++e) {
    piece.weight[e] = 0.0f;
    std::memcpy(piece.position + e * Dim, own, Dim * sizeof(float));
  }
}

/// The coordinates of sixteen points, one dimension a vector.
template <std::size_t Dim>
GMMVAE_INLINE void deal(const float* points, Lanes (&out)[Dim]) {
  if constexpr (Dim == 1) {
    load(points, out[0]);
  } else if constexpr (Dim == 2) {
    Lanes low, high;
    load(points, low);
    load(points + kLanes, high);
    out[0] = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    out[1] = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  } else {
    for (std::size_t d = 0; d < Dim; ++d) {
      float dimension[kLanes];
      for (std::size_t l = 0; l < kLanes; ++l) dimension[l] = points[l * Dim + d];
      load(dimension, out[d]);
    }
  }
}

GMMVAE_INLINE float sum_of(const Lanes& x) {
  float half[kLanes / 2];
  for (std::size_t l = 0; l < kLanes / 2; ++l) half[l] = x[l] + x[l + kLanes / 2];
  return ((half[0] + half[4]) + (half[1] + half[5])) + ((half[2] + half[6]) + (half[3] + half[7]));
}

template <std::size_t Dim>
GMMVAE_INLINE void attract_rows(const Affinities& p, const float* positions, std::size_t begin,
                                std::size_t end, float* forces) {
  Piece<Dim> piece;
  for (std::size_t i = begin; i < end; ++i) {
    const float* own = positions + i * Dim;
    Lanes force[Dim] = {};
    for (std::uint64_t e = p.offsets[i]; e < p.offsets[i + 1]; e += kPiece) {
      const std::size_t count = std::min<std::uint64_t>(kPiece, p.offsets[i + 1] - e);
      gather<Dim>(p.columns.data() + e, p.values.data() + e, count, positions, own, piece);
      for (std::size_t at = 0; at < piece.padded; at += kLanes) {
        Lanes apart[Dim], squared = Lanes{} + 1.0f, weight;
        deal<Dim>(piece.position + at * Dim, apart);
        for (std::size_t d = 0; d < Dim; ++d) {
          apart[d] = own[d] - apart[d];
          squared += apart[d] * apart[d];
        }
        load(piece.weight + at, weight);
        weight /= squared;
        for (std::size_t d = 0; d < Dim; ++d) force[d] += weight * apart[d];
      }
    }
    for (std::size_t d = 0; d < Dim; ++d) forces[i * Dim + d] = sum_of(force[d]);
  }
}

template <std::size_t Dim>
GMMVAE_INLINE double sum_logarithms(const Affinities& p, const float* positions, std::size_t begin,
                                    std::size_t end) {
  Piece<Dim> piece;
  double total = 0.0;
  for (std::size_t i = begin; i < end; ++i) {
    const float* own = positions + i * Dim;
    Lanes sum = {};
    for (std::uint64_t e = p.offsets[i]; e < p.offsets[i + 1]; e += kPiece) {
      const std::size_t count = std::min<std::uint64_t>(kPiece, p.offsets[i + 1] - e);
      gather<Dim>(p.columns.data() + e, p.values.data() + e, count, positions, own, piece);
      for (std::size_t at = 0; at < piece.padded; at += kLanes) {
        Lanes apart[Dim], squared = Lanes{} + 1.0f, weight;
        deal<Dim>(piece.position + at * Dim, apart);
        for (std::size_t d = 0; d < Dim; ++d) {
          apart[d] = own[d] - apart[d];
          squared += apart[d] * apart[d];
        }
        load(piece.weight + at, weight);
        logarithm(squared);
        sum += weight * squared;
      }
    }
    total += sum_of(sum);
  }
  return total;
}

GMMVAE_CLONES void attract_range(const Affinities& p, const float* positions, std::size_t dim,
                                 std::size_t begin, std::size_t end, float* forces) {
  switch (dim) {
    case 1:
      attract_rows<1>(p, positions, begin, end, forces);
      break;
    case 2:
      attract_rows<2>(p, positions, begin, end, forces);
      break;
    default:
      attract_rows<3>(p, positions, begin, end, forces);
  }
}

GMMVAE_CLONES double logarithms_range(const Affinities& p, const float* positions, std::size_t dim,
                                      std::size_t begin, std::size_t end) {
  switch (dim) {
    case 1:
      return sum_logarithms<1>(p, positions, begin, end);
    case 2:
      return sum_logarithms<2>(p, positions, begin, end);
    default:
      return sum_logarithms<3>(p, positions, begin, end);
  }
}

}  // namespace

void attract(const Affinities& affinities, MatrixView<float> positions, float* forces, ThreadPool& pool) {
  pool.for_range(positions.rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    attract_range(affinities, positions.data, positions.cols, begin, end, forces);
  });
}

double edge_logarithms(const Affinities& affinities, MatrixView<float> positions, ThreadPool& pool) {
  std::vector<double> sums((positions.rows + kRowsPerTask - 1) / kRowsPerTask);
  pool.for_range(positions.rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    sums[begin / kRowsPerTask] = logarithms_range(affinities, positions.data, positions.cols, begin, end);
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

double affinity_entropy(const Affinities& affinities) {
  double sum = 0.0;
  for (const float value : affinities.values)
    if (value > 0.0f) sum += value * std::log(static_cast<double>(value));
  return sum;
}

}  // namespace gmmvae::tsne
