// Encode, decode, and the gradient of one batch: a model at work outside a training. Blocks share the rows;
// each has a copy of the parameters beside its activations in global memory, as a streamed model has.

#include <algorithm>
#include <vector>

#include "gmmvae/error.hpp"
#include "kernels/runtime/memory.hpp"
#include "kernels/training/pack.cuh"
#include "kernels/training/shapes.hpp"
#include "kernels/training/step.cuh"
#include "kernels/training/trainers.hpp"

namespace gmmvae::cuda {
namespace {

constexpr std::size_t rows_at_a_time = 96;
constexpr int threads = 256;

}  // namespace

/// What the blocks work on. Matrices are row-major without padding.
struct Application {
  int plan = 0;
  int rows = 0;
  const float* parameters = nullptr;  ///< packed
  float* workspaces = nullptr;        ///< of all blocks, each parameters and slots
  std::ptrdiff_t workspace_floats = 0;
  const float* input = nullptr;  ///< points [rows][data_dim], or codes [rows][latent]
  const float* noise = nullptr;  ///< [rows][latent]
  float* first = nullptr;        ///< means [rows][latent], decoded points, or the packed gradient
  float* second = nullptr;       ///< posterior variances [rows][latent]
  double* terms = nullptr;       ///< loss, reconstruction, then KL sums [latent]
  block::LossConstants loss;
};

namespace {

/// A block's memory with its parameters in place.
struct Worker {
  using Memory = BlockMemory<Placement::streamed>;

