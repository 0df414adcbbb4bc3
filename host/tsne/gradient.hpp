#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/matrix.hpp"
#include "gmmvae/tsne.hpp"
#include "host/parallel/thread_pool.hpp"

// The gradient of KL(P || Q) has two halves: dKL/dy_i = 4 (attraction_i - repulsion_i / Z) with, for
// q_ij = 1 / (1 + |y_i - y_j|^2),
//   attraction_i = sum_j p_ij q_ij (y_i - y_j),  repulsion_i = sum_j q_ij^2 (y_i - y_j),  Z = sum_{i != j}
//   q_ij.
// The first runs over the edges of P, the second over all pairs (van der Maaten & Hinton 2008, equation 5).
namespace gmmvae::tsne {

/// What to throw where an embedding has gone where no arithmetic can follow; `why` follows a colon.
Error diverged_embedding(const std::string& why);

/// One way to sum over all pairs.
class Repulsion {
 public:
  Repulsion() = default;
  Repulsion(const Repulsion&) = delete;
  Repulsion& operator=(const Repulsion&) = delete;
  virtual ~Repulsion() = default;

  /// forces [N,dim] become repulsion_i at positions [N,dim]; returns Z.
  virtual double compute(MatrixView<float> positions, float* forces, ThreadPool& pool) = 0;
};

/// Adds the forces on a block's sixteen points (see LaneBlocks; 1 to 3 dimensions) [16,dim] and their sums of
/// q [16] over `count` rows [count,dim].
void repel(const float* block, const float* rows, std::size_t count, std::size_t dim, double* forces,
           double* normalization);

/// Every pair, 1 to 3 dimensions.
std::unique_ptr<Repulsion> make_exact_repulsion();

/// By interpolation on a grid, 2 dimensions; forces are good to about 0.5 % (root mean square over all
/// points).
std::unique_ptr<Repulsion> make_interpolated_repulsion();

/// forces [N,dim] become attraction_i at positions [N,dim], rows in the order of the affinities.
void attract(const Affinities& affinities, MatrixView<float> positions, float* forces, ThreadPool& pool);

/// sum of p_ij log(1 + |y_i - y_j|^2) over the edges.
double edge_logarithms(const Affinities& affinities, MatrixView<float> positions, ThreadPool& pool);

/// sum of p_ij log p_ij: the part of the divergence that no embedding changes.
double affinity_entropy(const Affinities& affinities);

}  // namespace gmmvae::tsne
