#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "gmmvae/matrix.hpp"
#include "gmmvae/objective.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

// What every backend asks of arguments that have to fit together, where a mistake would read memory that is
// not there. All throw UsageError with both sides.

/// Offsets of groups of the rows of x [N,D] that points y [M,D] are held against: ascending from 0 to N at
/// most.
void check_groups(MatrixView<float> y, MatrixView<float> x, std::span<const std::size_t> offsets);

/// Labels from 0 to k - 1, one for each of the rows.
void check_labels(std::span<const std::int32_t> labels, std::size_t rows, std::size_t k);

/// A mean and a variance for each point and latent dimension.
void check_posterior(const Posterior& posterior);

/// Parameters, a batch x [B,D] and its noise [B,Z], B at least 1.
void check_batch(const Architecture& architecture, const Objective& objective,
                 std::span<const double> parameters, MatrixView<double> x, MatrixView<double> noise);

}  // namespace gmmvae
