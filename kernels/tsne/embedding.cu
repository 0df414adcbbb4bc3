#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <utility>

#include "host/tsne/affinities.hpp"
#include "host/tsne/embedding.hpp"
#include "host/tsne/normalizer.hpp"
#include "kernels/tsne/embedding.hpp"
#include "kernels/tsne/gradient.hpp"
#include "kernels/tsne/principal.hpp"

namespace gmmvae::cuda {
namespace {

/// Where all pairs (counted: 4.2e12 a second on an H200) and some twelve kernels of an interpolation take the
/// same time.
constexpr std::size_t crossover_points = 15000;
/// Steps that are launched before the host looks how they went; fewer for a while where grids change often.
constexpr std::size_t most_steps_ahead = 32;

Matrix<float> download(const DeviceArray<float>& from, std::size_t rows, int dim, cudaStream_t stream) {
  return {rows, static_cast<std::size_t>(dim), to_host(from, stream)};
}

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Finds neighbours and makes affinities. `figures` gets everything but columns and values: the order, the
/// perplexities, the times.
DeviceAffinities make_affinities(MatrixView<float> x, const TsneOptions& options, Affinities& figures,
                                 cudaStream_t stream) {
  figures = tsne::begin_affinities(x, options);
  const Clock::time_point start = Clock::now();
  DeviceNeighbors lists = find_neighbors(tsne::Normalizer(x).apply(x), figures.neighbors, options.neighbors,
                                         options.iterations, stream);
  figures.recall = lists.recall;
  figures.order = to_host(lists.order, stream);
  figures.neighbor_seconds = seconds_since(start);
  const Clock::time_point found = Clock::now();
  figures.effective_perplexity = calibrate(lists.squared, lists.rows, lists.k, figures.perplexity, stream);
  DeviceAffinities out = symmetrize(lists, stream);
  figures.seconds = seconds_since(found);
  return out;
}

/// A descent on the device. A step is one launch of a recorded graph, and the host goes on at once; it waits
/// where somebody wants to know something.
class DeviceDescent final : public tsne::Descent {
 public:
  DeviceDescent(const DeviceAffinities& affinities, const Matrix<float>& positions,
                const Matrix<float>& update, const Matrix<float>& gains, GradientMethod method,
                cudaStream_t stream)
      : gradient_(affinities, positions, method, stream),
        stream_(stream),
        sums_(step_parts(positions.rows()) * positions.cols(), stream),
        coefficients_(1, stream) {
    update_ =
        update.empty() ? DeviceArray<float>(positions.size(), stream) : to_device(update.values(), stream);
    if (update.empty()) update_.fill_with_zeros();
    gains_ = to_device(gains.empty() ? std::vector<float>(positions.size(), 1.0f) : gains.values(), stream);
  }

  void step(const tsne::StepSize& size) override {
    pending_.push_back({static_cast<float>(size.exaggeration), static_cast<float>(size.learning_rate),
                        static_cast<float>(size.momentum)});
    enqueue(pending_.back());
    if (pending_.size() >= ahead_) settle();
  }

  double kl_divergence() override {
    settle();
    return gradient_.kl_divergence();
  }

  const Matrix<float>& positions() override { return fetch(gradient_.positions(), host_positions_); }
  const Matrix<float>& update() override { return fetch(update_, host_update_); }
  const Matrix<float>& gains() override { return fetch(gains_, host_gains_); }

 private:
  void enqueue(const StepCoefficients& size) {
    if (size.exaggeration != uploaded_.exaggeration || size.learning_rate != uploaded_.learning_rate ||
        size.momentum != uploaded_.momentum) {
      uploaded_ = size;
      copy_to_device(coefficients_.data(), std::span<const StepCoefficients>(&uploaded_, 1), stream_);
    }
    auto graph = graphs_.find(gradient_.level());
    if (graph == graphs_.end())
      graph =
          graphs_.emplace(gradient_.level(), Graph::capture(stream_, [&](cudaStream_t) { record(); })).first;
    graph->second.launch(stream_);
  }

  void record() {
    gradient_.enqueue();
    launch_step(gradient_.attraction().data(), gradient_.repulsion().data(), gradient_.rows(),
                gradient_.dim(), coefficients_.data(), gradient_.state(), gradient_.positions().data(),
                update_.data(), gains_.data(), sums_.data(), stream_);
  }

