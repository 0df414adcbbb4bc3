#pragma once

// Training on the current CUDA device, as the backend calls it. One object holds some jobs on the device:
//
//   ModelTrainer trainer(jobs, stream);
//   while (trainer.running() > 0) {
//     trainer.launch(epochs);      // asynchronous
//     done += trainer.collect();   // waits; the histories of the jobs have grown
//   }
//   trainer.download();            // parameters and moments into the jobs
//
// Stopping after any collect() and going on later with new objects gives the same bytes as never stopping.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "gmmvae/backend.hpp"
#include "gmmvae/training.hpp"
#include "kernels/gpu.hpp"
#include "kernels/training/budget.hpp"

namespace gmmvae::cuda {

/// The current device's limits.
DeviceLimits current_device_limits();

class ModelTrainer {
 public:
  /// Uploads the jobs that are running; the others are left as they are. The jobs, their data and the stream
  /// must outlive the object. With `placement` every model is trained that way, else each as its budget says;
  /// `products` are those of tiled models.
  ModelTrainer(std::span<TrainingJob> jobs, cudaStream_t stream,
               std::optional<Placement> placement = std::nullopt, Products products = Products::own);
  ~ModelTrainer();
  ModelTrainer(const ModelTrainer&) = delete;
  ModelTrainer& operator=(const ModelTrainer&) = delete;

  /// Bytes of device memory that one job takes for launches of up to `epochs` epochs, its own data included.
  static std::size_t device_bytes(const TrainingJob& job, std::uint64_t epochs, const DeviceLimits& limits);

  /// Jobs that have epochs left and have neither diverged nor stopped early.
  [[nodiscard]] std::size_t running() const;
  /// How the models are trained and why, one sentence for each way in use.
  [[nodiscard]] std::string description() const;

  /// Enqueues up to `epochs` more epochs of every running job, each at most to its config's end.
  void launch(std::uint64_t epochs);
  /// Waits for the launch, appends its epochs to the jobs' histories and sets epoch, best_epoch and status.
  /// Returns the number of epochs done, over all jobs.
  std::uint64_t collect();
  /// Waits and copies parameters, moments and best parameters into the jobs.
  void download();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// Backend::encode, on the current device.
Posterior encode(const Vae& vae, std::size_t model, MatrixView<float> x, cudaStream_t stream);
/// The decoder of one model on the current device, for latent codes that are there too.
class DeviceDecoder {
 public:
  /// For calls of up to `most_rows` rows.
  DeviceDecoder(const Vae& vae, std::size_t model, std::size_t most_rows, cudaStream_t stream);
  ~DeviceDecoder();
  DeviceDecoder(const DeviceDecoder&) = delete;
  DeviceDecoder& operator=(const DeviceDecoder&) = delete;
  /// Enqueues points [rows][D] in scaled units <- codes [rows][Z], both on the device.
  void run(const float* codes, std::size_t rows, float* points);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// Backend::decode, on the current device.
Matrix<float> decode(const Vae& vae, std::size_t model, MatrixView<float> z, cudaStream_t stream);
/// Backend::loss_gradient in single precision, on the current device.
LossGradient loss_gradient(const Architecture& architecture, const Objective& objective,
                           std::span<const double> parameters, MatrixView<double> x, MatrixView<double> noise,
                           double log_jacobian, cudaStream_t stream);

}  // namespace gmmvae::cuda
