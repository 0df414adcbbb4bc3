#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gmmvae/dataset.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/objective.hpp"
#include "gmmvae/training.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

// The one spelling of every choice, on the command line, in configurations and in files.

std::string to_string(Activation value);         ///< relu, tanh, softplus, gelu, leaky-relu, elu, identity
std::string to_string(PosteriorVariance value);  ///< exp, softplus-half
std::string to_string(Initialization value);  ///< linear, xavier-uniform, xavier-normal, kaiming-uniform, ...
std::string to_string(ObjectiveKind value);   ///< course, lab, half-sse, elbo
std::string to_string(DecoderVarianceKind value);   ///< fixed, learned, learned-per-dim
std::string to_string(ScaleKind value);             ///< none, minmax, standard
std::string to_string(LearningRateSchedule value);  ///< constant, cosine, linear
std::string to_string(Arithmetic value);            ///< fp32, tf32x3
std::string to_string(TrainingStatus value);        ///< running, finished, stopped-early, diverged
std::string to_string(Layout value);                ///< uniform, normal, ring, grid
std::string to_string(CovarianceKind value);        ///< spherical, diagonal, full

/// The value of that name; `Enum` is any of the types above. Throws UsageError that lists the choices and,
/// for a near miss, names the nearest.
template <class Enum>
Enum parse(std::string_view name);

/// All names of the type, in the order of its values.
template <class Enum>
std::vector<std::string> choices();

}  // namespace gmmvae
