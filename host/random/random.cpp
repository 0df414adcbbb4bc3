#include "gmmvae/random.hpp"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>
#include <string>

#include "gmmvae/error.hpp"
#include "host/random/keyed_permutation.hpp"

namespace gmmvae {
namespace {

/// The two words of a block as one of the odd multiples of 2^-53: the centre of one of 2^52 equal cells of
/// (0, 1). With 53 random bits the topmost centre would round to 1.
double to_uniform(std::uint32_t high, std::uint32_t low) {
  const std::uint64_t cell = ((std::uint64_t{high} << 32) | low) >> 12;
  return (static_cast<double>(cell) + 0.5) * 0x1p-52;
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::uint64_t seed, Purpose purpose, std::uint32_t model,
                                    std::uint32_t step, std::uint32_t block) {
  const r123::Philox4x32::ctr_type counter = {{block, step, model, static_cast<std::uint32_t>(purpose)}};
  const r123::Philox4x32::key_type key = {
      {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)}};
  const r123::Philox4x32::ctr_type words = r123::Philox4x32()(counter, key);
  return {words[0], words[1], words[2], words[3]};
}

double RandomStream::uniform(std::uint64_t element) const {
  const auto words = philox(seed_, purpose_, model_, step_, static_cast<std::uint32_t>(element / 2));
  return element % 2 == 0 ? to_uniform(words[0], words[1]) : to_uniform(words[2], words[3]);
}

RandomStream::Polar RandomStream::polar(std::uint64_t pair) const {
  const auto words = philox(seed_, purpose_, model_, step_, static_cast<std::uint32_t>(pair));
  return {std::sqrt(-2.0 * std::log(to_uniform(words[0], words[1]))),
          2.0 * std::numbers::pi * to_uniform(words[2], words[3])};
}

double RandomStream::normal(std::uint64_t element) const {
  const auto [radius, angle] = polar(element / 2);
  return radius * (element % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

void RandomStream::normals(std::span<double> out) const {
  for (std::size_t i = 0; i < out.size(); i += 2) {
    const auto [radius, angle] = polar(i / 2);
    out[i] = radius * std::cos(angle);
    if (i + 1 < out.size()) out[i + 1] = radius * std::sin(angle);
  }
}

KeyedPermutation::KeyedPermutation(std::uint32_t size, std::uint64_t seed, Purpose purpose,
                                   std::uint32_t model, std::uint32_t step)
    : size_(size) {
  if (size < 1 || size > (1U << 31)) {
    throw UsageError("A permutation of " + std::to_string(size) +
                     " elements was asked for; it takes 1 to 2^31.");
  }
  const auto halves = keyed_permutation::halves_of(size);
  low_bits_ = halves.low_bits;
  high_bits_ = halves.high_bits;
  for (std::uint32_t block = 0; block < 2; ++block) {
    const auto words = philox(seed, purpose, model, step, block);
    for (std::size_t w = 0; w < words.size(); ++w) keys_[4 * block + w] = words[w];
  }
}

std::uint32_t KeyedPermutation::operator()(std::uint32_t i) const {
  return keyed_permutation::permute(i, size_, {low_bits_, high_bits_}, keys_.data());
}

}  // namespace gmmvae
