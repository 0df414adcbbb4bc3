#include "host/backend/arguments.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "gmmvae/error.hpp"

namespace gmmvae {

void check_groups(MatrixView<float> y, MatrixView<float> x, std::span<const std::size_t> offsets) {
  if (y.cols != x.cols)
    throw UsageError(fmt::format("points with {} columns are held against groups with {}", y.cols, x.cols));
  if (offsets.empty() || offsets.back() > x.rows || !std::is_sorted(offsets.begin(), offsets.end()))
    throw UsageError(
        fmt::format("the offsets of groups of {} points must ascend to {} at most", x.rows, x.rows));
}

void check_labels(std::span<const std::int32_t> labels, std::size_t rows, std::size_t k) {
  if (labels.size() != rows)
    throw UsageError(fmt::format("there are {} labels for {} points", labels.size(), rows));
  for (const std::int32_t label : labels)
    if (label < 0 || static_cast<std::size_t>(label) >= k)
      throw UsageError(
          fmt::format("the label {} is none of {} clusters, which are counted from 0", label, k));
}

void check_posterior(const Posterior& posterior) {
  const Matrix<float>& mean = posterior.mean;
  const Matrix<float>& variance = posterior.variance;
  if (mean.rows() != variance.rows() || mean.cols() != variance.cols())
    throw UsageError(fmt::format("posteriors have {} x {} means, but {} x {} variances", mean.rows(),
                                 mean.cols(), variance.rows(), variance.cols()));
}

void check_batch(const Architecture& architecture, const Objective& objective,
                 std::span<const double> parameters, MatrixView<double> x, MatrixView<double> noise) {
  const std::size_t size = ParameterLayout(architecture, objective).size();
  if (parameters.size() != size)
    throw UsageError(fmt::format("the model has {} parameters, but {} are given", size, parameters.size()));
  if (x.rows == 0 || x.cols != architecture.data_dim || noise.rows != x.rows ||
      noise.cols != architecture.latent)
    throw UsageError(
        fmt::format("a batch of {} x {} numbers with noise of {} x {} does not fit {} data and {} "
                    "latent dimensions",
                    x.rows, x.cols, noise.rows, noise.cols, architecture.data_dim, architecture.latent));
}

}  // namespace gmmvae
