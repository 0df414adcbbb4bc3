#pragma once

#include <cstddef>

#include "kernels/runtime/memory.hpp"
#include "kernels/tsne/affinities.hpp"
#include "kernels/tsne/descent_state.hpp"

// The launches that a descent is made of. Positions and forces are [N,dim], dim 1 to 3; everything in device
// memory. Each does nothing where the state is halted. See host/tsne/gradient.hpp for the formulas.
namespace gmmvae::cuda {

/// forces become attraction_i: a warp a row, its lanes stride over the edges.
void launch_attraction(const AffinityRows& p, const float* positions, int dim, const DescentState* state,
                       float* forces, cudaStream_t stream);
/// parts[b] become sums of p log(1 + d^2) over rows; see logarithm_parts.
void launch_edge_logarithms(const AffinityRows& p, const float* positions, int dim, const DescentState* state,
                            double* parts, cudaStream_t stream);
std::size_t logarithm_parts(std::size_t rows);
/// state->edge_logarithms = sum of the parts.
void launch_sum_logarithms(const double* parts, std::size_t count, DescentState* state, cudaStream_t stream);
/// state->normalization = sum of the parts + `correction`.
void launch_normalization(const double* parts, std::size_t count, double correction, DescentState* state,
                          cudaStream_t stream);

/// How all pairs are cut: blocks of rows by pieces of columns. It follows from N alone.
struct PairTiles {
  std::size_t row_blocks = 0;
  std::size_t pieces = 0;
};
PairTiles pair_tiles(std::size_t rows);
/// All pairs: forces become repulsion_i, and parts [row_blocks * pieces] sum to Z + N. `partial`
/// [pieces,N,dim] is scratch.
void launch_exact_repulsion(const float* positions, std::size_t rows, int dim, const DescentState* state,
                            float* partial, double* parts, float* forces, cudaStream_t stream);

/// A gradient step with gains, momentum and clip, as on the CPU; then the mean goes back to 0 and the state
/// gets the box around the points. `sums` [step_parts,dim] is scratch.
void launch_step(const float* attraction, const float* repulsion, std::size_t rows, int dim,
                 const StepCoefficients* coefficients, DescentState* state, float* positions, float* update,
                 float* gains, double* sums, cudaStream_t stream);
std::size_t step_parts(std::size_t rows);
/// The box around the points alone; nothing moves.
void launch_box(float* positions, std::size_t rows, int dim, DescentState* state, cudaStream_t stream);

}  // namespace gmmvae::cuda
