#include "gmmvae/vae.hpp"

#include <fmt/core.h>

#include <cmath>
#include <numeric>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"

namespace gmmvae {
namespace {

std::vector<DenseShape> dense_stack(std::size_t in, const std::vector<std::size_t>& hidden, std::size_t out,
                                    Activation activation) {
  std::vector<DenseShape> layers;
  for (const std::size_t width : hidden) {
    layers.push_back({in, width, activation});
    in = width;
  }
  layers.push_back({in, out, Activation::identity});
  return layers;
}

/// Standard deviation or half-width of a weight's distribution (PyTorch's nn.init; gains for relu).
double initialization_scale(Initialization initialization, const DenseShape& shape) {
  const auto in = static_cast<double>(shape.in);
  const auto out = static_cast<double>(shape.out);
  switch (initialization) {
    case Initialization::linear:
      return 1.0 / std::sqrt(in);
    case Initialization::xavier_uniform:
      return std::sqrt(6.0 / (in + out));
    case Initialization::xavier_normal:
      return std::sqrt(2.0 / (in + out));
    case Initialization::kaiming_uniform:
      return std::sqrt(6.0 / in);
    case Initialization::kaiming_normal:
      return std::sqrt(2.0 / in);
  }
  return 0.0;
}

bool draws_normals(Initialization initialization) {
  return initialization == Initialization::xavier_normal || initialization == Initialization::kaiming_normal;
}

}  // namespace

std::vector<DenseShape> encoder_layers(const Architecture& architecture) {
  return dense_stack(architecture.data_dim, architecture.encoder_hidden, 2 * architecture.latent,
                     architecture.activation);
}

std::vector<DenseShape> decoder_layers(const Architecture& architecture) {
  return dense_stack(architecture.latent, architecture.decoder_hidden, architecture.data_dim,
                     architecture.activation);
}

ParameterLayout::ParameterLayout(const Architecture& architecture, const Objective& objective) {
  const auto add = [this](std::string name, std::vector<std::size_t> shape) {
    const std::size_t size = std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
    tensors_.push_back({std::move(name), std::move(shape), size_, size});
    size_ += size;
  };
  const auto add_network = [&](const char* name, const std::vector<DenseShape>& layers) {
    for (std::size_t i = 0; i < layers.size();
         ++i) {  // every second module of the nn.Sequential is an activation
      add(fmt::format("{}.{}.weight", name, 2 * i), {layers[i].out, layers[i].in});
      add(fmt::format("{}.{}.bias", name, 2 * i), {layers[i].out});
    }
  };
  add_network("encoder", encoder_layers(architecture));
  add_network("decoder", decoder_layers(architecture));
  log_variance_offset_ = size_;
  if (learns_decoder_variance(objective)) {
    const bool per_dim = objective.variance_kind == DecoderVarianceKind::learned_per_dim;
    add("decoder_log_variance", {per_dim ? architecture.data_dim : 1});
  }
}

std::vector<float> initial_parameters(const Architecture& architecture, const Objective& objective,
                                      Initialization initialization, std::uint64_t seed,
                                      std::uint32_t model) {
  const ParameterLayout layout(architecture, objective);
  std::vector<float> parameters(layout.size());
  std::vector<DenseShape> layers = encoder_layers(architecture);
  const std::vector<DenseShape> decoder = decoder_layers(architecture);
  layers.insert(layers.end(), decoder.begin(), decoder.end());
  const auto fill = [&](std::size_t tensor, double scale, bool normal) {
    const TensorSlice& slice = layout.tensors()[tensor];
    const RandomStream random(seed, Purpose::initialization, model, static_cast<std::uint32_t>(tensor));
    for (std::size_t i = 0; i < slice.size; ++i) {
      const double value = normal ? random.normal(i) : 2.0 * random.uniform(i) - 1.0;
      parameters[slice.offset + i] = static_cast<float>(scale * value);
    }
  };
  for (std::size_t l = 0; l < layers.size(); ++l) {
    fill(2 * l, initialization_scale(initialization, layers[l]), draws_normals(initialization));
    if (initialization == Initialization::linear)
      fill(2 * l + 1, 1.0 / std::sqrt(static_cast<double>(layers[l].in)), false);
  }
  for (std::size_t i = layout.log_variance_offset(); i < layout.size(); ++i) {
    parameters[i] = static_cast<float>(std::log(objective.decoder_variance - objective.variance_floor));
  }
  return parameters;
}

std::span<const float> Vae::parameters_of(std::size_t model) const {
  if (model >= models) {
    throw UsageError(models == 0 ? std::string("there is no model at all")
                                 : fmt::format("there is no model {}: the file holds {} (0 to {})", model,
                                               models, models - 1));
  }
  const std::size_t size = ParameterLayout(architecture, objective).size();
  if (parameters.size() != models * size)
    throw UsageError(fmt::format("{} models of {} parameters each cannot hold {} numbers", models, size,
                                 parameters.size()));
  return {parameters.data() + model * size, size};
}

std::vector<double> Vae::decoder_variance(std::size_t model) const {
  const ParameterLayout layout(architecture, objective);
  const std::span<const float> values = parameters_of(model);
  std::vector<double> variance;
  for (std::size_t i = layout.log_variance_offset(); i < layout.size(); ++i) {
    variance.push_back(objective.variance_floor + std::exp(static_cast<double>(values[i])));
  }
  if (variance.empty()) {
    variance.push_back(implied_decoder_variance(objective, architecture.data_dim, architecture.latent));
  }
  return variance;
}

}  // namespace gmmvae
