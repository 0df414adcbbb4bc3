#include "host/evaluation/gaussian_decoder.hpp"

#include <cmath>
#include <numbers>

namespace gmmvae {

GaussianDecoder::GaussianDecoder(Backend& backend, const Vae& vae, std::size_t model)
    : backend_(backend), vae_(vae), model_(model) {
  const std::vector<double> variance = vae.decoder_variance(model);
  log_constant_ = -vae.scaler.log_jacobian();
  for (std::size_t d = 0; d < dim(); ++d) {
    const double v = variance[variance.size() == 1 ? 0 : d];
    deviation_.push_back(std::sqrt(v));
    log_constant_ -= 0.5 * std::log(2.0 * std::numbers::pi * v);
  }
}

void GaussianDecoder::divide(Matrix<float>& scaled) const {
  for (std::size_t i = 0; i < scaled.size(); ++i)
    scaled.data()[i] = static_cast<float>(scaled.data()[i] / deviation_[i % dim()]);
}

Matrix<float> GaussianDecoder::means(MatrixView<float> z) const {
  Matrix<float> out = backend_.decode(vae_, model_, z);
  divide(out);
  return out;
}

Matrix<float> GaussianDecoder::whiten(MatrixView<float> x) const {
  Matrix<float> out = vae_.scaler.apply(x);
  divide(out);
  return out;
}

Posterior GaussianDecoder::posterior(MatrixView<float> x) const {
  return backend_.encode(vae_, model_, vae_.scaler.apply(x));
}

}  // namespace gmmvae
