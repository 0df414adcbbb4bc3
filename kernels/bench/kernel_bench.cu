// The CUDA backend's kernels one by one: dense layers by many blocks, and an epoch of whole models. More are
// added where they are launched from: a TimedKernel is a name, counts, and a function that launches so many
// times.

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gmmvae/random.hpp"
#include "kernels/bench/kernel_bench.hpp"
#include "kernels/bench/layer.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/runtime/stream.hpp"
#include "kernels/training/trainers.hpp"

namespace gmmvae::cuda {
namespace {

constexpr double float_bytes = sizeof(float);

/// Device seconds of the work that `launch_all` gives to the stream.
template <class Work>
double device_seconds(cudaStream_t stream, Work&& launch_all) {
  Event start(Event::Timing::on);
  Event end(Event::Timing::on);
  start.record(stream);
  launch_all();
  end.record(stream);
  end.wait();
  return end.seconds_since(start);
}

constexpr unsigned chain_threads = 256;
constexpr int chains = 16;

/// Independent chains of multiply-adds; the sum only keeps them alive.
__global__ void __launch_bounds__(chain_threads) multiply_adds(int rounds, float* out) {
  float x[chains];
#pragma unroll
  for (int i = 0; i < chains; ++i) x[i] = static_cast<float>(threadIdx.x + static_cast<unsigned>(i));
  const float factor = 1.0f - 1e-6f * static_cast<float>(rounds);
  for (int n = 0; n < rounds; ++n) {
#pragma unroll
    for (int i = 0; i < chains; ++i) x[i] = x[i] * factor + 0.5f;
  }
  float sum = 0.0f;
#pragma unroll
  for (int i = 0; i < chains; ++i) sum += x[i];
  out[blockIdx.x * chain_threads + threadIdx.x] = sum;
}

class CudaKernelBench final : public KernelBench {
 public:
  CudaKernelBench(const DeviceProperties& device, cudaStream_t stream) : device_(device), stream_(stream) {
    const DeviceScope scope(device.ordinal);
    try {
      gemm_ = std::make_shared<library::Gemm>(stream);
    } catch (const DeviceError& error) {
      without_gemm_ = error.what();
    }
  }

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> device() const override {
    const DeviceScope scope(device_.ordinal);
    int driver = 0;
    int runtime = 0;
    GPU_CHECK(cudaDriverGetVersion(&driver));
    GPU_CHECK(cudaRuntimeGetVersion(&runtime));
    const auto version = [](int v) { return std::to_string(v / 1000) + "." + std::to_string(v % 1000 / 10); };
    return {{"name", device_.name},
            {"kind", GPU_EMULATED ? "emulated" : "cuda"},
            {"sm", std::to_string(device_.major) + std::to_string(device_.minor)},
            {"multiprocessors", std::to_string(device_.multiprocessors)},
            {"memory_bytes", std::to_string(device_.memory_bytes)},
            {"l2_bytes", std::to_string(device_.l2_bytes)},
            {"driver", version(driver)},
            {"runtime", version(runtime)},
            {"clock", "events in the stream"},
            {"cublaslt", gemm_ ? "beside dense layers, with what it leaves undone" : without_gemm_}};
  }

  DevicePeaks peaks() override {
    const DeviceScope scope(device_.ordinal);
    DevicePeaks found;
    found.memory = "global";
    found.operations_by_attribute = operations_by_attribute();
    found.bytes_by_attribute = bytes_by_attribute();
    // The emulator's clock is made up: nothing is measured there.
    if (GPU_EMULATED) return found;
    const auto blocks = static_cast<unsigned>(8 * device_.multiprocessors);
    DeviceArray<float> out(std::size_t{blocks} * chain_threads, stream_);
    constexpr int rounds = 20000;
    const double operations = 2.0 * chains * rounds * static_cast<double>(blocks) * chain_threads;
    found.operations_measured =
        operations /
        best([&] { launch(multiply_adds, blocks, chain_threads, 0, stream_, rounds, out.data()); });
    const std::size_t bytes = std::min<std::size_t>(std::size_t{1} << 30, device_.memory_bytes / 8);
    DeviceArray<unsigned char> from(bytes, stream_);
    DeviceArray<unsigned char> to(bytes, stream_);
    from.fill_with_zeros();
    found.bytes_measured =
        2.0 * static_cast<double>(bytes) / best([&] {
          GPU_CHECK(cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, stream_));
        });
    return found;
  }

