#pragma once

#include <cstddef>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/matrix.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

/// One model's p(x|z) in coordinates in which the decoder's noise is N(0, I): scaled units over the decoder's
/// standard deviation. There log p(x|z) = log_constant() - |u(x) - f(z)|^2 / 2 in nats of raw units.
class GaussianDecoder {
 public:
  GaussianDecoder(Backend& backend, const Vae& vae, std::size_t model);

  [[nodiscard]] std::size_t latent() const { return vae_.architecture.latent; }
  [[nodiscard]] std::size_t dim() const { return vae_.architecture.data_dim; }
  [[nodiscard]] double log_constant() const { return log_constant_; }
  /// [D] standard deviations of the decoder's noise, scaled units.
  [[nodiscard]] const std::vector<double>& deviation() const { return deviation_; }
  /// z [N,Z] -> f(z) [N,D]
  [[nodiscard]] Matrix<float> means(MatrixView<float> z) const;
  /// raw x [N,D] -> u(x) [N,D]
  [[nodiscard]] Matrix<float> whiten(MatrixView<float> x) const;
  /// q(z|x) of raw x [N,D]
  [[nodiscard]] Posterior posterior(MatrixView<float> x) const;

 private:
  void divide(Matrix<float>& scaled) const;

  Backend& backend_;
  const Vae& vae_;
  std::size_t model_;
  std::vector<double> deviation_;  // [D], scaled units
  double log_constant_ = 0.0;
};

}  // namespace gmmvae
