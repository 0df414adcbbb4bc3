#include "host/vae/sampling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/data/column_ranges.hpp"

namespace gmmvae {

Matrix<float> sample_model(Backend& backend, const Vae& vae, std::size_t model, std::size_t count, bool noise,
                           std::uint64_t seed) {
  const std::size_t latent = vae.architecture.latent;
  const auto stream_index = static_cast<std::uint32_t>(model);
  const RandomStream latents(seed, Purpose::latent_sample, stream_index);
  Matrix<float> z(count, latent);
  std::vector<double> normals(z.size());
  latents.normals(normals);
  std::transform(normals.begin(), normals.end(), z.data(), [](double v) { return static_cast<float>(v); });
  Matrix<float> scaled = backend.decode(vae, model, z);
  if (noise) {
    const std::vector<double> variance = vae.decoder_variance(model);
    const RandomStream errors(seed, Purpose::observation_noise, stream_index);
    normals.resize(scaled.size());
    errors.normals(normals);
    for (std::size_t i = 0; i < scaled.size(); ++i) {
      const double v = variance[variance.size() == 1 ? 0 : i % scaled.cols()];
      scaled.data()[i] = static_cast<float>(scaled.data()[i] + std::sqrt(v) * normals[i]);
    }
  }
  return vae.scaler.undo(scaled);
}

Matrix<float> decode_points(Backend& backend, const Vae& vae, std::size_t model, MatrixView<float> latents) {
  return vae.scaler.undo(backend.decode(vae, model, latents));
}

Posterior encode_points(Backend& backend, const Vae& vae, std::size_t model, MatrixView<float> points) {
  return backend.encode(vae, model, vae.scaler.apply(points));
}

Matrix<float> reconstruct_points(Backend& backend, const Vae& vae, std::size_t model,
                                 MatrixView<float> points) {
  return decode_points(backend, vae, model, encode_points(backend, vae, model, points).mean);
}

Matrix<float> rescale_to_range(MatrixView<float> points, MatrixView<float> data) {
  if (points.cols != data.cols) {
    throw DataError(
        fmt::format("the data to rescale to has {} columns, the points have {}", data.cols, points.cols));
  }
  Matrix<float> rescaled(points.rows, points.cols);
  const ColumnRanges from(points), to(data);
  for (std::size_t column = 0; column < points.cols; ++column) {
    const double width = from.width(column);
    for (std::size_t row = 0; row < points.rows; ++row) {
      const double place =
          width > 0.0 ? (static_cast<double>(points(row, column)) - from.low[column]) / width : 0.5;
      rescaled(row, column) = static_cast<float>(to.low[column] + place * to.width(column));
    }
  }
  return rescaled;
}

}  // namespace gmmvae
