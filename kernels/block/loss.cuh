#pragma once

// Reconstruction loss of a batch with its gradient, the figures of a history row, and a learned decoder
// variance. The formulas are those of LossWeights (include/gmmvae/objective.hpp), of LossTerms
// (host/cpu/loss_terms.cpp) and of History; sums over a batch are in double across lanes, in a fixed order.

#include "kernels/block/adam.cuh"
#include "kernels/block/tiling.cuh"

namespace gmmvae::block {

/// The objective, as the host works it out: the loss of a batch is mean_b [sum_d w_d (x - y)^2 + constant +
/// kl_weight KL].
struct LossConstants {
  double weight = 0.0;    ///< w_d where the decoder variance is not learned; else 0.5 / variance is
  double constant = 0.0;  ///< as above; of a learned variance it is the Gaussian constant
  double kl_weight = 1.0;
  double variance = 1.0;  ///< of the Gaussian that the loss means, where it is not learned
  double variance_floor = 0.0;
  double log_jacobian = 0.0;
  int variance_learned = 0;
  int variance_per_dim = 0;
};

/// What a block keeps of the loss, in shared memory.
struct Ledger {
  double* row;            ///< [latent + 7], a row of the history: sums over the epoch's steps
  double* kl;             ///< [latent], sums over the batch
  double* squared_error;  ///< [data_dim], sums over the batch
  double* variance;       ///< [data_dim], of the decoder
  double* weight;         ///< [data_dim], of the squared error
  double* constants;      ///< [0] the Gaussian constant of the ELBO, [1] sum of the validation's ELBO
  double* norms;          ///< [warps], parts of the gradient's squared norm
};

/// y <- gradient of the loss with respect to the reconstruction y, in place, and the sums of squared errors.
/// A warp takes a column, its lanes the rows.
__device__ inline void compare(const float* x, float* y, int stride, int data_dim, int count,
                               const Ledger& ledger) {
  const int lane = static_cast<int>(lane_id());
  for (int d = static_cast<int>(warp_id()); d < data_dim; d += static_cast<int>(block_threads() / 32)) {
    const float factor = 2.0f * static_cast<float>(ledger.weight[d]) / static_cast<float>(count);
    float sum = 0.0f;
    for (int b = lane; b < count; b += 32) {
      const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(b) * stride + d;
      const float error = y[at] - x[at];
      sum += error * error;
      y[at] = factor * error;
    }
    const double total = warp_sum(static_cast<double>(sum));
    if (lane == 0) ledger.squared_error[d] = total;
  }
}

/// Brings variances, weights and the Gaussian constant up to date with the raw parameters; one warp.
__device__ inline void prepare_loss(const LossConstants& loss, const float* log_variance, int data_dim,
                                    const Ledger& ledger) {
  constexpr double two_pi = 6.283185307179586476925;
  double constant = 0.0;
#pragma unroll 1
  for (int d = static_cast<int>(lane_id()); d < data_dim; d += 32) {
    double variance = loss.variance;
    double weight = loss.weight;
    if (loss.variance_learned) {
      variance = loss.variance_floor + exp(static_cast<double>(log_variance[loss.variance_per_dim ? d : 0]));
      weight = 0.5 / variance;
    }
    ledger.variance[d] = variance;
    ledger.weight[d] = weight;
    constant += 0.5 * log(two_pi * variance);
  }
  constant = warp_sum(constant) + loss.log_jacobian;
  if (lane_id() == 0) ledger.constants[0] = constant;
  __syncwarp();
}

/// Means over a batch, the same in all lanes of the warp that asks.
struct BatchMeans {
  double loss;
  double reconstruction;
  double kl;
  double elbo;
};
__device__ inline BatchMeans batch_means(const LossConstants& loss, int data_dim, int latent, int count,
                                         const Ledger& ledger) {
  const int lane = static_cast<int>(lane_id());
  double weighted = 0.0;
  double scaled = 0.0;
  double kl = 0.0;
#pragma unroll 1
  for (int d = lane; d < data_dim; d += 32) {
    const double mean_error = ledger.squared_error[d] / count;
    weighted += ledger.weight[d] * mean_error;
    scaled += 0.5 * mean_error / ledger.variance[d];
  }
#pragma unroll 1
  for (int j = lane; j < latent; j += 32) kl += ledger.kl[j] / count;
  const double gaussian = ledger.constants[0];
  BatchMeans means{};
  means.kl = warp_sum(kl);
  means.reconstruction = warp_sum(weighted) + (loss.variance_learned ? gaussian : loss.constant);
  means.loss = means.reconstruction + loss.kl_weight * means.kl;
  means.elbo = -(warp_sum(scaled) + gaussian + means.kl);
  return means;
}

/// Adds a batch to the epoch's row, all but its gradient's norm; one warp.
__device__ inline void add_to_row(const BatchMeans& means, int latent, int count, const Ledger& ledger) {
#pragma unroll 1
  for (int j = static_cast<int>(lane_id()); j < latent; j += 32) ledger.row[3 + j] += ledger.kl[j] / count;
  if (lane_id() != 0) return;
  ledger.row[0] += means.loss;
  ledger.row[1] += means.reconstruction;
  ledger.row[2] += means.kl;
  ledger.row[latent + 4] += means.elbo;
}

/// The update of a learned variance v = floor + e^r: d/dv of [SSE / (2 v) + n/2 log v] per sample, times
/// dv/dr = v - floor. One warp; `update` has the variance's own learning rate; log_variance is the offset of
/// r.
__device__ inline void update_variance(const LossConstants& loss, int data_dim, int log_variance, int count,
                                       const Ledger& ledger, Update& update) {
  const int lane = static_cast<int>(lane_id());
  const auto gradient = [&](int offset, double squared_error, double terms) {
    const double above_floor = exp(static_cast<double>(update.parameters[offset]));
    const double variance = loss.variance_floor + above_floor;
    return static_cast<float>(0.5 / variance * (terms - squared_error / count / variance) * above_floor);
  };
  double total = 0.0;
#pragma unroll 1
  for (int d = lane; d < data_dim; d += 32) {
    if (loss.variance_per_dim) {
      update.apply(log_variance + d, gradient(log_variance + d, ledger.squared_error[d], 1.0));
    } else {
      total += ledger.squared_error[d];
    }
  }
  total = warp_sum(total);
  if (!loss.variance_per_dim && lane == 0)
    update.apply(log_variance, gradient(log_variance, total, static_cast<double>(data_dim)));
  __syncwarp();  // the parameters are there for the other lanes
}

}  // namespace gmmvae::block
