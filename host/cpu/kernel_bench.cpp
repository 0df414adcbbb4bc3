#include "host/cpu/kernel_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gmmvae/random.hpp"
#include "host/cpu/loss_terms.hpp"
#include "host/cpu/workspace.hpp"

namespace gmmvae::cpu {
namespace {

constexpr double kFloat = sizeof(float);

/// Seconds that the processor gave this thread: what else runs on the machine does not count.
double thread_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

template <class Work>
double seconds_of(Work work) {
  const double start = thread_seconds();
  work();
  return thread_seconds() - start;
}

/// The best of some tries: a peak is what was reached.
template <class Work>
double best_seconds(Work work) {
  constexpr int tries = 20;
  double best = seconds_of(work);
  for (int i = 1; i < tries; ++i) best = std::min(best, seconds_of(work));
  return best;
}

/// A model in the middle of a training step: every array holds what a step leaves there.
class Step {
 public:
  Step(const InstructionSet& isa, const Architecture& architecture, const Objective& objective,
       std::size_t batch)
      : kernels_(isa.single),
        permute_(isa.permute),
        workspace_(architecture, objective, batch, kernels_.lanes, Workspace<float>::Mode::train),
        terms_(objective, architecture, 0.0),
        data_(batch * architecture.data_dim),
        order_(batch) {
    ModelPlan<float>& plan = workspace_.plan();
    workspace_.pack<float>(initial_parameters(architecture, objective, Initialization::linear, 1, 0),
                           plan.parameters);
    kernels_.refresh(plan);
    const RandomStream stream(1, Purpose::training_noise);
    for (std::size_t i = 0; i < data_.size(); ++i) data_[i] = static_cast<float>(stream.normal(i));
    plan.adam.inverse_root_correction =
        1.0;  // the step size stays 0: a kernel that is repeated moves nothing
    shuffle();
    run();
  }

  /// The whole step, as the trainer has it.
  void run() {
    ModelPlan<float>& plan = workspace_.plan();
    terms_.prepare(plan);
    gather();
    noise();
    BatchSums sums = terms_.sums();
    kernels_.encode(plan, batch());
    kernels_.sample(plan, batch(), sums);
    kernels_.decode(plan, batch());
    kernels_.compare(plan, batch(), sums);
    kernels_.backward(plan, batch(), sums);
  }
  void shuffle() {
    const KeyedPermutation permutation(static_cast<std::uint32_t>(order_.size()), 1, Purpose::shuffle, 0, 0);
    permute_(permutation.keys().data(), keyed_permutation::halves_of(permutation.size()), permutation.size(),
             order_.data());
  }
  void gather() { kernels_.gather(plan(), data_.data(), order_.data(), batch()); }
  void noise() {
    kernels_.fill_noise(plan(), {1, static_cast<std::uint32_t>(Purpose::training_noise), 0, 0}, 0, batch());
  }
  void sample() {
    BatchSums sums = terms_.sums();
    kernels_.sample(plan(), batch(), sums);
  }
  void compare() {
    BatchSums sums = terms_.sums();
    kernels_.compare(plan(), batch(), sums);
  }
  [[nodiscard]] const ModelPlan<float>& plan() const { return workspace_.plan(); }
  [[nodiscard]] const Kernels<float>& kernels() const { return kernels_; }
  [[nodiscard]] std::ptrdiff_t batch() const { return static_cast<std::ptrdiff_t>(order_.size()); }

 private:
  const Kernels<float>& kernels_;
  PermuteFunction permute_;
  Workspace<float> workspace_;
  LossTerms terms_;
  std::vector<float> data_;
  std::vector<std::uint32_t> order_;
};

/// A kernel that does `work` once a run.
TimedKernel timed(std::string name, std::string shape, double operations, double numbers,
                  std::function<void()> work) {
  TimedKernel kernel;
  kernel.name = std::move(name);
  kernel.shape = std::move(shape);
  kernel.operations = operations;
  kernel.bytes = kFloat * numbers;
  kernel.run = [work = std::move(work)](std::size_t runs) {
    return seconds_of([&] {
      for (std::size_t i = 0; i < runs; ++i) work();
    });
  };
  return kernel;
}

class CpuKernelBench final : public KernelBench {
 public:
  explicit CpuKernelBench(const InstructionSet& isa) : isa_(isa) {}

