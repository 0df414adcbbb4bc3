#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae::test {

inline void set_tensor(Vae& vae, const std::string& name, const std::vector<double>& values) {
  const ParameterLayout layout(vae.architecture, vae.objective);
  for (const TensorSlice& slice : layout.tensors())
    if (slice.name == name)
      std::transform(values.begin(), values.end(),
                     vae.parameters.begin() + static_cast<std::ptrdiff_t>(slice.offset),
                     [](double v) { return static_cast<float>(v); });
}

/// A VAE without hidden layers that is probabilistic PCA: p(x|z) = N(W z + mu, s2 I) in scaled units, and a
/// posterior that is exact where `widen` is 1 (its variances are multiplied by it). The columns of W [D,Z]
/// must be orthogonal: then the exact posterior is diagonal, N(W' (x - mu) / (|w_j|^2 + s2), s2 / (|w_j|^2 +
/// s2)).
struct LinearVae {
  Matrix<double> w;        ///< [D,Z]
  std::vector<double> mu;  ///< [D]
  double s2 = 0.1;
  double widen = 1.0;
  Scaler scaler;

  [[nodiscard]] Vae vae() const {
    const std::size_t dim = w.rows(), latent = w.cols();
    Vae out;
    out.architecture = {.data_dim = dim, .latent = latent, .encoder_hidden = {}, .decoder_hidden = {}};
    out.objective.variance_kind = DecoderVarianceKind::fixed;
    out.objective.decoder_variance = s2;
    out.scaler = scaler;
    if (out.scaler.scale.empty())
      out.scaler = {ScaleKind::none, std::vector<double>(dim), std::vector<double>(dim, 1.0)};
    out.parameters.assign(ParameterLayout(out.architecture, out.objective).size(), 0.0f);
    std::vector<double> encoder(2 * latent * dim, 0.0), encoder_bias(2 * latent, 0.0);
    for (std::size_t j = 0; j < latent; ++j) {
      double norm = 0.0;
      for (std::size_t d = 0; d < dim; ++d) norm += w(d, j) * w(d, j);
      for (std::size_t d = 0; d < dim; ++d) {
        encoder[j * dim + d] = w(d, j) / (norm + s2);
        encoder_bias[j] -= encoder[j * dim + d] * mu[d];
      }
      encoder_bias[latent + j] = std::log(widen * s2 / (norm + s2));
    }
    set_tensor(out, "encoder.0.weight", encoder);
    set_tensor(out, "encoder.0.bias", encoder_bias);
    set_tensor(out, "decoder.0.weight", w.values());
    set_tensor(out, "decoder.0.bias", mu);
    return out;
  }

  /// The law of the data in raw units: N(mu, W W' + s2 I), undone by the scaler.
  [[nodiscard]] Mixture law() const {
    const std::size_t dim = w.rows();
    Matrix<double> covariance(dim, dim), mean(1, dim);
    for (std::size_t a = 0; a < dim; ++a) {
      const double sa = scaler.scale.empty() ? 1.0 : scaler.scale[a];
      mean(0, a) = mu[a] * sa + (scaler.offset.empty() ? 0.0 : scaler.offset[a]);
      for (std::size_t b = 0; b < dim; ++b) {
        const double sb = scaler.scale.empty() ? 1.0 : scaler.scale[b];
        for (std::size_t j = 0; j < w.cols(); ++j) covariance(a, b) += w(a, j) * w(b, j) * sa * sb;
        if (a == b) covariance(a, b) += s2 * sa * sb;
      }
    }
    return Mixture({1.0}, mean, {covariance});
  }
};

/// Orthogonal columns of lengths 1.5, 0.8 and 0.4 in three dimensions.
inline LinearVae linear_vae(std::size_t latent, double s2) {
  LinearVae out;
  const double columns[3][3] = {{0.6, 0.8, 0.0}, {-0.8, 0.6, 0.0}, {0.0, 0.0, 1.0}};
  const double lengths[3] = {1.5, 0.8, 0.4};
  out.w = Matrix<double>(3, latent);
  for (std::size_t j = 0; j < latent; ++j)
    for (std::size_t d = 0; d < 3; ++d) out.w(d, j) = lengths[j] * columns[j][d];
  out.mu = {0.3, -0.2, 1.0};
  out.s2 = s2;
  return out;
}

}  // namespace gmmvae::test
