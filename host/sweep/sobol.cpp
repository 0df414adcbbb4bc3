#include <fmt/core.h>

#include <array>

#include "gmmvae/error.hpp"
#include "gmmvae/sweep.hpp"

namespace gmmvae {
namespace {

constexpr std::size_t kBits = 32;
constexpr std::size_t kHighestDegree = 7;

/// A primitive polynomial over GF(2), x^degree + a_1 x^(degree-1) + .. + 1 with the bits of `inner` as its
/// inner coefficients, and the first direction numbers.
struct Dimension {
  unsigned degree;
  unsigned inner;
  std::array<std::uint32_t, kHighestDegree> first;
};

/// Dimensions 2 and up of new-joe-kuo-6 (Joe and Kuo, SIAM J. Sci. Comput. 30, 2008).
constexpr Dimension kDimensions[kSobolDimensions - 1] = {
    {1, 0, {1}},
    {2, 1, {1, 3}},
    {3, 1, {1, 3, 1}},
    {3, 2, {1, 1, 1}},
    {4, 1, {1, 1, 3, 3}},
    {4, 4, {1, 3, 5, 13}},
    {5, 2, {1, 1, 5, 5, 17}},
    {5, 4, {1, 1, 5, 5, 5}},
    {5, 7, {1, 1, 7, 11, 19}},
    {5, 11, {1, 1, 5, 1, 1}},
    {5, 13, {1, 1, 1, 3, 11}},
    {5, 14, {1, 3, 5, 5, 31}},
    {6, 1, {1, 3, 3, 9, 7, 49}},
    {6, 13, {1, 1, 1, 15, 21, 21}},
    {6, 16, {1, 3, 1, 13, 27, 49}},
    {6, 19, {1, 1, 1, 15, 7, 5}},
    {6, 22, {1, 3, 1, 15, 13, 25}},
    {6, 25, {1, 1, 5, 5, 19, 61}},
    {7, 1, {1, 3, 7, 11, 23, 15, 103}},
    {7, 4, {1, 3, 7, 13, 13, 15, 69}},
};

using Directions = std::array<std::uint32_t, kBits>;

constexpr Directions directions_of(std::size_t dimension) {
  Directions v{};
  if (dimension == 0) {  // van der Corput's sequence
    for (std::size_t k = 0; k < kBits; ++k) v[k] = std::uint32_t{1} << (kBits - 1 - k);
    return v;
  }
  const Dimension& d = kDimensions[dimension - 1];
  for (std::size_t k = 0; k < kBits; ++k) {
    if (k < d.degree) {
      v[k] = d.first[k] << (kBits - 1 - k);
      continue;
    }
    v[k] = v[k - d.degree] ^ (v[k - d.degree] >> d.degree);
    for (unsigned i = 1; i < d.degree; ++i)
      if ((d.inner >> (d.degree - 1 - i)) & 1U) v[k] ^= v[k - i];
  }
  return v;
}

constexpr std::array<Directions, kSobolDimensions> all_directions() {
  std::array<Directions, kSobolDimensions> all{};
  for (std::size_t d = 0; d < kSobolDimensions; ++d) all[d] = directions_of(d);
  return all;
}

}  // namespace

std::uint32_t sobol(std::uint64_t index, std::size_t dimension) {
  static constexpr std::array<Directions, kSobolDimensions> kDirections = all_directions();
  if (dimension >= kSobolDimensions)
    throw UsageError(fmt::format("Sobol points have {} coordinates at most", kSobolDimensions));
  if (index >> kBits != 0)
    throw UsageError(fmt::format("there are {} Sobol points", std::uint64_t{1} << kBits));
  // In the order of Gray codes, as the sequence is usually made (Antonov and Saleev 1979).
  const std::uint64_t gray = index ^ (index >> 1);
  std::uint32_t x = 0;
  for (std::size_t k = 0; k < kBits; ++k)
    if ((gray >> k) & 1U) x ^= kDirections[dimension][k];
  return x;
}

}  // namespace gmmvae
