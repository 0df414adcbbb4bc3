// Small trainings in a program with a plain main, for ThreadSanitizer and MemorySanitizer: GoogleTest and
// parts of the C++ library are not instrumented. Exit code 0: the histories are finite numbers and nothing
// was noticed.
#include <cmath>
#include <cstdio>
#include <vector>

#include "kernels/runtime/stream.hpp"
#include "kernels/training/kernels.hpp"
#include "kernels/training/tiled_pass.hpp"

namespace gmmvae::cuda {

bool metrics_work();   // sanitized_metrics.cu
bool products_work();  // sanitized_products.cu

namespace {

template <class T>
T* on_device(const std::vector<T>& values) {
  T* device = nullptr;
  GPU_CHECK(cudaMalloc(&device, values.size() * sizeof(T)));
  GPU_CHECK(cudaMemcpy(device, values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice));
  return device;
}

/// Numbers between -1 and 1 from a linear congruential generator.
std::vector<float> some_numbers(std::size_t count) {
  std::vector<float> numbers(count);
  std::uint32_t state = 1;
  for (float& number : numbers) {
    state = 1664525u * state + 1013904223u;
    number = static_cast<float>(static_cast<std::int32_t>(state)) * 0x1p-31f;
  }
  return numbers;
}

struct Case {
  Architecture architecture;
  Objective objective;
  std::size_t rows;
  std::size_t batch;
};

/// Whether a history has finite numbers, and a loss.
bool finite(const double* device, std::size_t count) {
  std::vector<double> history(count);
  GPU_CHECK(cudaMemcpy(history.data(), device, count * sizeof(double), cudaMemcpyDeviceToHost));
  for (const double value : history) {
    if (!std::isfinite(value)) return false;
  }
  return history[0] != 0.0;
}

/// An epoch as kernels/training/tiled.cu has it, without graphs.
void run_tiled(TiledPass& pass, const TrainingTask& task, cudaStream_t stream) {
  const int batch = pass.model().plan.batch;
  pass.run(Stage::begin_epoch, stream);
  for (int first = 0; first < task.rows; first += batch) {
    pass.run(Stage::begin_step, stream);
    pass.forward(batch, stream);
    pass.run(Stage::add_step, stream);
    pass.backward(batch, stream);
    pass.run(Stage::end_step, stream);
  }
  for (int first = 0; first < task.validation_rows; first += batch) {
    pass.run(Stage::begin_validation, stream);
    pass.forward(batch, stream);
    pass.run(Stage::add_validation, stream);
  }
  pass.run(Stage::end_epoch, stream);
}

bool trains(const Case& shape, Placement placement, Arithmetic arithmetic = Arithmetic::fp32) {
  const LaidOutModel model = lay_out(shape.architecture, shape.objective, shape.batch);
  const Budget budget = budget_for(placement, model, shape.rows, {227 << 10, 228 << 10, 132}, arithmetic);
  std::size_t canonical = 0;
  for (const DenseLayer& layer : model.layers)
    canonical += static_cast<std::size_t>(layer.out * (layer.in + 1));
  canonical += static_cast<std::size_t>(model.plan.log_variances);
  std::vector<float> parameters(static_cast<std::size_t>(model.plan.parameters), 0.0f);
  pack(model, some_numbers(canonical).data(), parameters.data());

  constexpr int epochs = 2;
  const std::size_t width = shape.architecture.latent + 7;
  TrainingTask task;
  task.rows = static_cast<int>(shape.rows);
  task.data_in_shared = budget.data_in_shared ? 1 : 0;
  task.validation_rows = task.rows;
  task.data = on_device(some_numbers(shape.rows * shape.architecture.data_dim));
  task.validation = task.data;
  task.parameters = on_device(parameters);
  task.best_parameters = on_device(parameters);
  task.moments = on_device(std::vector<float>(4 * parameters.size(), 0.0f));
  const std::size_t workspace = parameters.size() + model.workspace_floats();
  if (placement == Placement::streamed) GPU_CHECK(cudaMalloc(&task.workspace, workspace * sizeof(float)));
  if (placement == Placement::tiled)  // zeros: whole fours are read, and what comes of the padding is dropped
    task.workspace = on_device(std::vector<float>(workspace, 0.0f));
  task.history = on_device(std::vector<double>(epochs * width, 0.0));
  task.state = on_device(std::vector<TaskState>(1));
  task.config = {1e-3, 0.9, 0.999, 1e-8, LearningRateSchedule::linear, epochs, 1, 5, 0};
  task.loss.weight = 0.5;
  task.loss.variance_learned = model.plan.log_variances > 0 ? 1 : 0;
  task.loss.variance_per_dim = model.plan.log_variances > 1 ? 1 : 0;
  task.loss.variance_floor = 0.05;
  const PlanTables tables{on_device(std::vector<ModelPlan>{model.plan}), on_device(model.layers),
                          on_device(model.slot_floats)};
  if (placement == Placement::tiled) {
    GPU_CHECK(cudaMemcpy(task.workspace, task.parameters, parameters.size() * sizeof(float),
                         cudaMemcpyDeviceToDevice));
    const Stream stream;
    TiledPass pass(model, tables, task.workspace, Products::own, stream.get());
    pass.set_task(task);
    pass.run(Stage::begin_launch, stream.get());
    for (int epoch = 0; epoch < epochs; ++epoch) run_tiled(pass, task, stream.get());
    stream.synchronize();
    return finite(task.history, epochs * width);
  }
  const auto start = placement == Placement::fused      ? launch_fused
                     : placement == Placement::resident ? launch_resident
                                                        : launch_streamed;
  start(on_device(std::vector<TrainingTask>{task}), on_device(std::vector<int>{0}), 1, tables, budget, epochs,
        nullptr);
  GPU_CHECK(cudaDeviceSynchronize());
  return finite(task.history, epochs * width);
}

}  // namespace
}  // namespace gmmvae::cuda

