#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace gmmvae {

/// What random numbers are drawn for. One purpose, one stream: adding draws to one never moves another.
/// The values are part of every result's identity: append, never renumber.
enum class Purpose : std::uint32_t {
  shuffle = 0,  ///< the epoch's permutation of the training points; step = epoch
  training_noise =
      1,  ///< epsilon of the reparameterised sample; step = training step, element = row * latent + j
  initialization = 2,    ///< parameters; step = index of the tensor, element = index inside it
  validation_split = 3,  ///< which points are held out
  validation_noise =
      4,              ///< epsilon on the held-out points, the same in every epoch; element = row * latent + j
  mixture_means = 5,  ///< means of a drawn mixture
  mixture_weights = 6,      ///< Dirichlet weights of a drawn mixture
  component_label = 7,      ///< which component a point comes from
  mixture_point = 8,        ///< the point inside its component
  latent_sample = 9,        ///< z ~ N(0, I) when a model is sampled
  observation_noise = 10,   ///< the decoder's noise when a model is sampled
  evaluation = 11,          ///< Monte Carlo estimates about a model
  mixture_entropy = 12,     ///< Monte Carlo estimates about a mixture
  clustering = 13,          ///< k-means++ starts, gap statistic references
  embedding = 14,           ///< t-SNE initialisation, sampled checks
  mixture_covariance = 15,  ///< covariances of a drawn mixture
  sweep = 16,               ///< random and Sobol points of a sweep
};

/// Philox4x32-10 (Salmon et al., SC 2011), the generator behind curand_init(seed, subsequence, offset):
/// key = {low(seed), high(seed)}, counter = {block, step, model, purpose}, so that
/// subsequence = purpose * 2^32 + model and offset = 4 * (step * 2^32 + block).
std::array<std::uint32_t, 4> philox(std::uint64_t seed, Purpose purpose, std::uint32_t model,
                                    std::uint32_t step, std::uint32_t block);

/// Random numbers addressed by element, in double precision: element e of a stream never depends on
/// which other elements were asked for. Two elements share one Philox block.
class RandomStream {
 public:
  RandomStream(std::uint64_t seed, Purpose purpose, std::uint32_t model = 0, std::uint32_t step = 0)
      : seed_(seed), purpose_(purpose), model_(model), step_(step) {}

  /// Uniform on (0, 1), one of the 2^52 odd multiples of 2^-53, never 0 or 1. `element` is below 2^33.
  [[nodiscard]] double uniform(std::uint64_t element) const;
  /// Standard normal by Box-Muller; elements 2i and 2i+1 are the cosine and sine of one pair of uniforms.
  [[nodiscard]] double normal(std::uint64_t element) const;
  /// normal(0), normal(1), …, both of a pair at the price of one.
  void normals(std::span<double> out) const;

 private:
  struct Polar {
    double radius;
    double angle;
  };
  [[nodiscard]] Polar polar(std::uint64_t pair) const;

  std::uint64_t seed_;
  Purpose purpose_;
  std::uint32_t model_;
  std::uint32_t step_;
};

/// A keyed permutation of 0..size-1: a Feistel network on the smallest power of two, 256 or more, that holds
/// `size`, walked until it lands inside. Each position is computed alone, so a GPU thread needs no neighbour.
class KeyedPermutation {
 public:
  /// `size` is 1 to 2^31, else UsageError. The round keys are Philox blocks 0 and 1 of (seed, purpose, model,
  /// step).
  KeyedPermutation(std::uint32_t size, std::uint64_t seed, Purpose purpose, std::uint32_t model,
                   std::uint32_t step);
  /// Where position i comes from.
  [[nodiscard]] std::uint32_t operator()(std::uint32_t i) const;

  // For those who run the network themselves, see host/random/keyed_permutation.hpp.
  [[nodiscard]] std::uint32_t size() const { return size_; }
  [[nodiscard]] const std::array<std::uint32_t, 8>& keys() const { return keys_; }

 private:
  std::uint32_t size_;
  std::uint32_t low_bits_;
  std::uint32_t high_bits_;
  std::array<std::uint32_t, 8> keys_;
};

}  // namespace gmmvae
