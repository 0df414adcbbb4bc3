#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

#include "host/parallel/lanes.hpp"
#include "host/tsne/gradient.hpp"

namespace gmmvae::tsne {
namespace {

constexpr std::size_t kRowsPerTask = 128;

/// The positions of the sixteen points that `columns` names, one dimension a vector.
template <std::size_t Dim>
GMMVAE_INLINE void gather(const std::uint32_t* columns, const float* positions, Lanes (&out)[Dim]) {
  if constexpr (Dim == 2) {
    // Both coordinates of a point travel as one number of eight bytes.
    const auto point = [&](std::size_t l) {
      double both;
      std::memcpy(&both, positions + std::size_t{2} * columns[l], sizeof both);
      return both;
    };
    const DoubleLanes first = {point(0), point(1), point(2), point(3),
                               point(4), point(5), point(6), point(7)};
    const DoubleLanes second = {point(8),  point(9),  point(10), point(11),
                                point(12), point(13), point(14), point(15)};
    Lanes low, high;
    std::memcpy(&low, &first, sizeof low);
    std::memcpy(&high, &second, sizeof high);
    out[0] = __builtin_shufflevector(low, high, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    out[1] = __builtin_shufflevector(low, high, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  } else {
    for (std::size_t d = 0; d < Dim; ++d) {
      float dimension[kLanes];
      for (std::size_t l = 0; l < kLanes; ++l) dimension[l] = positions[columns[l] * std::size_t{Dim} + d];
      load(dimension, out[d]);
    }
  }
}

/// Calls use(weight, apart, 1 + |apart|^2) for the edges of row i, sixteen at a time; the last ones are
/// filled up with edges of weight 0 to the point itself.
template <std::size_t Dim, class Use>
GMMVAE_INLINE void over_edges(const Affinities& p, const float* positions, std::size_t i, const Use& use) {
  const float* own = positions + i * Dim;
  const auto meet = [&](const std::uint32_t* columns, const float* values) __attribute__((always_inline)) {
    Lanes apart[Dim], squared = Lanes{} + 1.0f, weight;
    gather<Dim>(columns, positions, apart);
    for (std::size_t d = 0; d < Dim; ++d) {
      apart[d] = own[d] - apart[d];
      squared += apart[d] * apart[d];
    }
    load(values, weight);
    use(weight, apart, squared);
  };
  const std::uint64_t end = p.offsets[i + 1];
  std::uint64_t e = p.offsets[i];
  for (; e + kLanes <= end; e += kLanes) meet(p.columns.data() + e, p.values.data() + e);
  if (e == end) return;
  std::uint32_t columns[kLanes];
  float values[kLanes];
  for (std::size_t l = 0; l < kLanes; ++l) {
    columns[l] = e + l < end ? p.columns[e + l] : static_cast<std::uint32_t>(i);
    values[l] = e + l < end ? p.values[e + l] : 0.0f;
  }
  meet(columns, values);
}

GMMVAE_INLINE float sum_of(const Lanes& x) {
  float half[kLanes / 2];
  for (std::size_t l = 0; l < kLanes / 2; ++l) half[l] = x[l] + x[l + kLanes / 2];
  return ((half[0] + half[4]) + (half[1] + half[5])) + ((half[2] + half[6]) + (half[3] + half[7]));
}

template <std::size_t Dim>
GMMVAE_INLINE void attract_rows(const Affinities& p, const float* positions, std::size_t begin,
                                std::size_t end, float* forces) {
  for (std::size_t i = begin; i < end; ++i) {
    Lanes force[Dim] = {};
    over_edges<Dim>(
        p, positions,
        i, [&](Lanes & weight, Lanes(&apart)[Dim], Lanes & squared) __attribute__((always_inline)) {
          weight /= squared;
          for (std::size_t d = 0; d < Dim; ++d) force[d] += weight * apart[d];
        });
    for (std::size_t d = 0; d < Dim; ++d) forces[i * Dim + d] = sum_of(force[d]);
  }
}

template <std::size_t Dim>
GMMVAE_INLINE double sum_logarithms(const Affinities& p, const float* positions, std::size_t begin,
                                    std::size_t end) {
  double total = 0.0;
  for (std::size_t i = begin; i < end; ++i) {
    Lanes sum = {};
    over_edges<Dim>(
        p, positions, i, [&](Lanes & weight, Lanes(&)[Dim], Lanes & squared) __attribute__((always_inline)) {
          logarithm(squared);
          sum += weight * squared;
        });
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