  __device__ static Memory start(SharedArena& arena, const Application& work, const PlanTables& tables) {
    const ModelPlan& shape = tables.plans[work.plan];
    float* workspace = work.workspaces + static_cast<std::ptrdiff_t>(blockIdx.x) * work.workspace_floats;
    const Memory memory(arena, shape, tables.slot_floats + shape.first_slot, workspace, 0,
                        thread_rank() == 0);
    for (int i = static_cast<int>(thread_rank()); i < shape.parameters;
         i += static_cast<int>(block_threads()))
      memory.base[i] = work.parameters[i];
    resolve(memory, shape, tables.layers + shape.first_layer);
    return memory;
  }
};

__global__ void __launch_bounds__(threads) encode_rows(Application work, PlanTables tables) {
  GPU_DYNAMIC_SHARED(buffer);
  SharedArena arena(buffer);
  const Worker::Memory memory = Worker::start(arena, work, tables);
  const ModelPlan& plan = *memory.plan;
  const DenseLayer& head = memory.layers[plan.encoder_layers - 1];
  for (int first = static_cast<int>(blockIdx.x) * plan.batch; first < work.rows;
       first += static_cast<int>(gridDim.x) * plan.batch) {
    const int count = block::smaller(plan.batch, work.rows - first);
    prepare_tilings(memory, count);
    gather(work.input, plan.data_dim, memory.base + plan.x, plan.x_stride, count,
           [&](int b) { return first + b; });
    __syncthreads();
    run_layers(memory, 0, plan.encoder_layers, count);
    for (int i = static_cast<int>(thread_rank()); i < count * plan.latent;
         i += static_cast<int>(block_threads())) {
      const int b = i / plan.latent;
      const float* raw = memory.base + head.output + b * head.output_stride + (i - b * plan.latent);
      const auto at = static_cast<std::ptrdiff_t>(first) * plan.latent + i;
      work.first[at] = raw[0];
      work.second[at] = block::posterior_variance(plan.posterior_variance, raw[plan.latent]);
    }
    __syncthreads();
  }
}

__global__ void __launch_bounds__(threads) decode_rows(Application work, PlanTables tables) {
  GPU_DYNAMIC_SHARED(buffer);
  SharedArena arena(buffer);
  const Worker::Memory memory = Worker::start(arena, work, tables);
  const ModelPlan& plan = *memory.plan;
  const DenseLayer& top = memory.layers[plan.encoder_layers + plan.decoder_layers - 1];
  for (int first = static_cast<int>(blockIdx.x) * plan.batch; first < work.rows;
       first += static_cast<int>(gridDim.x) * plan.batch) {
    const int count = block::smaller(plan.batch, work.rows - first);
    prepare_tilings(memory, count);
    gather(work.input, plan.latent, memory.base + plan.z, plan.z_stride, count,
           [&](int b) { return first + b; });
    __syncthreads();
    run_layers(memory, plan.encoder_layers, plan.decoder_layers, count);
    for (int i = static_cast<int>(thread_rank()); i < count * plan.data_dim;
         i += static_cast<int>(block_threads())) {
      const int b = i / plan.data_dim;
      work.first[static_cast<std::ptrdiff_t>(first) * plan.data_dim + i] =
          memory.base[top.output + b * top.output_stride + (i - b * plan.data_dim)];
    }
    __syncthreads();
  }
}

/// One block, one batch.
__global__ void __launch_bounds__(threads, 1) gradient_of_batch(Application work, PlanTables tables) {
  GPU_DYNAMIC_SHARED(buffer);
  SharedArena arena(buffer);
  const Worker::Memory memory = Worker::start(arena, work, tables);
  const ModelPlan& plan = *memory.plan;
  prepare_tilings(memory, work.rows);
  if (warp_id() == 0)
    block::prepare_loss(work.loss, memory.base + plan.log_variance, plan.data_dim, memory.ledger);
  const auto same = [](int b) { return b; };
  gather(work.input, plan.data_dim, memory.base + plan.x, plan.x_stride, work.rows, same);
  gather(work.noise, plan.latent, memory.base + plan.noise, plan.z_stride, work.rows, same);
  __syncthreads();
  run_forward(memory, work.rows);
  block::Update update{memory.base, nullptr, nullptr, nullptr, nullptr, work.first, {}, 0.0f};
  run_backward(memory, work.rows, static_cast<float>(work.loss.kl_weight), update, [&] {
    const block::BatchMeans means =
        block::batch_means(work.loss, plan.data_dim, plan.latent, work.rows, memory.ledger);
    for (int j = static_cast<int>(lane_id()); j < plan.latent; j += 32)
      work.terms[2 + j] = memory.ledger.kl[j];
    if (lane_id() == 0) {
      work.terms[0] = means.loss;
      work.terms[1] = means.reconstruction;
    }
    if (work.loss.variance_learned)
      block::update_variance(work.loss, plan.data_dim, plan.log_variance, work.rows, memory.ledger, update);
  });
}

}  // namespace

/// The device side of one call: tables, packed parameters and workspaces.
class Applied {
 public:
  Applied(const Architecture& architecture, const Objective& objective, std::size_t batch, std::size_t rows,
          std::span<const float> parameters, cudaStream_t stream)
      : stream_(stream) {
    if (rows > most_points) throw DataError("The device takes up to 2^30 rows at once.");
    work.plan = shapes_.add(architecture, objective, batch);
    work.rows = static_cast<int>(rows);
    shapes_.upload(stream);
    const LaidOutModel& model = shapes_[work.plan];
    const DeviceLimits limits = current_device_limits();
    budget_ = budget_for(Placement::streamed, model, 0, limits);
    packed_ = std::vector<float>(static_cast<std::size_t>(model.plan.parameters));
    pack(model, parameters.data(), packed_.data());
    parameters_ = to_device(packed_, stream);
    const std::size_t floats = packed_.size() + model.workspace_floats();
    blocks_ = std::min((rows + batch - 1) / batch, 2 * static_cast<std::size_t>(limits.multiprocessors));
    workspaces_ = DeviceArray<float>(blocks_ * floats, stream);
    work.parameters = parameters_.data();
    work.workspaces = workspaces_.data();
    work.workspace_floats = static_cast<std::ptrdiff_t>(floats);
  }

  template <class Kernel>
  void run(Kernel kernel) {
    launch(kernel, blocks_, threads, budget_.shared_bytes, stream_, work, shapes_.tables());
  }
  [[nodiscard]] const LaidOutModel& model() const { return shapes_[work.plan]; }

  Application work;

