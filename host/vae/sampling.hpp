#pragma once

#include <cstddef>
#include <cstdint>

#include "gmmvae/backend.hpp"
#include "gmmvae/matrix.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

/// `count` points [count,D] in raw units from one model: z ~ N(0, I), the decoder's mean, and with `noise`
/// its Gaussian noise. Point i depends on (seed, model, i) alone.
Matrix<float> sample_model(Backend& backend, const Vae& vae, std::size_t model, std::size_t count, bool noise,
                           std::uint64_t seed);

/// Latent points [N,Z] -> decoder means [N,D] in raw units.
Matrix<float> decode_points(Backend& backend, const Vae& vae, std::size_t model, MatrixView<float> latents);

/// Points [N,D] in raw units -> their posterior.
Posterior encode_points(Backend& backend, const Vae& vae, std::size_t model, MatrixView<float> points);

/// Points [N,D] in raw units -> the decoded posterior means, in raw units.
Matrix<float> reconstruct_points(Backend& backend, const Vae& vae, std::size_t model,
                                 MatrixView<float> points);

/// Stretches and shifts each column of points [N,D] onto the range of that column of data [M,D], as the
/// course did. A constant column goes to the middle of the range. Throws DataError where the columns do not
/// match.
Matrix<float> rescale_to_range(MatrixView<float> points, MatrixView<float> data);

}  // namespace gmmvae
