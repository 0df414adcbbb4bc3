#include "host/vae/names.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstddef>

#include "gmmvae/error.hpp"
#include "host/io/nearest_name.hpp"

namespace gmmvae {
namespace {

/// What a person calls the type, and the names of its values 0, 1, 2, ...
template <class Enum>
struct Names;

template <>
struct Names<Activation> {
  static constexpr std::string_view kind = "activation";
  static constexpr std::array<std::string_view, 7> values = {"relu",       "tanh", "softplus", "gelu",
                                                             "leaky-relu", "elu",  "identity"};
};
template <>
struct Names<PosteriorVariance> {
  static constexpr std::string_view kind = "posterior variance";
  static constexpr std::array<std::string_view, 2> values = {"exp", "softplus-half"};
};
template <>
struct Names<Initialization> {
  static constexpr std::string_view kind = "initialization";
  static constexpr std::array<std::string_view, 5> values = {"linear", "xavier-uniform", "xavier-normal",
                                                             "kaiming-uniform", "kaiming-normal"};
};
template <>
struct Names<ObjectiveKind> {
  static constexpr std::string_view kind = "objective";
  static constexpr std::array<std::string_view, 4> values = {"course", "lab", "half-sse", "elbo"};
};
template <>
struct Names<DecoderVarianceKind> {
  static constexpr std::string_view kind = "decoder variance";
  static constexpr std::array<std::string_view, 3> values = {"fixed", "learned", "learned-per-dim"};
};
template <>
struct Names<ScaleKind> {
  static constexpr std::string_view kind = "scale";
  static constexpr std::array<std::string_view, 3> values = {"none", "minmax", "standard"};
};
template <>
struct Names<LearningRateSchedule> {
  static constexpr std::string_view kind = "learning-rate schedule";
  static constexpr std::array<std::string_view, 3> values = {"constant", "cosine", "linear"};
};
template <>
struct Names<Arithmetic> {
  static constexpr std::string_view kind = "precision";
  static constexpr std::array<std::string_view, 2> values = {"fp32", "tf32x3"};
};
template <>
struct Names<TrainingStatus> {
  static constexpr std::string_view kind = "training status";
  static constexpr std::array<std::string_view, 4> values = {"running", "finished", "stopped-early",
                                                             "diverged"};
};
template <>
struct Names<Layout> {
  static constexpr std::string_view kind = "layout";
  static constexpr std::array<std::string_view, 4> values = {"uniform", "normal", "ring", "grid"};
};
template <>
struct Names<CovarianceKind> {
  static constexpr std::string_view kind = "covariance";
  static constexpr std::array<std::string_view, 3> values = {"spherical", "diagonal", "full"};
};

template <class Enum>
std::string name_of(Enum value) {
  return std::string(Names<Enum>::values.at(static_cast<std::size_t>(value)));
}

}  // namespace

std::string to_string(Activation value) {
  return name_of(value);
}
std::string to_string(PosteriorVariance value) {
  return name_of(value);
}
std::string to_string(Initialization value) {
  return name_of(value);
}
std::string to_string(ObjectiveKind value) {
  return name_of(value);
}
std::string to_string(DecoderVarianceKind value) {
  return name_of(value);
}
std::string to_string(ScaleKind value) {
  return name_of(value);
}
std::string to_string(Arithmetic value) {
  return name_of(value);
}
std::string to_string(LearningRateSchedule value) {
  return name_of(value);
}
std::string to_string(TrainingStatus value) {
  return name_of(value);
}
std::string to_string(Layout value) {
  return name_of(value);
}
std::string to_string(CovarianceKind value) {
  return name_of(value);
}

template <class Enum>
std::vector<std::string> choices() {
  return {Names<Enum>::values.begin(), Names<Enum>::values.end()};
}

template <class Enum>
Enum parse(std::string_view name) {
  const auto& values = Names<Enum>::values;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] == name) return static_cast<Enum>(i);
  }
  const std::string nearest = nearest_name(name, choices<Enum>());
  throw UsageError(fmt::format("'{}' is not a known {}: choose one of {}{}", name, Names<Enum>::kind,
                               fmt::join(values, ", "),
                               nearest.empty() ? "" : fmt::format(" (did you mean {}?)", nearest)));
}

#define GMMVAE_NAMED(Enum)                           \
  template std::vector<std::string> choices<Enum>(); \
  template Enum parse<Enum>(std::string_view name);
GMMVAE_NAMED(Activation)
GMMVAE_NAMED(PosteriorVariance)
GMMVAE_NAMED(Initialization)
GMMVAE_NAMED(ObjectiveKind)
GMMVAE_NAMED(DecoderVarianceKind)
GMMVAE_NAMED(ScaleKind)
GMMVAE_NAMED(LearningRateSchedule)
GMMVAE_NAMED(Arithmetic)
GMMVAE_NAMED(TrainingStatus)
GMMVAE_NAMED(Layout)
GMMVAE_NAMED(CovarianceKind)
#undef GMMVAE_NAMED

}  // namespace gmmvae
