#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/activation.hpp"
#include "gmmvae/dataset.hpp"
#include "gmmvae/matrix.hpp"
#include "gmmvae/objective.hpp"

namespace gmmvae {

/// Named as PyTorch names them. Biases are U(-1/sqrt(in), 1/sqrt(in)) for `linear`, zero for the others.
enum class Initialization { linear, xavier_uniform, xavier_normal, kaiming_uniform, kaiming_normal };

/// The shape of a VAE: data_dim -> encoder_hidden -> 2 * latent, latent -> decoder_hidden -> data_dim.
struct Architecture {
  std::size_t data_dim = 0;
  std::size_t latent = 2;
  std::vector<std::size_t> encoder_hidden = {64, 64};
  std::vector<std::size_t> decoder_hidden = {64, 64};
  Activation activation = Activation::relu;
  PosteriorVariance posterior_variance = PosteriorVariance::exp;

  bool operator==(const Architecture&) const = default;
};

/// One dense layer of a network: y = activation(W x + b), W is [out,in].
struct DenseShape {
  std::size_t in = 0;
  std::size_t out = 0;
  Activation activation = Activation::identity;
};
std::vector<DenseShape> encoder_layers(const Architecture& architecture);  ///< the head [h, 2Z] comes last
std::vector<DenseShape> decoder_layers(const Architecture& architecture);

/// One named tensor inside the flat parameter vector.
struct TensorSlice {
  std::string name;                ///< as PyTorch's state_dict has it: encoder.0.weight, numbered as in nn.Sequential
  std::vector<std::size_t> shape;  ///< [out,in], [out], or [1] / [D] for decoder_log_variance
  std::size_t offset = 0;
  std::size_t size = 0;
};

/// Where each tensor lies in the canonical flat vector of one model: for every encoder layer, then every decoder
/// layer, weight [out,in] then bias [out]; last, where the decoder variance is learned, decoder_log_variance.
class ParameterLayout {
 public:
  ParameterLayout(const Architecture& architecture, const Objective& objective);
  [[nodiscard]] const std::vector<TensorSlice>& tensors() const { return tensors_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  /// Offset of decoder_log_variance, or size() where there is none.
  [[nodiscard]] std::size_t log_variance_offset() const { return log_variance_offset_; }

 private:
  std::vector<TensorSlice> tensors_;
  std::size_t size_ = 0;
  std::size_t log_variance_offset_ = 0;
};

/// Fills one model's parameters [ParameterLayout::size()]; `model` is its index within --models.
std::vector<float> initial_parameters(const Architecture& architecture, const Objective& objective,
                                      Initialization initialization, std::uint64_t seed, std::uint32_t model);

/// One or more trained VAEs of one architecture with everything needed to use them.
struct Vae {
  Architecture architecture;
  Objective objective;
  Scaler scaler;
  std::size_t models = 1;
  std::vector<float> parameters;  ///< [models, ParameterLayout::size()]
  std::string config;             ///< the effective configuration it was trained with, TOML

  [[nodiscard]] std::span<const float> parameters_of(std::size_t model) const;
  /// The decoder variance of one model in scaled units: one value, or D of them.
  [[nodiscard]] std::vector<double> decoder_variance(std::size_t model) const;
};

/// Mean and variance of q(z|x), each [N,Z].
struct Posterior {
  Matrix<float> mean;
  Matrix<float> variance;
};

}  // namespace gmmvae
