#pragma once

#include <string>

#include "gmmvae/kernel_bench.hpp"

namespace gmmvae::bench {

/// What a kernel's time is against what its device could do (Williams, Waterman & Patterson 2009). Fractions
/// are of the measured peak where it is known, else of the one by attribute; 0 where neither is, or nothing
/// is counted.
struct Roofline {
  double operations_per_second = 0.0;
  double bytes_per_second = 0.0;
  double of_compute = 0.0;
  double of_memory = 0.0;
  std::string
      bound_by;  ///< compute, memory, or latency where neither explains half of the time; "" if unknown
};

/// `devices` such devices share the work.
Roofline roofline(double operations, double bytes, double seconds, const DevicePeaks& peaks,
                  double devices = 1.0);

}  // namespace gmmvae::bench