int main() {
  using namespace gmmvae;
  const std::vector<cuda::Case> cases = {
      {{.data_dim = 3, .latent = 2, .encoder_hidden = {9, 5}, .decoder_hidden = {7}}, {}, 13, 6},
      {{.data_dim = 11,
        .latent = 5,
        .encoder_hidden = {33},
        .decoder_hidden = {4, 12},
        .activation = Activation::gelu,
        .posterior_variance = PosteriorVariance::softplus_half},
       {.variance_kind = DecoderVarianceKind::learned_per_dim},
       9,
       8},
      {{.data_dim = 2, .latent = 1, .encoder_hidden = {}, .decoder_hidden = {}},
       {.kind = ObjectiveKind::half_sse},
       5,
       1},
  };
  const std::vector<cuda::Case> fused = {
      {{.data_dim = 3, .latent = 2, .encoder_hidden = {64, 64}, .decoder_hidden = {64, 64}}, {}, 57, 40},
      {{.data_dim = 2, .latent = 1, .encoder_hidden = {64}, .decoder_hidden = {64}},
       {.kind = ObjectiveKind::half_sse},
       20,
       13},
      {{.data_dim = 4,
        .latent = 1,
        .encoder_hidden = {64, 64},
        .decoder_hidden = {64, 64},
        .posterior_variance = PosteriorVariance::softplus_half},
       {.variance_kind = DecoderVarianceKind::learned_per_dim},
       37,
       36}};
  for (const cuda::Case& shape : fused) {
    if (cuda::trains(shape, cuda::Placement::fused)) continue;
    std::puts("a history of the fused trainer is not finite");
    return 1;
  }
  // layers whose depth is split over blocks, and of more than one panel
  const cuda::Case large = {
      {.data_dim = 3, .latent = 2, .encoder_hidden = {200}, .decoder_hidden = {70, 140}}, {}, 140, 137};
  if (!cuda::trains(large, cuda::Placement::tiled)) {
    std::puts("a history of the tiled trainer is not finite");
    return 1;
  }
  const cuda::Case split = {
      {.data_dim = 3, .latent = 2, .encoder_hidden = {64, 64}, .decoder_hidden = {64, 64}}, {}, 14, 14};
  if (!cuda::trains(split, cuda::Placement::fused, Arithmetic::tf32x3)) {
    std::puts("a history in tf32x3 is not finite");
    return 1;
  }
  for (const cuda::Case& shape : cases) {
    for (const cuda::Placement placement :
         {cuda::Placement::resident, cuda::Placement::streamed, cuda::Placement::tiled}) {
      if (cuda::trains(shape, placement)) continue;
      std::puts("a history is not finite");
      return 1;
    }
  }
  if (!cuda::products_work()) {
    std::puts("a product of a dense layer is not finite");
    return 1;
  }
  if (!cuda::metrics_work()) {
    std::puts("a metric or a cluster is not finite");
    return 1;
  }
  return 0;
}