  std::vector<TimedKernel> kernels(const Architecture& architecture, const Objective& objective,
                                   std::size_t batch) override {
    const DeviceScope scope(device_.ordinal);
    std::vector<TimedKernel> list;
    std::vector<DenseShape> shapes = encoder_layers(architecture);
    const std::vector<DenseShape> decoder = decoder_layers(architecture);
    shapes.insert(shapes.end(), decoder.begin(), decoder.end());
    for (std::size_t i = 0; i < shapes.size(); ++i) add_layer(list, shapes[i], batch, i > 0);
    add_epoch(list, architecture, objective, batch);
    return list;
  }

 private:
  /// The best of five after one to warm up.
  template <class Work>
  double best(Work&& work) const {
    double least = 1e30;
    for (int i = 0; i < 6; ++i) {
      const double seconds = device_seconds(stream_, work);
      if (i > 0) least = std::min(least, seconds);
    }
    return least;
  }

  [[nodiscard]] double attribute(cudaDeviceAttr which) const {
    int value = 0;
    if (cudaDeviceGetAttribute(&value, which, device_.ordinal) != cudaSuccess) {
      cudaGetLastError();  // asked for a courtesy; 0 is "not known"
      return 0.0;
    }
    return static_cast<double>(value);
  }
  /// Multiply-adds in single precision a clock and multiprocessor: CUDA programming guide, throughput of
  /// native arithmetic instructions.
  [[nodiscard]] double operations_by_attribute() const {
    const bool half = device_.major == 7 || (device_.major == 8 && device_.minor == 0);
    const double cores = half ? 64.0 : 128.0;
    return 2.0 * cores * device_.multiprocessors * 1e3 * attribute(cudaDevAttrClockRate);
  }
  /// Two transfers a clock of the memory.
  [[nodiscard]] double bytes_by_attribute() const {
    return 2.0 * 1e3 * attribute(cudaDevAttrMemoryClockRate) * attribute(cudaDevAttrGlobalMemoryBusWidth) /
           8.0;
  }

  /// Times `work` run so many times, in graphs of eight: a product of microseconds would else wait for the
  /// host.
  template <class Work>
  [[nodiscard]] std::function<double(std::size_t)> repeated(Work work) const {
    constexpr std::size_t a_graph = 8;
    const auto graph = std::make_shared<std::optional<Graph>>();
    return [stream = stream_, ordinal = device_.ordinal, graph, work = std::move(work)](std::size_t runs) {
      const DeviceScope scope(ordinal);
      if (runs >= a_graph && !graph->has_value()) {
        *graph = Graph::capture(stream, [&](cudaStream_t) {
          for (std::size_t i = 0; i < a_graph; ++i) work();
        });
      }
      return device_seconds(stream, [&] {
        for (std::size_t i = 0; i < runs / a_graph; ++i) (*graph)->launch(stream);
        for (std::size_t i = 0; i < runs % a_graph; ++i) work();
      });
    };
  }

  /// A product by own kernels, and by cuBLASLt with what it leaves undone.
  template <class Own, class Library>
  TimedKernel product(std::string name, const Layer& layer, double operations, double numbers, Own own,
                      Library by_library) const {
    TimedKernel kernel;
    kernel.name = std::move(name);
    kernel.shape = layer.name();
    kernel.operations = operations;
    kernel.bytes = float_bytes * numbers;
    kernel.run = repeated(std::move(own));
    kernel.baseline = gemm_ ? "cublaslt" : "no cublaslt";
    if (gemm_) kernel.run_baseline = repeated(std::move(by_library));
    return kernel;
  }

