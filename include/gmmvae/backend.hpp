#pragma once

#include <memory>
#include <span>
#include <string>

#include "gmmvae/kernel_bench.hpp"
#include "gmmvae/matrix.hpp"
#include "gmmvae/training.hpp"
#include "gmmvae/vae.hpp"

namespace gmmvae {

enum class Precision { single, double_ };

/// The seam between the host and whatever does the arithmetic. Its operations are whole pieces of work.
/// Calls throw Error; one Backend is used from one thread at a time.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  [[nodiscard]] virtual std::string name() const = 0;  ///< cpu, cuda or cuda_on_cpu
  [[nodiscard]] virtual std::string description()
      const = 0;  ///< for a person: instruction set and threads, or GPU

  /// Advances every job until it is finished, stopped early, diverged, or the control says stop. A job that
  /// diverges ends in the last good epoch's state with status `diverged`. Results do not depend on threads or
  /// on the company.
  virtual void train(std::span<TrainingJob> jobs, const TrainingControl& control) = 0;
  /// How the last call of train() held its models and why, for a person; empty where there is but one way.
  [[nodiscard]] virtual std::string training_method() const { return {}; }

  /// x [N,D] in scaled units -> mean and variance [N,Z].
  virtual Posterior encode(const Vae& vae, std::size_t model, MatrixView<float> x) = 0;
  /// z [N,Z] -> decoder mean [N,D] in scaled units.
  virtual Matrix<float> decode(const Vae& vae, std::size_t model, MatrixView<float> z) = 0;

  /// Loss and gradient of one batch x [B,D] (scaled) with the given noise [B,Z] at the given parameters.
  /// Backends that have no double path throw UsageError for Precision::double_.
  virtual LossGradient loss_gradient(const Architecture& architecture, const Objective& objective,
                                     std::span<const double> parameters, MatrixView<double> x,
                                     MatrixView<double> noise, double log_jacobian, Precision precision) = 0;

  /// The backend's kernels one by one, for `gmmvae bench`; null where it has none to show. Must not outlive
  /// the backend.
  virtual std::unique_ptr<KernelBench> kernel_bench() { return nullptr; }
};

/// How to find a backend. `device` is auto, cpu, cuda, cuda:N or cuda:0,1.
struct BackendOptions {
  std::string device = "auto";
  std::size_t threads = 0;  ///< 0: what affinity and the cgroup quota allow
};

/// Throws DeviceError with what is missing and what to do; auto falls back to the CPU and says so in `note`.
std::unique_ptr<Backend> make_backend(const BackendOptions& options, std::string* note = nullptr);

/// The CPU backend alone; never fails.
std::unique_ptr<Backend> make_cpu_backend(std::size_t threads = 0);

/// Threads this process may use: its affinity mask or its cgroup CPU quota, whichever is less, at least 1.
std::size_t available_threads();

}  // namespace gmmvae
