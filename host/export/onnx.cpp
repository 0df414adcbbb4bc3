#include "host/export/onnx.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numbers>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "gmmvae/error.hpp"
#include "host/export/onnx_graph.hpp"
#include "version.hpp"

namespace gmmvae {
namespace {

/// The activation between two layers. gelu is no operator of opset 13: x Phi(x) = x (1 + erf(x / sqrt 2))
/// / 2.
std::string activate(OnnxGraph& graph, Activation activation, const std::string& x) {
  switch (activation) {
    case Activation::relu:
      return graph.node("Relu", {x});
    case Activation::tanh:
      return graph.node("Tanh", {x});
    case Activation::softplus:
      return graph.node("Softplus", {x});
    case Activation::elu:
      return graph.node("Elu", {x}, {OnnxAttribute::real("alpha", 1.0F)});
    case Activation::leaky_relu:
      return graph.node("LeakyRelu", {x},
                        {OnnxAttribute::real("alpha", static_cast<float>(kLeakyReluSlope))});
    case Activation::gelu: {
      const std::string root = graph.constant("gelu.root_half", std::numbers::sqrt2_v<float> / 2.0F);
      const std::string erf = graph.node("Erf", {graph.node("Mul", {x, root})});
      const std::string cdf = graph.node("Mul", {graph.node("Add", {erf, graph.constant("gelu.one", 1.0F)}),
                                                 graph.constant("gelu.half", 0.5F)});
      return graph.node("Mul", {x, cdf});
    }
    case Activation::identity:
      break;
  }
  return x;
}

/// The dense layers of one network from `value` on, with the names that the parameters have in the model
/// file.
std::string run_network(OnnxGraph& graph, const Vae& vae, std::size_t model, const char* network,
                        const std::vector<DenseShape>& layers, std::string value) {
  const ParameterLayout layout(vae.architecture, vae.objective);
  const std::span<const float> parameters = vae.parameters_of(model);
  for (const TensorSlice& slice : layout.tensors()) {
    if (slice.name.starts_with(fmt::format("{}.", network)))
      graph.initializer<float>(slice.name, slice.shape, parameters.subspan(slice.offset, slice.size));
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string name = fmt::format("{}.{}", network, 2 * i);  // as in nn.Sequential
    value = graph.node("Gemm", {value, fmt::format("{}.weight", name), fmt::format("{}.bias", name)},
                       {OnnxAttribute::integer("transB", 1)});  // weights are [out,in]
    value = activate(graph, layers[i].activation, value);
  }
  return value;
}

/// The two constants of the scaler and what they are applied with, in double and rounded once, as Scaler
/// does.
struct ScalerStep {
  std::string_view operation, constant;
};
std::string apply_scaler(OnnxGraph& graph, const Scaler& scaler, const std::string& value,
                         std::initializer_list<ScalerStep> steps, const std::string& out) {
  graph.initializer<double>("scaler.offset", {scaler.offset.size()}, scaler.offset);
  graph.initializer<double>("scaler.scale", {scaler.scale.size()}, scaler.scale);
  std::string x = graph.node("Cast", {value}, {OnnxAttribute::integer("to", kOnnxDouble)});
  for (const ScalerStep& step : steps) x = graph.node(step.operation, {x, std::string(step.constant)});
  return graph.node("Cast", {x}, {OnnxAttribute::integer("to", kOnnxFloat)}, {out});
}

std::string finished(OnnxGraph& graph, const Vae& vae, std::size_t model) {
  return graph.model(kVersion,
                     {{"gmmvae_version", kVersion},
                      {"config", vae.config},
                      {"decoder_variance", fmt::format("{}", fmt::join(vae.decoder_variance(model), ","))}});
}

}  // namespace

std::string onnx_encoder(const Vae& vae, std::size_t model) {
  const std::size_t latent = vae.architecture.latent;
  OnnxGraph graph("encoder");
  graph.input("x", vae.architecture.data_dim);
  const std::string scaled =
      apply_scaler(graph, vae.scaler, "x", {{"Sub", "scaler.offset"}, {"Div", "scaler.scale"}}, "x_scaled");
  const std::string head =
      run_network(graph, vae, model, "encoder", encoder_layers(vae.architecture), scaled);
  const auto width = static_cast<std::int64_t>(latent);
  graph.initializer<std::int64_t>("head.widths", {2}, std::vector<std::int64_t>{width, width});
  graph.node("Split", {head, "head.widths"}, {OnnxAttribute::integer("axis", 1)}, {"mean", "variance_raw"});
  if (vae.architecture.posterior_variance == PosteriorVariance::exp) {
    graph.node("Exp", {"variance_raw"}, {}, {"variance"});
  } else {  // softplus(a / 2)
    const std::string half = graph.node("Mul", {"variance_raw", graph.constant("head.half", 0.5F)});
    graph.node("Softplus", {half}, {}, {"variance"});
  }
  graph.output("mean", latent);
  graph.output("variance", latent);
  return finished(graph, vae, model);
}

std::string onnx_decoder(const Vae& vae, std::size_t model) {
  OnnxGraph graph("decoder");
  graph.input("z", vae.architecture.latent);
  const std::string scaled = run_network(graph, vae, model, "decoder", decoder_layers(vae.architecture), "z");
  apply_scaler(graph, vae.scaler, scaled, {{"Mul", "scaler.scale"}, {"Add", "scaler.offset"}}, "x");
  graph.output("x", vae.architecture.data_dim);
  return finished(graph, vae, model);
}

}  // namespace gmmvae
