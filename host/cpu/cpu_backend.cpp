#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

#include "gmmvae/backend.hpp"
#include "gmmvae/error.hpp"
#include "host/backend/arguments.hpp"
#include "host/backend/columns.hpp"
#include "host/clustering/lloyd.hpp"
#include "host/cpu/instruction_sets.hpp"
#include "host/cpu/kernel_bench.hpp"
#include "host/cpu/loss_terms.hpp"
#include "host/cpu/trainer.hpp"
#include "host/cpu/workspace.hpp"
#include "host/evaluation/comparison.hpp"
#include "host/evaluation/likelihood.hpp"
#include "host/training/trainable.hpp"
#include "host/vae/names.hpp"

namespace gmmvae {
namespace {

using cpu::Workspace;

/// Samples a call works on at a time when a model is used: enough to fill the tiles, small enough for L2.
/// Fewer are worked on in as many places: how a product is cut into tiles, and so its rounding, depends on
/// the number of samples, and a point must not depend on how many others it is asked for with.
constexpr std::size_t kUseBatch = 128;

void copy_from_planar(const float* planar, std::ptrdiff_t stride, std::size_t count, std::size_t features,
                      float* rows) {
  for (std::size_t b = 0; b < count; ++b) {
    for (std::size_t f = 0; f < features; ++f)
      rows[b * features + f] =
          planar[static_cast<std::ptrdiff_t>(f) * stride + static_cast<std::ptrdiff_t>(b)];
  }
}

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(std::size_t threads)
      : threads_(threads == 0 ? available_threads() : threads), isa_(cpu::choose_instruction_set()) {}

  [[nodiscard]] std::string name() const override { return "cpu"; }
  [[nodiscard]] std::string description() const override {
    return fmt::format("CPU, {}, {} thread{}", isa_.name, threads_, threads_ == 1 ? "" : "s");
  }

  /// One core owns one model at a time.
  void train(std::span<TrainingJob> jobs, const TrainingControl& control) override {
    for (const TrainingJob& job : jobs) {
      if (job.config.arithmetic == Arithmetic::fp32) continue;
      throw UsageError("--precision " + to_string(job.config.arithmetic) +
                       " takes tensor cores, which the CPU has not: use --device cuda, or --precision fp32");
    }
    require_trainable(jobs);
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex failure_mutex;
    const auto work = [&] {
      try {
        for (std::size_t i = next++; i < jobs.size(); i = next++) {
          if (control.should_stop()) return;
          cpu::train_job(jobs[i], control, isa_);
        }
      } catch (...) {
        const std::lock_guard lock(failure_mutex);
        failure = std::current_exception();
        next = jobs.size();
      }
    };
    std::vector<std::jthread> helpers;
    for (std::size_t i = 1; i < std::min(threads_, jobs.size()); ++i) helpers.emplace_back(work);
    work();
    helpers.clear();
    if (failure) std::rethrow_exception(failure);
  }

  Posterior encode(const Vae& vae, std::size_t model, MatrixView<float> x) override {
    check_columns("the data", x.cols, vae.architecture.data_dim);
    const std::size_t latent = vae.architecture.latent;
    Posterior posterior{Matrix<float>(x.rows, latent), Matrix<float>(x.rows, latent)};
    Workspace<float> workspace = workspace_for(vae, model);
    const cpu::ModelPlan<float>& plan = workspace.plan();
    for (std::size_t first = 0; first < x.rows; first += kUseBatch) {
      const std::size_t count = std::min(kUseBatch, x.rows - first);
      isa_.single.gather(plan, x.data + first * x.cols, nullptr, static_cast<std::ptrdiff_t>(count));
      isa_.single.encode(plan, kUseBatch);
      copy_from_planar(plan.mean, plan.batch_stride, count, latent, posterior.mean.row(first).data());
      copy_from_planar(plan.variance, plan.batch_stride, count, latent, posterior.variance.row(first).data());
    }
    return posterior;
  }

  Matrix<float> decode(const Vae& vae, std::size_t model, MatrixView<float> z) override {
    check_columns("the latent code", z.cols, vae.architecture.latent);
    Matrix<float> x(z.rows, vae.architecture.data_dim);
    Workspace<float> workspace = workspace_for(vae, model);
    const cpu::ModelPlan<float>& plan = workspace.plan();
    for (std::size_t first = 0; first < z.rows; first += kUseBatch) {
      const std::size_t count = std::min(kUseBatch, z.rows - first);
      for (std::size_t b = 0; b < count; ++b) {
        for (std::size_t j = 0; j < z.cols; ++j)
          plan.z[j * static_cast<std::size_t>(plan.batch_stride) + b] = z(first + b, j);
      }
      isa_.single.decode(plan, kUseBatch);
      copy_from_planar(plan.y, plan.batch_stride, count, x.cols(), x.row(first).data());
    }
    return x;
  }

  LossGradient loss_gradient(const Architecture& architecture, const Objective& objective,
                             std::span<const double> parameters, MatrixView<double> x,
                             MatrixView<double> noise, double log_jacobian, Precision precision) override {
    check_batch(architecture, objective, parameters, x, noise);
    if (precision == Precision::double_) {
      return loss_gradient_in<double>(isa_.double_, architecture, objective, parameters, x, noise,
                                      log_jacobian);
    }
    return loss_gradient_in<float>(isa_.single, architecture, objective, parameters, x, noise, log_jacobian);
  }

