#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gmmvae/objective.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

/// What a device could do at most, per second: by its attributes (0 where they do not say), and as measured
/// by a loop of multiply-adds in registers and by a copy. Operations are single precision, a multiply-add is
/// two.
struct DevicePeaks {
  double operations_by_attribute = 0.0;
  double bytes_by_attribute = 0.0;
  double operations_measured = 0.0;
  double bytes_measured = 0.0;
  std::string memory;  ///< which memory the bytes are of: global memory, or L2
};

/// One kernel on one shape. The counts say what the work needs, not what an implementation does: operations
/// of the products and of what is done to each number, and bytes of every array that must be read or written,
/// each once.
struct TimedKernel {
  std::string name;   ///< what it does, as in dense_forward
  std::string shape;  ///< samples x in x out for a layer, else its sizes
  std::string type = "f32";
  double operations = 0.0;  ///< floating-point, of one run
  double bytes = 0.0;       ///< of one run
  /// Runs it so many times back to back and returns the seconds of all of them, device time on a GPU. The
  /// first runs are the caller's to throw away.
  std::function<double(std::size_t runs)> run;
  std::string baseline;  ///< whose time stands beside it, as in cublaslt; "" for none
  std::function<double(std::size_t runs)> run_baseline = nullptr;
};

/// The kernels of one backend, to be timed alone. Holds the memory they work on.
class KernelBench {
 public:
  KernelBench() = default;
  KernelBench(const KernelBench&) = delete;
  KernelBench& operator=(const KernelBench&) = delete;
  virtual ~KernelBench() = default;

  /// Names and values that identify the device: its name, clocks, driver, multiprocessors, instruction set.
  [[nodiscard]] virtual std::vector<std::pair<std::string, std::string>> device() const = 0;
  /// Measures for some tenths of a second.
  virtual DevicePeaks peaks() = 0;
  /// The kernels of a training step of one such model on batches of that size, in the order of a step. What
  /// they run on lives until the next call or the object's end.
  virtual std::vector<TimedKernel> kernels(const Architecture& architecture, const Objective& objective,
                                           std::size_t batch) = 0;
};

}  // namespace gmmvae