  [[nodiscard]] std::vector<std::pair<std::string, std::string>> device() const override {
    return {{"name", processor_name()},
            {"instruction_set", isa_.name},
            {"kind", "cpu"},
            {"clock", "thread CPU time"}};
  }

  DevicePeaks peaks() override {
    constexpr std::size_t rounds = 100'000;
    constexpr std::size_t numbers = 32 * 1024;  // two arrays of 128 KiB: more than L1, less than any L2
    constexpr int copies = 100;
    DevicePeaks found;
    found.memory = "copy within L2";
    volatile float sink = 0.0F;
    found.operations_measured = isa_.peaks.operations_a_round * static_cast<double>(rounds) /
                                best_seconds([&] { sink = isa_.peaks.multiply_adds(rounds); });
    std::vector<float> from(numbers, 1.0F), to(numbers);
    found.bytes_measured = 2.0 * kFloat * static_cast<double>(numbers) * copies / best_seconds([&] {
                             for (int i = 0; i < copies; ++i)
                               isa_.peaks.copy(from.data(), to.data(), numbers);
                           });
    sink = to[numbers / 2];
    return found;
  }

  std::vector<TimedKernel> kernels(const Architecture& architecture, const Objective& objective,
                                   std::size_t batch) override {
    const auto step = std::make_shared<Step>(isa_, architecture, objective, batch);
    const auto samples = static_cast<double>(batch);
    const auto latent = static_cast<double>(architecture.latent);
    const auto dim = static_cast<double>(architecture.data_dim);
    const std::string by_latent = fmt::format("{}x{}", batch, architecture.latent);
    const std::string by_dim = fmt::format("{}x{}", batch, architecture.data_dim);
    std::vector<TimedKernel> list;
    list.push_back(timed("permutation", fmt::format("{}", batch), 0, samples, [step] { step->shuffle(); }));
    list.push_back(timed("gather", by_dim, 0, 2 * samples * dim, [step] { step->gather(); }));
    list.push_back(timed("normal_noise", by_latent, 0, samples * latent, [step] { step->noise(); }));
    add_layers(list, step);
    list.push_back(timed("sample_and_kl", by_latent, 0, 4 * samples * latent, [step] { step->sample(); }));
    list.push_back(timed("squared_error", by_dim, 0, 2 * samples * dim, [step] { step->compare(); }));
    double operations = 0.0;
    for (const TimedKernel& kernel : list) operations += kernel.operations;
    list.push_back(timed("training_step", fmt::format("{}", batch), operations, 0, [step] { step->run(); }));
    return list;
  }

 private:
  /// Three kernels a layer; the encoder's first has no gradient of its input.
  static void add_layers(std::vector<TimedKernel>& list, const std::shared_ptr<Step>& step) {
    const auto samples = static_cast<double>(step->batch());
    const std::ptrdiff_t layers = step->plan().encoder_layers + step->plan().decoder_layers;
    for (std::ptrdiff_t i = 0; i < layers; ++i) {
      const LayerPlan<float>& layer = step->plan().layers[i];
      const auto in = static_cast<double>(layer.in), out = static_cast<double>(layer.out);
      const std::string shape = fmt::format("{}x{}x{}", step->batch(), layer.in, layer.out);
      const double operations = 2 * samples * in * out;
      list.push_back(timed("dense_forward", shape, operations, samples * (in + out) + in * out + out,
                           [step, i] { step->kernels().layer_output(step->plan(), i, step->batch()); }));
      if (i > 0) {
        list.push_back(
            timed("dense_input_gradient", shape, operations, samples * (2 * in + out) + in * out,
                  [step, i] { step->kernels().layer_input_gradient(step->plan(), i, step->batch()); }));
      }
      // weights and both moments are read and written
      list.push_back(timed("dense_weight_gradient_adam", shape, operations,
                           samples * (in + out) + 6 * (in * out + out),
                           [step, i] { step->kernels().layer_update(step->plan(), i, step->batch()); }));
    }
  }

  const InstructionSet& isa_;
};

}  // namespace

std::unique_ptr<KernelBench> make_kernel_bench(const InstructionSet& isa) {
  return std::make_unique<CpuKernelBench>(isa);
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "";
}

}  // namespace gmmvae::cpu
