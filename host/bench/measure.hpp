#pragma once

#include <string>
#include <vector>

#include "gmmvae/backend.hpp"
#include "gmmvae/tsne.hpp"
#include "host/bench/results.hpp"

namespace gmmvae::bench {

/// Floating-point operations of one visit of one point in training: two a weight for the output, two for the
/// weight's gradient, two for the input's gradient in every layer but the encoder's first.
double operations_of_a_visit(const Architecture& architecture);

/// The kernels whose names contain one of `wanted`, or all where it is empty. Throws UsageError where none is
/// left.
std::vector<TimedKernel> chosen_kernels(std::vector<TimedKernel> kernels,
                                        const std::vector<std::string>& wanted);

Row measure_kernel(const TimedKernel& kernel, const std::string& backend, const SamplingPlan& plan);

/// Two measurements of the same kernel by turns: they differ by nothing but chance. Takes more samples, up to
/// `rounds` times the plan's, while the answer is not "same".
struct SelfTest {
  std::string name;
  Summary first, second;
  Comparison comparison;
};
SelfTest test_against_itself(const TimedKernel& kernel, const SamplingPlan& plan, double threshold,
                             int rounds);

/// Whole trainings of fresh copies of the job, `models` at a time.
Row measure_training(Backend& backend, const TrainingJob& job, Initialization initialization,
                     std::size_t models, std::size_t samples);

/// An embedding of x from nothing: one row for the whole and one for each phase.
std::vector<Row> measure_embedding(Backend& backend, const Matrix<float>& x, const TsneOptions& options,
                                   std::size_t samples);

}  // namespace gmmvae::bench
