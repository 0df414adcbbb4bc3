#include "host/tsne/descent.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "host/parallel/lanes.hpp"

namespace gmmvae::tsne {
namespace {

constexpr std::size_t kPointsPerTask = 4096;
// Jacobs' gains (1988) with van der Maaten's numbers: a coordinate that keeps its direction speeds up, one
// that turns back slows down.
constexpr float kGainUp = 0.2f;
constexpr float kGainDown = 0.8f;
constexpr float kGainFloor = 0.01f;
// A point moves no farther than this in one step (openTSNE issue 108: small exaggerated data sets explode
// without).
constexpr float kLongestStep = 5.0f;

struct Coefficients {
  float exaggeration;
  float inverse_normalization;
  float learning_rate;
  float momentum;
};

/// New gains and updates of `count` coordinates; returns the largest step among them.
GMMVAE_CLONES float new_updates(const float* attraction, const float* repulsion, const Coefficients& c,
                                std::size_t count, float* update, float* gains) {
  float largest = 0.0f;
  for (std::size_t i = 0; i < count; ++i) {
    const float gradient = c.exaggeration * attraction[i] - c.inverse_normalization * repulsion[i];
    const float product = gradient * update[i];
    const float gain = product <= 0.0f ? gains[i] + kGainUp : gains[i] * kGainDown + kGainFloor;
    gains[i] = gain;
    update[i] = c.momentum * update[i] - c.learning_rate * gain * gradient;
    const float size = std::abs(update[i]);
    largest = largest > size ? largest : size;
  }
  return largest;
}

GMMVAE_CLONES void add(const float* step, std::size_t count, float* positions) {
  for (std::size_t i = 0; i < count; ++i) positions[i] += step[i];
}

void clip(float* update, std::size_t points, std::size_t dim) {
  for (std::size_t i = 0; i < points; ++i) {
    double squared = 0.0;
    for (std::size_t d = 0; d < dim; ++d)
      squared += static_cast<double>(update[i * dim + d]) * update[i * dim + d];
    if (squared <= kLongestStep * kLongestStep) continue;
    const double factor = kLongestStep / std::sqrt(squared);
    for (std::size_t d = 0; d < dim; ++d)
      update[i * dim + d] = static_cast<float>(factor * update[i * dim + d]);
  }
}

class CpuDescent final : public Descent {
 public:
  CpuDescent(const Affinities& affinities, Matrix<float> positions, Matrix<float> update, Matrix<float> gains,
             std::unique_ptr<Repulsion> repulsion, ThreadPool& pool)
      : affinities_(affinities),
        entropy_(affinity_entropy(affinities)),
        positions_(std::move(positions)),
        update_(std::move(update)),
        gains_(std::move(gains)),
        attraction_(positions_.size()),
        repulsion_(positions_.size()),
        pairs_(std::move(repulsion)),
        pool_(pool) {
    if (update_.empty()) update_ = Matrix<float>(positions_.rows(), positions_.cols());
    if (gains_.empty()) gains_ = Matrix<float>(positions_.rows(), positions_.cols(), 1.0f);
  }

  void step(const StepSize& size) override {
    attract(affinities_, positions_, attraction_.data(), pool_);
    const double normalization = pairs_->compute(positions_, repulsion_.data(), pool_);
    const Coefficients c{static_cast<float>(size.exaggeration), static_cast<float>(1.0 / normalization),
                         static_cast<float>(size.learning_rate), static_cast<float>(size.momentum)};
    const std::size_t dim = positions_.cols();
    std::vector<double> sums((positions_.rows() + kPointsPerTask - 1) / kPointsPerTask * dim);
    pool_.for_range(positions_.rows(), kPointsPerTask, [&](std::size_t begin, std::size_t end) {
      const std::size_t first = begin * dim, count = (end - begin) * dim;
      float* update = update_.data() + first;
      float* position = positions_.data() + first;
      const float largest = new_updates(attraction_.data() + first, repulsion_.data() + first, c, count,
                                        update, gains_.data() + first);
      if (largest * largest * static_cast<float>(dim) > kLongestStep * kLongestStep)
        clip(update, end - begin, dim);
      add(update, count, position);
      double* sum = sums.data() + begin / kPointsPerTask * dim;
      for (std::size_t i = 0; i < count; ++i) sum[i % dim] += position[i];
    });
    centre(sums);
  }

  double kl_divergence() override {
    // A copy of the forces is not needed: the next step computes them anew.
    const double normalization = pairs_->compute(positions_, repulsion_.data(), pool_);
    return entropy_ + edge_logarithms(affinities_, positions_, pool_) + std::log(normalization);
  }

  const Matrix<float>& positions() override { return positions_; }
  const Matrix<float>& update() override { return update_; }
  const Matrix<float>& gains() override { return gains_; }

 private:
  /// Moves the mean back to 0, where numbers are finest; `sums` holds one sum of positions a task.
  void centre(const std::vector<double>& sums) {
    const std::size_t dim = positions_.cols();
    float mean[3] = {};
    for (std::size_t d = 0; d < dim; ++d) {
      double sum = 0.0;
      for (std::size_t at = d; at < sums.size(); at += dim) sum += sums[at];
      if (!std::isfinite(sum)) throw diverged_embedding("a position is no longer a number");
      mean[d] = static_cast<float>(sum / static_cast<double>(positions_.rows()));
    }
    pool_.for_range(positions_.rows(), kPointsPerTask, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t d = 0; d < dim; ++d) positions_(i, d) -= mean[d];
    });
  }

  const Affinities& affinities_;
  double entropy_;
  Matrix<float> positions_;
  Matrix<float> update_;
  Matrix<float> gains_;
  std::vector<float> attraction_;
  std::vector<float> repulsion_;
  std::unique_ptr<Repulsion> pairs_;
  ThreadPool& pool_;
};

}  // namespace

std::unique_ptr<Descent> make_cpu_descent(const Affinities& affinities, Matrix<float> positions,
                                          Matrix<float> update, Matrix<float> gains,
                                          std::unique_ptr<Repulsion> repulsion, ThreadPool& pool) {
  return std::make_unique<CpuDescent>(affinities, std::move(positions), std::move(update), std::move(gains),
                                      std::move(repulsion), pool);
}

}  // namespace gmmvae::tsne
