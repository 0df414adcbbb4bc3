#include "gmmvae/dataset.hpp"

#include <fmt/core.h>

#include <cmath>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/data/rows.hpp"

namespace gmmvae {

Dataset make_dataset(const Mixture& mixture, std::size_t count, std::uint64_t seed, std::uint32_t stream) {
  if (count == 0) throw UsageError("--samples is 0; a data set needs at least one point.");
  LabelledPoints drawn = sample_mixture(mixture, count, seed, stream);
  Dataset dataset;
  dataset.x = Matrix<float>(count, mixture.dim());
  for (std::size_t i = 0; i < drawn.points.size(); ++i) {
    dataset.x.data()[i] = static_cast<float>(drawn.points.data()[i]);
    if (!std::isfinite(dataset.x.data()[i]))
      throw DataError(fmt::format("a point drawn from the mixture, {:g}, is beyond single precision",
                                  drawn.points.data()[i]));
  }
  dataset.labels = std::move(drawn.labels);
  dataset.mixture = mixture;
  return dataset;
}

Moments moments(MatrixView<float> x) {
  if (x.empty()) throw DataError("The data hold no rows, so they have no mean and covariance.");
  const auto n = static_cast<double>(x.rows);
  Moments result{std::vector<double>(x.cols), Matrix<double>(x.cols, x.cols)};
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t c = 0; c < x.cols; ++c) result.mean[c] += x(r, c);
  }
  for (double& m : result.mean) m /= n;
  std::vector<double> centred(x.cols);
  for (std::size_t r = 0; r < x.rows; ++r) {
    for (std::size_t c = 0; c < x.cols; ++c) centred[c] = x(r, c) - result.mean[c];
    for (std::size_t i = 0; i < x.cols; ++i) {
      for (std::size_t j = 0; j <= i; ++j) result.covariance(i, j) += centred[i] * centred[j];
    }
  }
  for (std::size_t i = 0; i < x.cols; ++i) {
    for (std::size_t j = 0; j <= i; ++j) result.covariance(j, i) = result.covariance(i, j) /= n;
  }
  return result;
}

Split validation_split(std::size_t count, double fraction, std::uint64_t seed) {
  if (!(fraction >= 0.0 && fraction < 1.0)) {
    throw UsageError(
        fmt::format("--validation is {}; it is a fraction of the rows, at least 0 and below 1.", fraction));
  }
  const auto held = static_cast<std::size_t>(std::llround(fraction * static_cast<double>(count)));
  if (held > 0 && held >= count) {
    throw UsageError(
        fmt::format("--validation {} holds out all {} rows; nothing is left to train on.", fraction, count));
  }
  std::vector<bool> is_held(count, false);
  if (held > 0) {
    const KeyedPermutation order(static_cast<std::uint32_t>(count), seed, Purpose::validation_split, 0, 0);
    for (std::uint32_t i = 0; i < held; ++i) is_held[order(i)] = true;
  }
  Split split;
  for (std::size_t i = 0; i < count; ++i) {
    (is_held[i] ? split.validation : split.training).push_back(static_cast<std::uint32_t>(i));
  }
  return split;
}

Matrix<float> gather_rows(MatrixView<float> x, std::span<const std::uint32_t> rows) {
  std::vector<float> values;
  values.reserve(rows.size() * x.cols);
  for (const std::uint32_t row : rows) {
    const auto source = x.row(row);
    values.insert(values.end(), source.begin(), source.end());
  }
  return {rows.size(), x.cols, std::move(values)};
}

}  // namespace gmmvae
