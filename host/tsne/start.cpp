#include "host/tsne/start.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/parallel/lanes.hpp"

namespace gmmvae::tsne {
namespace {

// Far below the distance 1 at which points begin to repel each other less: all start as one cloud.
constexpr double kSpread = 1e-4;
constexpr double kJitter = 0.01;
// Block power method: some columns beside the wanted ones let it converge by the gap behind them all.
constexpr std::size_t kExtra = 6;
constexpr int kPowerSteps = 24;
constexpr std::size_t kRowsPerTask = 1024;
// In so many dimensions all products of columns, once, cost less than the power method's products with the
// points, step by step: D against 2 * 24 * 8 multiplications a number.
constexpr std::size_t kMostGramColumns = 256;
constexpr std::size_t kMostChunks = 64;

std::vector<double> column_means(MatrixView<float> x) {
  std::vector<double> mean(x.cols);
  for (std::size_t i = 0; i < x.rows; ++i)
    for (std::size_t d = 0; d < x.cols; ++d) mean[d] += x(i, d);
  for (double& m : mean) m /= static_cast<double>(x.rows);
  return mean;
}

/// (x - mean) v for v [D,c]: [N,c].
Matrix<double> scores_of(MatrixView<float> x, const std::vector<double>& mean, const Matrix<double>& v,
                         ThreadPool& pool) {
  Matrix<double> out(x.rows, v.cols());
  pool.for_range(x.rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t d = 0; d < x.cols; ++d) {
        const double value = x(i, d) - mean[d];
        for (std::size_t c = 0; c < v.cols(); ++c) out(i, c) += value * v(d, c);
      }
  });
  return out;
}

Matrix<double> sum_of(std::vector<Matrix<double>> parts) {
  Matrix<double> out = std::move(parts[0]);
  for (std::size_t p = 1; p < parts.size(); ++p)
    for (std::size_t i = 0; i < out.size(); ++i) out.data()[i] += parts[p].data()[i];
  return out;
}

/// (x - mean)' s for s [N,c]: [D,c], tasks added up in their order.
Matrix<double> project_back(MatrixView<float> x, const std::vector<double>& mean, const Matrix<double>& s,
                            ThreadPool& pool) {
  std::vector<Matrix<double>> parts((x.rows + kRowsPerTask - 1) / kRowsPerTask);
  pool.for_range(x.rows, kRowsPerTask, [&](std::size_t begin, std::size_t end) {
    Matrix<double> part(x.cols, s.cols());
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t d = 0; d < x.cols; ++d) {
        const double value = x(i, d) - mean[d];
        for (std::size_t c = 0; c < s.cols(); ++c) part(d, c) += value * s(i, c);
      }
    parts[begin / kRowsPerTask] = std::move(part);
  });
  return sum_of(std::move(parts));
}

/// Adds the products of the columns of `count` rows [count,D], four rows at a time and with their mean taken
/// off, to sums [D,D].
GMMVAE_CLONES void add_products(const float* rows, std::size_t count, const double* mean, std::size_t dim,
                                double* scratch, double* sums) {
  constexpr std::size_t kTogether = 4;
  for (std::size_t first = 0; first < count; first += kTogether) {
    for (std::size_t r = 0; r < kTogether; ++r)
      for (std::size_t d = 0; d < dim; ++d)
        scratch[r * dim + d] = first + r < count ? rows[(first + r) * dim + d] - mean[d] : 0.0;
    const double *a = scratch, *b = a + dim, *c = b + dim, *e = c + dim;
    for (std::size_t i = 0; i < dim; ++i) {
      double* sum = sums + i * dim;
      const double a_i = a[i], b_i = b[i], c_i = c[i], e_i = e[i];
      for (std::size_t d = 0; d < dim; ++d) sum[d] += (a_i * a[d] + b_i * b[d]) + (c_i * c[d] + e_i * e[d]);
    }
  }
}

/// (x - mean)' (x - mean) [D,D], chunks of rows added up in their order.
Matrix<double> gram_matrix(MatrixView<float> x, const std::vector<double>& mean, ThreadPool& pool) {
  const std::size_t rows = std::max(kRowsPerTask, (x.rows + kMostChunks - 1) / kMostChunks);
  std::vector<Matrix<double>> parts((x.rows + rows - 1) / rows);
  pool.for_range(x.rows, rows, [&](std::size_t begin, std::size_t end) {
    Matrix<double> part(x.cols, x.cols), scratch(4, x.cols);
    add_products(x.row(begin).data(), end - begin, mean.data(), x.cols, scratch.data(), part.data());
    parts[begin / rows] = std::move(part);
  });
  return sum_of(std::move(parts));
}

Matrix<double> product(const Matrix<double>& a, const Matrix<double>& b) {
  Matrix<double> out(a.rows(), b.cols());
  for (std::size_t i = 0; i < a.rows(); ++i)
    for (std::size_t k = 0; k < a.cols(); ++k)
      for (std::size_t j = 0; j < b.cols(); ++j) out(i, j) += a(i, k) * b(k, j);
  return out;
}

