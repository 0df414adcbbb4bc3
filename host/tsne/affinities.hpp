#pragma once

#include <cstddef>
#include <span>

#include "gmmvae/tsne.hpp"
#include "host/parallel/thread_pool.hpp"
#include "host/tsne/neighbors.hpp"

namespace gmmvae::tsne {

/// Turns the squared distances of a point to its neighbours into p(j|i), in place: proportional to exp(-beta
/// d^2) with the beta whose distribution has entropy log(perplexity). Returns the perplexity reached,
/// exp(entropy). Where all distances are equal, or the perplexity is not below their number, the row is
/// uniform; where it is at most the number of nearest ones, these share the row.
double calibrate_row(std::span<float> row, double perplexity);

/// P = (p(j|i) + p(i|j)) / 2N over the pairs of either direction, from lists whose distances have become
/// p(j|i). Fills offsets, columns and values.
void symmetrize(NeighborLists conditional, ThreadPool& pool, Affinities& out);

/// Affinities of x with the perplexity and the number of neighbours that so many points allow, and nothing
/// else yet. Throws as tsne_affinities does.
Affinities begin_affinities(MatrixView<float> x, const TsneOptions& options);

}  // namespace gmmvae::tsne
