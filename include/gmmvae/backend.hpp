#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gmmvae/clustering.hpp"
#include "gmmvae/comparison.hpp"
#include "gmmvae/kernel_bench.hpp"
#include "gmmvae/likelihood.hpp"
#include "gmmvae/matrix.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/training.hpp"
#include "gmmvae/tsne.hpp"
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
  /// on the company. Throws UsageError or DataError for a job whose points, state and architecture do not fit
  /// together, a batch of none, and a learning rate that is not above 0.
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

  /// The k nearest other points of every point of x [N,D]; `automatic` weighs what exact ones would cost.
  /// Throws DataError for numbers that are not finite, UsageError unless 0 < k < N.
  virtual NearestNeighbors neighbors(MatrixView<float> x, std::size_t k, NeighborSearch search) = 0;
  /// As the functions of these names in gmmvae/tsne.hpp: same options and same backend, same bytes. `threads`
  /// of the options, where it is 0, is the backend's own number.
  virtual Affinities tsne_affinities(MatrixView<float> x, const TsneOptions& options) = 0;
  virtual TsneGradient tsne_gradient(const Affinities& affinities, MatrixView<float> y,
                                     GradientMethod method) = 0;
  virtual Embedding embed(MatrixView<float> x, const TsneOptions& options, const TsneControl& control = {},
                          const TsneState* resume = nullptr) = 0;
  virtual Embedding embed(const Affinities& affinities, MatrixView<float> x, const TsneOptions& options,
                          const TsneControl& control = {}, const TsneState* resume = nullptr) = 0;
  virtual Matrix<float> tsne_transform(MatrixView<float> x, MatrixView<float> y,
                                       MatrixView<float> new_points) = 0;

  /// The backend's kernels one by one, for `gmmvae bench`; null where it has none to show. Must not outlive
  /// the backend.
  virtual std::unique_ptr<KernelBench> kernel_bench() { return nullptr; }

  /// All pairs of two sets x [N,D] and y [M,D], N and M at least 1.
  virtual SampleComparison compare_samples(MatrixView<float> x, MatrixView<float> y,
                                           const ComparisonOptions& options) = 0;
  /// Where points x [N,D] stand in a mixture of the same D.
  virtual MixtureScores score_mixture(const Mixture& mixture, MatrixView<float> x) = 0;
  /// [M] log of the mean over i of the density of the i-th posterior at z [M,Z], nats.
  virtual std::vector<double> log_aggregate(const Posterior& posterior, MatrixView<float> z) = 0;
  /// log p(x) of points x [N,D] in raw units, or its bound; see LikelihoodMethod. Throws UsageError for
  /// quadrature with no or more than kQuadratureLatent latent dimensions.
  virtual Likelihood log_likelihood(const Vae& vae, std::size_t model, MatrixView<float> x,
                                    const LikelihoodOptions& options) = 0;

  /// k-means of every task; a result depends on its own task alone. See the function of this name.
  virtual std::vector<KMeansResult> kmeans(std::span<const KMeansTask> tasks) = 0;
  /// A Gaussian mixture by expectation maximisation. See the function of this name.
  virtual MixtureFit fit_mixture(MatrixView<float> x, std::size_t k, CovarianceKind kind,
                                 std::span<const std::int32_t> start, const MixtureFitOptions& options) = 0;
  /// [M,G] sum of the distances of each point y [M,D] to the rows offsets[g] to offsets[g+1] of x [N,D].
  virtual Matrix<double> distances_to_groups(MatrixView<float> y, MatrixView<float> x,
                                             std::span<const std::size_t> offsets) = 0;
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