  SampleComparison compare_samples(MatrixView<float> x, MatrixView<float> y,
                                   const ComparisonOptions& options) override {
    return gmmvae::compare_samples(x, y, options, pool());
  }
  MixtureScores score_mixture(const Mixture& mixture, MatrixView<float> x) override {
    check_columns("the data", x.cols, mixture.dim());
    return gmmvae::score_mixture(mixture, x, pool());
  }
  std::vector<double> log_aggregate(const Posterior& posterior, MatrixView<float> z) override {
    check_posterior(posterior);
    check_columns("the latent code", z.cols, posterior.mean.cols());
    return gmmvae::log_aggregate(posterior, z, pool());
  }
  Likelihood log_likelihood(const Vae& vae, std::size_t model, MatrixView<float> x,
                            const LikelihoodOptions& options) override {
    check_columns("the data", x.cols, vae.architecture.data_dim);
    return gmmvae::log_likelihood(GaussianDecoder(*this, vae, model), x, options, pool());
  }

  std::vector<KMeansResult> kmeans(std::span<const KMeansTask> tasks) override {
    return gmmvae::kmeans(tasks, pool());
  }
  MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                         std::span<const std::int32_t> start, const MixtureFitOptions& options) override {
    return gmmvae::fit_mixture(x, k, kind, start, options, pool());
  }
  Matrix<double> distances_to_groups(MatrixView<float> y, MatrixView<float> x,
                                     std::span<const std::size_t> offsets) override {
    check_groups(y, x, offsets);
    return gmmvae::distances_to_groups(y, x, offsets, pool());
  }

  NearestNeighbors neighbors(MatrixView<float> x, std::size_t k, NeighborSearch search) override {
    return nearest_neighbors(x, k, search, threads_);
  }
  Matrix<float> tsne_transform(MatrixView<float> x, MatrixView<float> y,
                               MatrixView<float> new_points) override {
    return gmmvae::tsne_transform(x, y, new_points, threads_);
  }
  Affinities tsne_affinities(MatrixView<float> x, const TsneOptions& options) override {
    return gmmvae::tsne_affinities(x, with_threads(options));
  }
  TsneGradient tsne_gradient(const Affinities& affinities, MatrixView<float> y,
                             GradientMethod method) override {
    return gmmvae::tsne_gradient(affinities, y, method, threads_);
  }
  Embedding embed(MatrixView<float> x, const TsneOptions& options, const TsneControl& control,
                  const TsneState* resume) override {
    return gmmvae::embed(x, with_threads(options), control, resume);
  }
  Embedding embed(const Affinities& affinities, MatrixView<float> x, const TsneOptions& options,
                  const TsneControl& control, const TsneState* resume) override {
    return gmmvae::embed(affinities, x, with_threads(options), control, resume);
  }

  std::unique_ptr<KernelBench> kernel_bench() override { return cpu::make_kernel_bench(isa_); }

 private:
  /// Threads for work that is cut by rows; started when they are first needed.
  ThreadPool& pool() {
    if (!pool_) pool_.emplace(threads_);
    return *pool_;
  }
  [[nodiscard]] TsneOptions with_threads(TsneOptions options) const {
    if (options.threads == 0) options.threads = threads_;
    return options;
  }

  [[nodiscard]] Workspace<float> workspace_for(const Vae& vae, std::size_t model) const {
    Workspace<float> workspace(vae.architecture, vae.objective, kUseBatch, isa_.single.lanes,
                               Workspace<float>::Mode::use);
    workspace.pack<float>(vae.parameters_of(model), workspace.plan().parameters);
    return workspace;
  }

  template <class T>
  static LossGradient loss_gradient_in(const cpu::Kernels<T>& kernels, const Architecture& architecture,
                                       const Objective& objective, std::span<const double> parameters,
                                       MatrixView<double> x, MatrixView<double> noise, double log_jacobian) {
    Workspace<T> workspace(architecture, objective, x.rows, kernels.lanes, Workspace<T>::Mode::gradient);
    cpu::ModelPlan<T>& plan = workspace.plan();
    workspace.template pack<double>(parameters, plan.parameters);
    kernels.refresh(plan);
    const auto count = static_cast<std::ptrdiff_t>(x.rows);
    const std::vector<T> points(x.data, x.data + x.size());
    kernels.gather(plan, points.data(), nullptr, count);
    for (std::size_t b = 0; b < noise.rows; ++b) {
      for (std::size_t j = 0; j < noise.cols; ++j) {
        plan.noise[j * static_cast<std::size_t>(plan.batch_stride) + b] = static_cast<T>(noise(b, j));
      }
    }
    cpu::LossTerms terms(objective, architecture, log_jacobian);
    terms.prepare(plan);
    cpu::BatchSums sums = terms.sums();
    kernels.encode(plan, count);
    kernels.sample(plan, count, sums);
    kernels.decode(plan, count);
    kernels.compare(plan, count, sums);
    kernels.backward(plan, count, sums);
    const cpu::LossTerms::Means means = terms.means(sums, static_cast<double>(count));
    LossGradient result{means.loss, means.reconstruction, {}, std::vector<double>(parameters.size())};
    for (std::size_t j = 0; j < architecture.latent; ++j) {
      result.kl_per_dimension.push_back(sums.kl[j] / static_cast<double>(count));
    }
    workspace.template unpack<double>(plan.gradient, result.gradient);
    return result;
  }

  std::size_t threads_;
  cpu::InstructionSet isa_;
  std::optional<ThreadPool> pool_;
};

}  // namespace

std::unique_ptr<Backend> make_cpu_backend(std::size_t threads) {
  return std::make_unique<CpuBackend>(threads);
}

}  // namespace gmmvae
