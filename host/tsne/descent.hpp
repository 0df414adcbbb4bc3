#pragma once

#include <cstddef>
#include <memory>

#include "gmmvae/tsne.hpp"
#include "host/parallel/thread_pool.hpp"
#include "host/tsne/gradient.hpp"

namespace gmmvae::tsne {

/// What a step needs to know.
struct StepSize {
  double exaggeration = 1.0;
  double learning_rate = 0.0;
  double momentum = 0.8;
};

/// Positions on their way down the divergence: the part of an embedding that lives where the arithmetic is
/// done. When to exaggerate and when to stop is decided above it.
class Descent {
 public:
  Descent() = default;
  Descent(const Descent&) = delete;
  Descent& operator=(const Descent&) = delete;
  virtual ~Descent() = default;

  virtual void step(const StepSize& size) = 0;
  /// KL(P || Q) at the current positions, with the true Z and without exaggeration.
  virtual double kl_divergence() = 0;
  /// Positions, update and gains [N,dim] in the order of the affinities.
  virtual const Matrix<float>& positions() = 0;
  virtual const Matrix<float>& update() = 0;
  virtual const Matrix<float>& gains() = 0;
};

/// Starts at `positions`; `update` and `gains` may be empty for a fresh start. Keeps references to the
/// affinities and the pool.
std::unique_ptr<Descent> make_cpu_descent(const Affinities& affinities, Matrix<float> positions,
                                          Matrix<float> update, Matrix<float> gains,
                                          std::unique_ptr<Repulsion> repulsion, ThreadPool& pool);

}  // namespace gmmvae::tsne
