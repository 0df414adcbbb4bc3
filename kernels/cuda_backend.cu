// The CUDA backend: work is cut into what the devices hold, the kernels do the rest.

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <utility>

#include "host/backend/arguments.hpp"
#include "host/backend/columns.hpp"
#include "host/backend/plugin.hpp"
#include "host/evaluation/gaussian_decoder.hpp"
#include "host/training/trainable.hpp"
#include "kernels/bench/kernel_bench.hpp"
#include "kernels/clustering/clustering.hpp"
#include "kernels/library/fft.hpp"
#include "kernels/metrics/metrics.hpp"
#include "kernels/neighbors/neighbors.hpp"
#include "kernels/runtime/device.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/runtime/stream.hpp"
#include "kernels/runtime/survey.hpp"
#include "kernels/training/trainers.hpp"
#include "kernels/tsne/embedding.hpp"

namespace gmmvae::cuda {
namespace {

using Clock = std::chrono::steady_clock;

/// A slice of epochs is one launch; between slices the host looks at progress, at signals and at the clock.
constexpr std::uint64_t kMostEpochsInSlice = 64;
constexpr std::chrono::milliseconds kShortSlice{50};
constexpr std::chrono::milliseconds kLongSlice{200};

/// The share of a device's free memory that jobs may fill; the rest is the pool's and the graphs'.
constexpr double kMemoryShare = 0.85;

struct Device {
  DeviceProperties properties;
  Stream stream;
};

/// A device with the jobs it trains now.
struct Lane {
  Device* device;
  std::span<TrainingJob> jobs;
  std::unique_ptr<ModelTrainer> trainer;

  [[nodiscard]] std::ptrdiff_t diverged() const {
    return std::count_if(jobs.begin(), jobs.end(),
                         [](const TrainingJob& job) { return job.state.status == TrainingStatus::diverged; });
  }
};

/// The length of slices: a launch should be long enough to hide its cost and short enough to be stopped.
class SliceLength {
 public:
  [[nodiscard]] std::uint64_t epochs() const { return epochs_; }
  void took(Clock::duration time) {
    if (time < kShortSlice) epochs_ = std::min(2 * epochs_, kMostEpochsInSlice);
    if (time > kLongSlice) epochs_ = std::max<std::uint64_t>(epochs_ / 2, 1);
  }

 private:
  std::uint64_t epochs_ = 1;
};

/// GMMVAE_CUDA_PRODUCTS, for comparisons: own or library. Until a GPU has measured both, the own products are
/// taken everywhere. Throws UsageError for another value.
Products products_of_tiled_models() {
  const char* value = std::getenv("GMMVAE_CUDA_PRODUCTS");
  const std::string_view wanted = value == nullptr ? "own" : value;
  if (wanted == "own") return Products::own;
  if (wanted == "library") return Products::library;
  throw UsageError("GMMVAE_CUDA_PRODUCTS is '" + std::string(wanted) + "'; it may be own or library");
}

class CudaBackend final : public Backend {
 public:
  explicit CudaBackend(std::span<const int> ordinals) {
    for (const int ordinal : ordinals) {
      const DeviceScope scope(ordinal);
      devices_.push_back({device_properties(ordinal), Stream()});
    }
  }

  [[nodiscard]] std::string name() const override { return GPU_EMULATED ? "cuda_on_cpu" : "cuda"; }
  [[nodiscard]] std::string description() const override {
    std::string text;
    for (const Device& device : devices_) {
      const DeviceProperties& p = device.properties;
      if (!text.empty()) text += "; ";
      text += "cuda:" + std::to_string(p.ordinal) + " " + p.name + ", sm_" + std::to_string(p.major) +
              std::to_string(p.minor) + ", " + std::to_string(p.multiprocessors) + " multiprocessors";
    }
    return text;
  }
  [[nodiscard]] std::string training_method() const override { return method_; }