  template <class Work>
  TimedKernel timed(std::string name, std::string shape, double operations, double numbers, Work work) const {
    TimedKernel kernel;
    kernel.name = std::move(name);
    kernel.shape = std::move(shape);
    kernel.operations = operations;
    kernel.bytes = float_bytes * numbers;
    kernel.run = [stream = stream_, ordinal = device_.ordinal, work = std::move(work)](std::size_t runs) {
      const DeviceScope scope(ordinal);
      return device_seconds(stream, [&] {
        for (std::size_t i = 0; i < runs; ++i) work();
      });
    };
    return kernel;
  }

  void add_layer(std::vector<TimedKernel>& list, const DenseShape& shape, std::size_t batch,
                 bool has_input_gradient) const {
    const auto layer = std::make_shared<Layer>(shape, batch, stream_);
    const auto samples = static_cast<double>(batch);
    const auto in = static_cast<double>(shape.in);
    const auto out = static_cast<double>(shape.out);
    const double operations = 2.0 * samples * in * out;
    const auto gemm = gemm_;
    list.push_back(product(
        "dense_forward", *layer, operations, samples * (in + out) + in * out + out,
        [layer] { layer->forward(); }, [layer, gemm] { layer->forward(*gemm); }));
    if (has_input_gradient) {
      list.push_back(product(
          "dense_input_gradient", *layer, operations, samples * (2.0 * in + out) + in * out,
          [layer] { layer->input_gradient(); }, [layer, gemm] { layer->input_gradient(*gemm); }));
    }
    list.push_back(product(
        "dense_weight_gradient_adam", *layer, operations, samples * (in + out) + 6.0 * (in * out + out),
        [layer] { layer->parameter_gradients(); }, [layer, gemm] { layer->parameter_gradients(*gemm); }));
  }

  /// One epoch of ten batches of as many models as there are multiprocessors, placed as the budget says.
  void add_epoch(std::vector<TimedKernel>& list, const Architecture& architecture, const Objective& objective,
                 std::size_t batch) const {
    struct Work {
      std::vector<float> points;
      std::vector<TrainingJob> jobs;
      std::unique_ptr<ModelTrainer> trainer;
    };
    const auto work = std::make_shared<Work>();
    const std::size_t rows = 10 * batch;
    const RandomStream stream(1, Purpose::evaluation);
    work->points.resize(rows * architecture.data_dim);
    for (std::size_t i = 0; i < work->points.size(); ++i)
      work->points[i] = static_cast<float>(stream.normal(i));
    const int models = GPU_EMULATED ? 1 : device_.multiprocessors;
    for (int m = 0; m < models; ++m) {
      TrainingJob job;
      job.architecture = architecture;
      job.objective = objective;
      job.config.batch = batch;
      job.config.epochs = 1U << 20;  // never reached
      job.data = {work->points.data(), rows, architecture.data_dim};
      job.model = static_cast<std::uint32_t>(m);
      job.state = initial_state(job, Initialization::linear);
      work->jobs.push_back(std::move(job));
    }
    work->trainer = std::make_unique<ModelTrainer>(work->jobs, stream_);
    double weights = 0.0;
    for (const auto& layers : {encoder_layers(architecture), decoder_layers(architecture)})
      for (const DenseShape& layer : layers) weights += static_cast<double>(layer.in * layer.out);
    const DenseShape first = encoder_layers(architecture).front();
    const double a_visit = 6.0 * weights - 2.0 * static_cast<double>(first.in * first.out);
    // The host collects after every launch, as training does; that is part of the time.
    list.push_back(timed("training_epoch",
                         std::to_string(models) + " models x " + std::to_string(rows) + " points",
                         static_cast<double>(models) * static_cast<double>(rows) * a_visit, 0.0, [work] {
                           work->trainer->launch(1);
                           work->trainer->collect();
                         }));
  }

  DeviceProperties device_;
  cudaStream_t stream_;
  std::shared_ptr<library::Gemm> gemm_;  ///< null where cuBLASLt is not there
  std::string without_gemm_;             ///< why
};

}  // namespace

std::unique_ptr<KernelBench> make_kernel_bench(const DeviceProperties& device, cudaStream_t stream) {
  return std::make_unique<CudaKernelBench>(device, stream);
}

}  // namespace gmmvae::cuda
