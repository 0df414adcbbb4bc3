#pragma once

#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/comparison.hpp"
#include "gmmvae/matrix.hpp"
#include "gmmvae/mixture.hpp"
#include "host/parallel/thread_pool.hpp"

namespace gmmvae {

/// Throws UsageError or DataError where a comparison is asked for that its points do not allow.
void check_comparison(MatrixView<float> x, MatrixView<float> y, const ComparisonOptions& options);

// What Backend asks for by these names, on threads of the CPU.
SampleComparison compare_samples(MatrixView<float> x, MatrixView<float> y, const ComparisonOptions& options,
                                 ThreadPool& pool);
MixtureScores score_mixture(const Mixture& mixture, MatrixView<float> x, ThreadPool& pool);
std::vector<double> log_aggregate(const Posterior& posterior, MatrixView<float> z, ThreadPool& pool);

}  // namespace gmmvae