  /// Consecutive jobs share a device, as many as its memory holds. A model's result depends on its own job
  /// alone, so neither the cut nor the number of devices shows.
  void train(std::span<TrainingJob> jobs, const TrainingControl& control) override {
    method_.clear();
    require_trainable(jobs);
    for (TrainingJob& job : jobs) {
      TrainingState& state = job.state;
      const bool done = state.status == TrainingStatus::running && state.epoch >= job.config.epochs;
      if (done) state.status = TrainingStatus::finished;
    }
    SliceLength slice;
    bool go_on = true;
    while (!jobs.empty() && go_on) {
      std::vector<Lane> lanes;
      const std::size_t share = (jobs.size() + devices_.size() - 1) / devices_.size();
      for (Device& device : devices_) {
        const std::size_t count = jobs_that_fit(device, jobs.first(std::min(share, jobs.size())));
        if (count == 0) break;
        const DeviceScope scope(device.properties.ordinal);
        lanes.push_back({&device, jobs.first(count),
                         std::make_unique<ModelTrainer>(jobs.first(count), device.stream.get(), std::nullopt,
                                                        products_of_tiled_models())});
        jobs = jobs.subspan(count);
      }
      describe(lanes);
      go_on = run(lanes, control, slice);
    }
  }

  Posterior encode(const Vae& vae, std::size_t model, MatrixView<float> x) override {
    check_columns("the data", x.cols, vae.architecture.data_dim);
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::encode(vae, model, x, devices_.front().stream.get());
  }

  Matrix<float> decode(const Vae& vae, std::size_t model, MatrixView<float> z) override {
    check_columns("the latent code", z.cols, vae.architecture.latent);
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::decode(vae, model, z, devices_.front().stream.get());
  }

  LossGradient loss_gradient(const Architecture& architecture, const Objective& objective,
                             std::span<const double> parameters, MatrixView<double> x,
                             MatrixView<double> noise, double log_jacobian, Precision precision) override {
    if (precision == Precision::double_) {
      throw UsageError("the CUDA backend computes in single precision; the gradient in double is the CPU's");
    }
    check_batch(architecture, objective, parameters, x, noise);
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::loss_gradient(architecture, objective, parameters, x, noise, log_jacobian,
                               devices_.front().stream.get());
  }

  SampleComparison compare_samples(MatrixView<float> x, MatrixView<float> y,
                                   const ComparisonOptions& options) override {
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::compare_samples(x, y, options, devices_.front().stream.get());
  }
  MixtureScores score_mixture(const Mixture& mixture, MatrixView<float> x) override {
    check_columns("the data", x.cols, mixture.dim());
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::score_mixture(mixture, x, devices_.front().stream.get());
  }
  std::vector<double> log_aggregate(const Posterior& posterior, MatrixView<float> z) override {
    check_posterior(posterior);
    check_columns("the latent code", z.cols, posterior.mean.cols());
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::log_aggregate(posterior, z, devices_.front().stream.get());
  }
  Likelihood log_likelihood(const Vae& vae, std::size_t model, MatrixView<float> x,
                            const LikelihoodOptions& options) override {
    check_columns("the data", x.cols, vae.architecture.data_dim);
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::log_likelihood(GaussianDecoder(*this, vae, model), vae, model, x, options,
                                devices_.front().stream.get());
  }

  std::vector<KMeansResult> kmeans(std::span<const KMeansTask> tasks) override {
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::kmeans(tasks, devices_.front().stream.get());
  }
  MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                         std::span<const std::int32_t> start, const MixtureFitOptions& options) override {
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::fit_mixture(x, k, kind, start, options, devices_.front().stream.get());
  }
  Matrix<double> distances_to_groups(MatrixView<float> y, MatrixView<float> x,
                                     std::span<const std::size_t> offsets) override {
    check_groups(y, x, offsets);
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::distances_to_groups(y, x, offsets, devices_.front().stream.get());
  }

  NearestNeighbors neighbors(MatrixView<float> x, std::size_t k, NeighborSearch search) override {
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::neighbors(x, k, search, devices_.front().stream.get());
  }
  Matrix<float> tsne_transform(MatrixView<float> x, MatrixView<float> y,
                               MatrixView<float> new_points) override {
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::tsne_transform(x, y, new_points, devices_.front().stream.get());
  }
  Affinities tsne_affinities(MatrixView<float> x, const TsneOptions& options) override {
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::tsne_affinities(x, options, devices_.front().stream.get());
  }
  TsneGradient tsne_gradient(const Affinities& affinities, MatrixView<float> y,
                             GradientMethod method) override {
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::tsne_gradient(affinities, y, method, devices_.front().stream.get());
  }
  Embedding embed(MatrixView<float> x, const TsneOptions& options, const TsneControl& control,
                  const TsneState* resume) override {
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::embed(x, options, control, resume, devices_.front().stream.get());
  }
  Embedding embed(const Affinities& affinities, MatrixView<float> x, const TsneOptions& options,
                  const TsneControl& control, const TsneState* resume) override {
    const DeviceScope scope(devices_.front().properties.ordinal);
    return cuda::embed(affinities, x, options, control, resume, devices_.front().stream.get());
  }

