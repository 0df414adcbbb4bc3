#pragma once

#include <functional>

#include "gmmvae/matrix.hpp"
#include "gmmvae/tsne.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae::tsne {

/// x' x v for the points x [N,D] with their mean taken off, v [D,c].
using GramProduct = std::function<Matrix<double>(const Matrix<double>& v)>;
/// The first `count` principal axes [D,count] of points in D dimensions, each turned so that its largest
/// entry is positive, and some columns behind them that help to find them; at most D columns. By the block
/// power method.
Matrix<double> principal_axes(std::size_t dim, std::size_t count, const GramProduct& gram);

/// Scores [N,count] of x [N,D] on its first principal axes, each turned so that the axis' largest entry is
/// positive; columns beyond the data's rank are 0.
Matrix<double> principal_scores(MatrixView<float> x, std::size_t count, ThreadPool& pool);

/// Where an embedding starts, [N,dim] in the order of the data: the options' own points, principal scores
/// with standard deviation 1e-4 on the first axis and a hundredth of that as jitter (Kobak & Berens 2019), or
/// normal numbers of standard deviation 1e-4. `scores` gives the principal scores [N,dim] where they are
/// wanted. Throws UsageError for start points of another shape or that are not finite.
Matrix<float> starting_points(MatrixView<float> x, std::size_t rows, const TsneOptions& options,
                              const std::function<Matrix<double>()>& scores);

}  // namespace gmmvae::tsne
