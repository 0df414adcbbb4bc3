#include <utility>

#include "kernels/dense/elementwise.hpp"
#include "kernels/training/tiled_pass.hpp"
#include "kernels/training/tiled_stages.cuh"

namespace gmmvae::cuda {
namespace {

constexpr unsigned stage_threads = 256;

template <Stage stage>  // one block is all there ever is: without that word some stages spill
__global__ void __launch_bounds__(stage_threads, 1)
    run_stage(const TrainingTask* task, PlanTables tables, TiledState* tiled) {
  with_training(*task, tables, *tiled, [&](const TiledTraining& training) {
    if constexpr (stage == Stage::begin_launch) begin_launch(training);
    if constexpr (stage == Stage::begin_epoch) begin_epoch(training, *tiled);
    if constexpr (stage == Stage::begin_step) begin_step(training, *tiled);
    if constexpr (stage == Stage::begin_validation) begin_validation(training, *tiled);
    if constexpr (stage == Stage::sample)
      block::sample(latent_batch(training.memory), tiled->count, tiled->ledger.kl);
    if constexpr (stage == Stage::add_step) add_step(training, *tiled);
    if constexpr (stage == Stage::add_validation) add_validation(training, *tiled);
    if constexpr (stage == Stage::posterior_gradient)
      block::posterior_gradient(latent_batch(training.memory), tiled->count,
                                static_cast<float>(training.task.loss.kl_weight) /
                                    static_cast<float>(block::larger(tiled->count, 1)));
    if constexpr (stage == Stage::end_step) end_step(training, *tiled);
    if constexpr (stage == Stage::end_epoch) end_epoch(training, *tiled);
  });
}

using StageKernel = void (*)(const TrainingTask*, PlanTables, TiledState*);

StageKernel kernel_of(Stage stage) {
  switch (stage) {
    case Stage::begin_launch:
      return run_stage<Stage::begin_launch>;
    case Stage::begin_epoch:
      return run_stage<Stage::begin_epoch>;
    case Stage::begin_step:
      return run_stage<Stage::begin_step>;
    case Stage::begin_validation:
      return run_stage<Stage::begin_validation>;
    case Stage::sample:
      return run_stage<Stage::sample>;
    case Stage::add_step:
      return run_stage<Stage::add_step>;
    case Stage::add_validation:
      return run_stage<Stage::add_validation>;
    case Stage::posterior_gradient:
      return run_stage<Stage::posterior_gradient>;
    case Stage::end_step:
      return run_stage<Stage::end_step>;
    case Stage::end_epoch:
      break;
  }
  return run_stage<Stage::end_epoch>;
}

}  // namespace

TiledPass::TiledPass(const LaidOutModel& model, const PlanTables& tables, float* base, Products products,
                     cudaStream_t stream)
    : model_(model),
      tables_(tables),
      base_(base),
      stream_(stream),
      task_(1, stream),
      state_(1, stream),
      workspace_(stream) {
  const ModelPlan& plan = model_.plan;
  if (products == Products::library) {
    gemm_ = std::make_unique<library::Gemm>(stream);
    gradient_ = DeviceArray<float>(static_cast<std::size_t>(plan.parameters), stream);
  }
  SharedArena count;
  BlockMemory<Placement::streamed>(count, plan, model_.slot_floats.data(), nullptr, 0, false);
  shared_bytes_ = count.bytes();
  int offset = plan.parameters;
  for (const int floats : model_.slot_floats) {
    slots_.push_back(offset);
    offset += floats;
  }
  TiledState state{};
  state.norms = 1;
  for (const DenseLayer& layer : model_.layers) {
    norm_offsets_.push_back(state.norms - 1);
    if (!gemm_) workspace_.prepare(plan.batch, layer.in, layer.out);
    state.norms += gemm_ ? dense::blocks_of_update(layer.in, layer.out)
                         : workspace_.parts_of_norm(plan.batch, layer.in, layer.out);
  }
  const auto latent = static_cast<std::size_t>(plan.latent);
  const auto dims = static_cast<std::size_t>(plan.data_dim);
  const auto norms = static_cast<std::size_t>(state.norms);
  numbers_ = DeviceArray<double>(2 * latent + 7 + 3 * dims + 2 + norms, stream);
  numbers_.fill_with_zeros();
  double* next = numbers_.data();
  const auto take = [&next](std::size_t size) { return std::exchange(next, next + size); };
  state.ledger.row = take(latent + 7);
  state.ledger.kl = take(latent);
  state.ledger.squared_error = take(dims);
  state.ledger.variance = take(dims);
  state.ledger.weight = take(dims);
  state.ledger.constants = take(2);
  state.ledger.norms = norms_ = take(norms);
  copy_to_device(state_.data(), std::span<const TiledState>(&state, 1), stream);
}

void TiledPass::set_task(const TrainingTask& task) {
  copy_to_device(task_.data(), std::span<const TrainingTask>(&task, 1), stream_);
}

float* TiledPass::slot(int number) const {
  return number < 0 ? nullptr : base_ + slots_[static_cast<std::size_t>(number)];
}

void TiledPass::run(Stage stage, cudaStream_t stream) {
  launch(kernel_of(stage), 1, stage_threads, shared_bytes_, stream, task_.data(), tables_, state_.data());
}

void TiledPass::layers(int first, int count, int rows, cudaStream_t stream) {
  for (int l = first; l < first + count; ++l) {
    dense::Forward work;
    work.in = layer(l).in;
    work.out = layer(l).out;
    work.activation = layer(l).activation;
    work.input = {slot(layer(l).input), layer(l).input_stride};
    work.weight = {base_ + layer(l).weight, layer(l).weight_stride};
    work.bias = base_ + layer(l).bias;
    work.output = {slot(layer(l).output), layer(l).output_stride};
    work.slope = slot(layer(l).slope);
    if (!gemm_) {
      dense::launch_forward(work, samples(), workspace_, stream);
    } else if (!gemm_->forward(work, rows, stream)) {
      dense::launch_activate(work, samples(), stream);
    }
  }
}

void TiledPass::forward(int rows, cudaStream_t stream) {
  layers(0, model_.plan.encoder_layers, rows, stream);
  run(Stage::sample, stream);
  layers(model_.plan.encoder_layers, model_.plan.decoder_layers, rows, stream);
}

void TiledPass::backward(int rows, cudaStream_t stream) {
  for (int l = model_.plan.encoder_layers + model_.plan.decoder_layers - 1; l >= 0; --l) {
    if (l > 0) input_gradient(l, rows, stream);  // with the weights as they were in the forward pass
    parameter_gradients(l, rows, stream);
    if (l == model_.plan.encoder_layers) run(Stage::posterior_gradient, stream);
  }
}

void TiledPass::input_gradient(int l, int rows, cudaStream_t stream) {
  dense::InputGradient work;
  work.in = layer(l).in;
  work.out = layer(l).out;
  work.delta = {slot(layer(l).delta), layer(l).output_stride};
  work.weight = {base_ + layer(l).weight, layer(l).weight_stride};
  if (l == model_.plan.encoder_layers) {
    work.result = {slot(model_.plan.z_gradient), model_.plan.z_stride};
  } else {
    const DenseLayer& below = layer(l - 1);
    work.activation = below.activation;
    work.below = {slot(below.output), below.output_stride};
    work.slope = slot(below.slope);
    work.result = {slot(below.delta), below.output_stride};
  }
  if (!gemm_) {
    dense::launch_input_gradient(work, samples(), workspace_, stream);
    return;
  }
  gemm_->input_gradient(work, rows, stream);
  if (work.activation != Activation::identity) dense::launch_pass_activation(work, samples(), stream);
}

void TiledPass::parameter_gradients(int l, int rows, cudaStream_t stream) {
  dense::ParameterGradients work;
  work.in = layer(l).in;
  work.out = layer(l).out;
  work.delta = {slot(layer(l).delta), layer(l).output_stride};
  work.input = {slot(layer(l).input), layer(l).input_stride};
  work.weight = layer(l).weight;
  work.weight_stride = layer(l).weight_stride;
  work.bias = layer(l).bias;
  work.update = &state_.data()->update;
  work.squared_norms = norms_ + norm_offsets_[static_cast<std::size_t>(l)];
  if (!gemm_) {
    dense::launch_parameter_gradients(work, samples(), workspace_, stream);
    return;
  }
  gemm_->parameter_gradients(work, rows, gradient_.data(), stream);
  dense::launch_update(work, gradient_.data(), samples(), stream);
}

}  // namespace gmmvae::cuda