  std::unique_ptr<KernelBench> kernel_bench() override {
    return make_kernel_bench(devices_.front().properties, devices_.front().stream.get());
  }

 private:
  /// How many of the first jobs the device has memory for, at least one.
  static std::size_t jobs_that_fit(const Device& device, std::span<const TrainingJob> jobs) {
    const DeviceScope scope(device.properties.ordinal);
    const DeviceLimits limits = current_device_limits();
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
    device.stream.synchronize();  // the pool keeps what earlier jobs gave back until then
    GPU_CHECK(cudaMemGetInfo(&free_bytes, &total_bytes));
    const auto limit = static_cast<std::size_t>(kMemoryShare * static_cast<double>(free_bytes));
    std::size_t used = 0;
    std::size_t count = 0;
    for (const TrainingJob& job : jobs) {
      used += ModelTrainer::device_bytes(job, kMostEpochsInSlice, limits);
      if (used > limit && count > 0) break;
      ++count;
    }
    return count;
  }

  void describe(const std::vector<Lane>& lanes) {
    for (const Lane& lane : lanes) {
      const std::string text = lane.trainer->description();
      if (text.empty() || method_.find(text) != std::string::npos) continue;
      if (!method_.empty()) method_ += "; ";
      method_ += text;
    }
  }

  /// Slices of epochs on all devices side by side. False where the control said stop.
  static bool run(std::vector<Lane>& lanes, const TrainingControl& control, SliceLength& slice) {
    std::uint64_t left =
        control.max_epochs > 0 ? control.max_epochs : std::numeric_limits<std::uint64_t>::max();
    bool go_on = !control.should_stop();
    const auto running = [&] {
      return std::any_of(lanes.begin(), lanes.end(),
                         [](const Lane& lane) { return lane.trainer->running() > 0; });
    };
    while (go_on && left > 0 && running()) {
      const std::uint64_t epochs = std::min(slice.epochs(), left);
      const Clock::time_point start = Clock::now();
      for_each_lane(lanes, [&](Lane& lane) { lane.trainer->launch(epochs); });
      std::uint64_t done = 0;
      for_each_lane(lanes, [&](Lane& lane) {
        const std::ptrdiff_t before = lane.diverged();
        done += lane.trainer->collect();
        for (std::ptrdiff_t i = before; i < lane.diverged(); ++i) control.on_diverged();
      });
      slice.took(Clock::now() - start);
      left -= epochs;
      control.on_epochs(done);
      go_on = !control.should_stop();
    }
    for_each_lane(lanes, [&](Lane& lane) { lane.trainer->download(); });
    for_each_lane(lanes, [&](Lane& lane) { lane.trainer.reset(); });
    return go_on;
  }

  template <class Action>
  static void for_each_lane(std::vector<Lane>& lanes, Action action) {
    for (Lane& lane : lanes) {
      const DeviceScope scope(lane.device->properties.ordinal);
      action(lane);
    }
  }

  std::vector<Device> devices_;
  std::string method_;
};

Backend* open_backend(const int* ordinals, std::size_t count) {
  return new CudaBackend({ordinals, count});
}

void examine_transforms(std::optional<Trouble>& trouble) {
  trouble = RealFft2d::trouble();
}

}  // namespace
}  // namespace gmmvae::cuda

extern "C" __attribute__((visibility("default"))) const gmmvae::PluginEntry* gmmvae_cuda_plugin() {
  static const std::string build = gmmvae::plugin_build();
  static const gmmvae::PluginEntry entry = {build.c_str(), &gmmvae::cuda::survey, &gmmvae::cuda::examine,
                                            &gmmvae::cuda::open_backend, &gmmvae::cuda::examine_transforms};
  return &entry;
}
