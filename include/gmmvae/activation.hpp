#pragma once

namespace gmmvae {

/// With PyTorch's default constants: leaky relu slope 0.01, elu alpha 1, exact (erf) gelu, softplus beta 1.
enum class Activation { relu, tanh, softplus, gelu, leaky_relu, elu, identity };

inline constexpr double kLeakyReluSlope = 0.01;

/// How the last Z outputs `a` of the encoder become the posterior variance.
enum class PosteriorVariance {
  exp,            ///< exp(a)
  softplus_half,  ///< softplus(a / 2), the course's
};

}  // namespace gmmvae