  /// Waits until all steps are done, on other grids where they ask for it.
  void settle() {
    if (pending_.empty()) return;
    ahead_ = std::min(2 * ahead_, most_steps_ahead);
    while (const std::optional<std::uint32_t> done = gradient_.resolve()) {
      ahead_ = std::max<std::size_t>(ahead_ / 4, 1);
      pending_.erase(pending_.begin(), pending_.begin() + *done);
      for (const StepCoefficients& size : pending_) enqueue(size);
    }
    pending_.clear();
  }

  const Matrix<float>& fetch(const DeviceArray<float>& from, Matrix<float>& to) {
    settle();
    to = download(from, gradient_.rows(), gradient_.dim(), stream_);
    return to;
  }

  DeviceGradient gradient_;
  cudaStream_t stream_;
  DeviceArray<float> update_;
  DeviceArray<float> gains_;
  DeviceArray<double> sums_;
  DeviceArray<StepCoefficients> coefficients_;
  StepCoefficients uploaded_{};
  std::deque<StepCoefficients> pending_;  ///< steps that were launched and not yet seen to be done
  std::size_t ahead_ = most_steps_ahead;
  std::map<std::size_t, Graph> graphs_;  ///< one for each grid
  Matrix<float> host_positions_;
  Matrix<float> host_update_;
  Matrix<float> host_gains_;
};

class DeviceArithmetic final : public tsne::EmbeddingArithmetic {
 public:
  DeviceArithmetic(const DeviceAffinities& affinities, cudaStream_t stream)
      : affinities_(affinities), stream_(stream) {}

  [[nodiscard]] std::size_t crossover() const override { return crossover_points; }
  Matrix<double> principal_scores(MatrixView<float> x, std::size_t count) override {
    return cuda::principal_scores(x, count, stream_);
  }
  std::unique_ptr<tsne::Descent> make_descent(GradientMethod method, Matrix<float> positions,
                                              Matrix<float> update, Matrix<float> gains) override {
    return std::make_unique<DeviceDescent>(affinities_, positions, update, gains, method, stream_);
  }

 private:
  const DeviceAffinities& affinities_;
  cudaStream_t stream_;
};

}  // namespace

Affinities tsne_affinities(MatrixView<float> x, const TsneOptions& options, cudaStream_t stream) {
  Affinities out;
  const DeviceAffinities affinities = make_affinities(x, options, out, stream);
  download(affinities, out, stream);
  return out;
}

TsneGradient tsne_gradient(const Affinities& affinities, MatrixView<float> y, GradientMethod method,
                           cudaStream_t stream) {
  tsne::check_embedding(affinities.points(), y);
  const DeviceAffinities p = upload(affinities, stream);
  DeviceGradient gradient(p, tsne::to_places(affinities, y),
                          tsne::chosen_method(method, y.rows, y.cols, crossover_points), stream);
  TsneGradient out;
  out.kl_divergence = gradient.kl_divergence();  // finds the right grid, too
  out.normalization = gradient.normalization();
  gradient.enqueue();
  const std::vector<float> attraction = to_host(gradient.attraction(), stream);
  const std::vector<float> repulsion = to_host(gradient.repulsion(), stream);
  out.gradient = Matrix<double>(y.rows, y.cols);
  for (std::size_t r = 0; r < y.rows; ++r)
    for (std::size_t d = 0; d < y.cols; ++d) {
      const std::size_t i = r * y.cols + d;
      out.gradient(affinities.order[r], d) =
          4.0 * (static_cast<double>(attraction[i]) - static_cast<double>(repulsion[i]) / out.normalization);
    }
  return out;
}

Embedding embed(MatrixView<float> x, const TsneOptions& options, const TsneControl& control,
                const TsneState* resume, cudaStream_t stream) {
  tsne::check_options(options);
  Affinities figures;
  const DeviceAffinities affinities = make_affinities(x, options, figures, stream);
  DeviceArithmetic arithmetic(affinities, stream);
  return tsne::embed_with(arithmetic, figures, x, options, control, resume);
}

Embedding embed(const Affinities& affinities, MatrixView<float> x, const TsneOptions& options,
                const TsneControl& control, const TsneState* resume, cudaStream_t stream) {
  const DeviceAffinities p = upload(affinities, stream);
  DeviceArithmetic arithmetic(p, stream);
  return tsne::embed_with(arithmetic, affinities, x, options, control, resume);
}

}  // namespace gmmvae::cuda