/// Gram and Schmidt, twice over for orthogonality; columns without a part of their own become 0.
void orthonormalize(Matrix<double>& v) {
  const auto dot = [&](std::size_t a, std::size_t b) {
    double sum = 0.0;
    for (std::size_t d = 0; d < v.rows(); ++d) sum += v(d, a) * v(d, b);
    return sum;
  };
  for (std::size_t c = 0; c < v.cols(); ++c) {
    const double before = std::sqrt(dot(c, c));
    for (int pass = 0; pass < 2; ++pass)
      for (std::size_t other = 0; other < c; ++other) {
        const double shared = dot(c, other);
        for (std::size_t d = 0; d < v.rows(); ++d) v(d, c) -= shared * v(d, other);
      }
    const double length = std::sqrt(dot(c, c));
    const double factor = length > 1e-10 * before ? 1.0 / length : 0.0;
    for (std::size_t d = 0; d < v.rows(); ++d) v(d, c) *= factor;
  }
}

void fix_signs(Matrix<double>& v) {
  for (std::size_t c = 0; c < v.cols(); ++c) {
    std::size_t largest = 0;
    for (std::size_t d = 1; d < v.rows(); ++d)
      if (std::abs(v(d, c)) > std::abs(v(largest, c))) largest = d;
    if (v(largest, c) >= 0.0) continue;
    for (std::size_t d = 0; d < v.rows(); ++d) v(d, c) = -v(d, c);
  }
}

Matrix<float> checked_start(const Matrix<float>& start, std::size_t rows, std::size_t dim) {
  if (start.rows() != rows || start.cols() != dim)
    throw UsageError(
        fmt::format("the embedding would start from {} x {} numbers, but it has {} points in {} "
                    "dimensions: give as many rows and columns",
                    start.rows(), start.cols(), rows, dim));
  const auto& values = start.values();
  if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); }))
    throw UsageError("the points to start the embedding from hold a number that is not finite");
  return start;
}

}  // namespace

// The eigenvectors of greatest eigenvalue come first: the power method orders its columns by itself.
Matrix<double> principal_axes(std::size_t dim, std::size_t count, const GramProduct& gram) {
  Matrix<double> v(dim, std::min(dim, count + kExtra));
  // Any start that is not orthogonal to the answer will do; it is fixed, so that principal axes know no seed.
  const RandomStream stream(0, Purpose::embedding, 0, 1);
  for (std::size_t i = 0; i < v.size(); ++i) v.data()[i] = stream.normal(i);
  orthonormalize(v);
  for (int step = 0; step < kPowerSteps; ++step) {
    v = gram(v);
    orthonormalize(v);
  }
  fix_signs(v);
  return v;
}

Matrix<double> principal_scores(MatrixView<float> x, std::size_t count, ThreadPool& pool) {
  const std::vector<double> mean = column_means(x);
  const bool few = x.cols <= kMostGramColumns;
  const Matrix<double> gram = few ? gram_matrix(x, mean, pool) : Matrix<double>();
  const std::size_t found = std::min(count, x.cols);
  const Matrix<double> axes = principal_axes(x.cols, found, [&](const Matrix<double>& v) {
    return few ? product(gram, v) : project_back(x, mean, scores_of(x, mean, v, pool), pool);
  });
  Matrix<double> wanted(x.cols, count);
  for (std::size_t d = 0; d < x.cols; ++d) std::copy_n(axes.row(d).begin(), found, wanted.row(d).begin());
  return scores_of(x, mean, wanted, pool);
}

Matrix<float> starting_points(MatrixView<float> x, std::size_t rows, const TsneOptions& options,
                              const std::function<Matrix<double>()>& principal) {
  const std::size_t dim = options.dim;
  if (!options.start_points.empty()) return checked_start(options.start_points, rows, dim);
  const RandomStream stream(options.seed, Purpose::embedding);
  Matrix<float> out(rows, dim);
  if (options.start == EmbeddingStart::random) {
    for (std::size_t i = 0; i < out.size(); ++i)
      out.data()[i] = static_cast<float>(kSpread * stream.normal(i));
    return out;
  }
  if (x.rows != rows)
    throw UsageError("an embedding that starts from principal axes needs the points themselves");
  const Matrix<double> scores = principal();
  double variance = 0.0;
  for (std::size_t i = 0; i < rows; ++i) variance += scores(i, 0) * scores(i, 0) / static_cast<double>(rows);
  const double scale = variance > 0.0 ? kSpread / std::sqrt(variance) : 0.0;
  // Equal points would stay together for ever without the jitter.
  for (std::size_t i = 0; i < out.size(); ++i)
    out.data()[i] = static_cast<float>(scores.data()[i] * scale + kJitter * kSpread * stream.normal(i));
  return out;
}

}  // namespace gmmvae::tsne
