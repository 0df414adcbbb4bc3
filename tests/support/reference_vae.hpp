#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/objective.hpp"
#include "gmmvae/random.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae::test {

/// What one batch costs; every term is a mean over the batch.
struct ReferenceLoss {
  double loss = 0.0;
  double reconstruction = 0.0;           ///< the loss without its KL term
  std::vector<double> kl_per_dimension;  ///< [Z], nats
  double elbo = 0.0;           ///< nats per sample in raw units, at the objective's own decoder variance
  double kink_distance = 0.0;  ///< smallest |pre-activation| of any hidden unit on any sample
};

/// The VAE's loss, forward only, in double, one sample and one unit at a time, PyTorch's conventions. Written
/// from the public headers' formulas; shares no code with the engine and so can judge it. parameters: weight
/// [out,in] and bias [out] of every encoder layer, then every decoder layer, then the decoder's log variance
/// where it is learned. x is [B,D] in scaled units, noise [B,Z].
ReferenceLoss reference_loss(const Architecture& architecture, const Objective& objective,
                             std::span<const double> parameters, MatrixView<double> x,
                             MatrixView<double> noise, double log_jacobian);

/// How many parameters `reference_loss` expects.
std::size_t reference_parameter_count(const Architecture& architecture, const Objective& objective);

/// Random parameters whose hidden units switch as far from the given samples as possible: each bias puts the
/// unit's zero into the middle of the widest gap between its pre-activations. A difference quotient then
/// meets no kink. All values are exact in single precision.
std::vector<double> parameters_clear_of_kinks(const Architecture& architecture, const Objective& objective,
                                              MatrixView<double> x, MatrixView<double> noise,
                                              std::uint64_t seed);

/// The trainer's standard normals for one batch, [rows,latent], in double: Box-Muller on 32-bit uniforms
/// U = u 2^-32 + 2^-33; words (0,1) of Philox block i give elements 4i and 4i+1, words (2,3) give 4i+2 and
/// 4i+3.
Matrix<double> trainer_noise(std::uint64_t seed, Purpose purpose, std::uint32_t model, std::uint32_t step,
                             std::size_t rows, std::size_t latent);

/// Standard normals for test data, each exact in single precision.
Matrix<double> some_normals(std::size_t rows, std::size_t cols, std::uint64_t seed);

Matrix<float> to_float(MatrixView<double> values);
Matrix<double> to_double(MatrixView<float> values);

}  // namespace gmmvae::test
