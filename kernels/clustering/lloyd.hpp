#pragma once

// Lloyd's iteration for many k-means at once: every run has its own points, centres and end, and all of them
// advance side by side.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gmmvae/matrix.hpp"
#include "kernels/runtime/memory.hpp"

namespace gmmvae::cuda {

/// How a run stands; written by the device.
struct LloydState {
  int done = 0;
  int converged = 0;
  int iterations = 0;
  double inertia = 0.0;  ///< of the last assignment
};

/// One run in device memory. Centres lie as [dim][padded], padded with infinities to whole groups of eight.
struct LloydRun {
  const float* points = nullptr;  ///< [dim][rows]
  int rows = 0;
  int dim = 0;
  int k = 0;
  int padded = 0;
  int pieces = 0;
  int most_iterations = 0;
  double least_move = 0.0;
  float* centers = nullptr;
  std::int32_t* labels = nullptr;  ///< [rows]
  float* distances = nullptr;      ///< [rows] squared, to the own centre
  double* sums = nullptr;          ///< [pieces][k (dim + 1)] sums of points, then counts
  double* inertias = nullptr;      ///< [pieces]
  LloydState* state = nullptr;
};

/// Where a run starts: points on the device and centres [k,D] about the same origin.
struct LloydStart {
  const float* points = nullptr;
  std::size_t rows = 0;
  Matrix<float> centers;
  std::size_t most_iterations = 0;
  double least_move = 0.0;
};

struct LloydEnd {
  Matrix<float> centers;
  double inertia = 0.0;
  std::size_t iterations = 0;
  bool converged = false;
};

/// A batch of runs from their starts to their ends.
class Lloyd {
 public:
  Lloyd(std::span<const LloydStart> starts, cudaStream_t stream);
  /// Bytes that a run takes on the device, its points excluded.
  static std::size_t device_bytes(std::size_t rows, std::size_t dim, std::size_t k);
  /// Moves all centres until they stay, then assigns once more.
  std::vector<LloydEnd> run();
  /// The labels of one run; waits for the stream.
  [[nodiscard]] std::vector<std::int32_t> labels(std::size_t run) const;

 private:
  void iterate(bool last);

  cudaStream_t stream_;
  std::vector<LloydRun> runs_;
  DeviceArray<LloydRun> device_runs_;
  DeviceArray<float> centers_, distances_;
  DeviceArray<std::int32_t> labels_;
  DeviceArray<double> sums_, inertias_;
  DeviceArray<LloydState> states_;
  unsigned most_pieces_ = 0;
};

}  // namespace gmmvae::cuda
