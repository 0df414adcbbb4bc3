#include "host/bench/roofline.hpp"

#include <algorithm>

namespace gmmvae::bench {

Roofline roofline(double operations, double bytes, double seconds, const DevicePeaks& peaks, double devices) {
  constexpr double half = 0.5;
  Roofline found;
  if (!(seconds > 0.0)) return found;
  const double compute =
      devices * (peaks.operations_measured > 0.0 ? peaks.operations_measured : peaks.operations_by_attribute);
  const double memory =
      devices * (peaks.bytes_measured > 0.0 ? peaks.bytes_measured : peaks.bytes_by_attribute);
  found.operations_per_second = operations / seconds;
  found.bytes_per_second = bytes / seconds;
  if (compute > 0.0) found.of_compute = found.operations_per_second / compute;
  if (memory > 0.0) found.of_memory = found.bytes_per_second / memory;
  const double greater = std::max(found.of_compute, found.of_memory);
  if (greater <= 0.0) return found;
  found.bound_by = greater < half ? "latency" : (found.of_compute >= found.of_memory ? "compute" : "memory");
  return found;
}

}  // namespace gmmvae::bench