 private:
  cudaStream_t stream_;
  Shapes shapes_;
  Budget budget_;
  std::vector<float> packed_;
  DeviceArray<float> parameters_;
  DeviceArray<float> workspaces_;
  std::size_t blocks_ = 1;
};

namespace {

void check_columns(const char* what, std::size_t has, std::size_t wants) {
  if (has != wants) {
    throw DataError(std::string(what) + " has " + std::to_string(has) +
                    " columns, but the model works with " + std::to_string(wants));
  }
}

std::vector<float> in_single(std::span<const double> values) {
  return {values.begin(), values.end()};
}

}  // namespace

Posterior encode(const Vae& vae, std::size_t model, MatrixView<float> x, cudaStream_t stream) {
  const std::size_t latent = vae.architecture.latent;
  check_columns("the data", x.cols, vae.architecture.data_dim);
  if (x.rows == 0) return {Matrix<float>(0, latent), Matrix<float>(0, latent)};
  Applied applied(vae.architecture, vae.objective, rows_at_a_time, x.rows, vae.parameters_of(model), stream);
  const DeviceArray<float> points = to_device(std::span<const float>(x.data, x.size()), stream);
  DeviceArray<float> mean(x.rows * latent, stream);
  DeviceArray<float> variance(x.rows * latent, stream);
  applied.work.input = points.data();
  applied.work.first = mean.data();
  applied.work.second = variance.data();
  applied.run(encode_rows);
  return {Matrix<float>(x.rows, latent, to_host(mean, stream)),
          Matrix<float>(x.rows, latent, to_host(variance, stream))};
}

Matrix<float> decode(const Vae& vae, std::size_t model, MatrixView<float> z, cudaStream_t stream) {
  const std::size_t data_dim = vae.architecture.data_dim;
  check_columns("the latent code", z.cols, vae.architecture.latent);
  if (z.rows == 0) return Matrix<float>(0, data_dim);
  const DeviceArray<float> codes = to_device(std::span<const float>(z.data, z.size()), stream);
  DeviceArray<float> points(z.rows * data_dim, stream);
  DeviceDecoder(vae, model, z.rows, stream).run(codes.data(), z.rows, points.data());
  return {z.rows, data_dim, to_host(points, stream)};
}

class DeviceDecoder::Implementation {
 public:
  Implementation(const Vae& vae, std::size_t model, std::size_t most_rows, cudaStream_t stream)
      : applied(vae.architecture, vae.objective, rows_at_a_time, most_rows, vae.parameters_of(model),
                stream) {}
  Applied applied;
};

DeviceDecoder::DeviceDecoder(const Vae& vae, std::size_t model, std::size_t most_rows, cudaStream_t stream)
    : implementation_(std::make_unique<Implementation>(vae, model, most_rows, stream)) {}

DeviceDecoder::~DeviceDecoder() = default;

void DeviceDecoder::run(const float* codes, std::size_t rows, float* points) {
  Applied& applied = implementation_->applied;
  applied.work.rows = static_cast<int>(rows);
  applied.work.input = codes;
  applied.work.first = points;
  applied.run(decode_rows);
}

LossGradient loss_gradient(const Architecture& architecture, const Objective& objective,
                           std::span<const double> parameters, MatrixView<double> x, MatrixView<double> noise,
                           double log_jacobian, cudaStream_t stream) {
  const std::vector<float> single = in_single(parameters);
  Applied applied(architecture, objective, x.rows, x.rows, single, stream);
  const DeviceArray<float> points = to_device(in_single({x.data, x.size()}), stream);
  const DeviceArray<float> normals = to_device(in_single({noise.data, noise.size()}), stream);
  DeviceArray<float> gradient(static_cast<std::size_t>(applied.model().plan.parameters), stream);
  gradient.fill_with_zeros();
  DeviceArray<double> terms(2 + architecture.latent, stream);
  applied.work.input = points.data();
  applied.work.noise = normals.data();
  applied.work.first = gradient.data();
  applied.work.terms = terms.data();
  applied.work.loss = loss_constants(objective, architecture.data_dim, architecture.latent, log_jacobian);
  applied.run(gradient_of_batch);
  const std::vector<float> packed = to_host(gradient, stream);
  const std::vector<double> sums = to_host(terms, stream);
  std::vector<float> canonical(parameters.size());
  unpack(applied.model(), packed.data(), canonical.data());
  LossGradient result{sums[0], sums[1], {}, {canonical.begin(), canonical.end()}};
  for (std::size_t j = 0; j < architecture.latent; ++j)
    result.kl_per_dimension.push_back(sums[2 + j] / static_cast<double>(x.rows));
  return result;
}

}  // namespace gmmvae::cuda
