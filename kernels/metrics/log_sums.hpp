#pragma once

// log sum_j exp(offset_j - sum_d w_jd (x_id - y_jd)^2 / 2) for every point x_i: the density of many Gaussians
// of diagonal covariance at once. One thread a point; the others pass by in tiles of shared memory.

#include <cstddef>
#include <vector>

#include "kernels/metrics/points.hpp"

namespace gmmvae::cuda {

/// Points lie as [dim][count].
struct LogSumTask {
  const float* points = nullptr;
  int points_count = 0;
  const float* others = nullptr;
  int others_count = 0;
  int dim = 0;
  const float* weights = nullptr;  ///< [dim][others_count] inverse variances; null: all 1
  const float* offsets = nullptr;  ///< [others_count]
  int pieces = 1;                  ///< the others are cut into so many
  float* largest = nullptr;        ///< [pieces][points_count] largest term so far
  double* sums = nullptr;          ///< [pieces][points_count] sum of e^(term - largest)
};

/// The sums of some points, which may be added to portion by portion.
class LogSums {
 public:
  LogSums(const DevicePoints& points, cudaStream_t stream);
  /// Enqueues the terms of `count` others [dim][count], offsets [count] and weights as above.
  void add(const float* others, int count, const float* offsets, const float* weights);
  /// [count] the logarithms; waits for the stream.
  std::vector<double> values();

 private:
  LogSumTask task_;
  cudaStream_t stream_;
  DeviceArray<float> largest_;
  DeviceArray<double> sums_;
  DeviceArray<double> values_;
};

}  // namespace gmmvae::cuda
