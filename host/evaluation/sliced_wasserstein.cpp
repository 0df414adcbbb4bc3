#include "host/evaluation/sliced_wasserstein.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/evaluation/two_sample.hpp"

namespace gmmvae {

namespace {

// Step index of the evaluation stream that holds the random directions.
constexpr std::uint32_t kDirectionStep = 1;

std::vector<float> project(MatrixView<float> x, std::span<const double> direction) {
  std::vector<float> out(x.rows);
  for (std::size_t i = 0; i < x.rows; ++i) {
    double sum = 0.0;
    for (std::size_t d = 0; d < x.cols; ++d) sum += x(i, d) * direction[d];
    out[i] = static_cast<float>(sum);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Squared W2 of two sorted samples: the integral over (0,1) of the squared difference of their quantile
// functions, which step at multiples of 1/N and 1/M.
double squared_w2(const std::vector<float>& a, const std::vector<float>& b) {
  const std::size_t n = a.size(), m = b.size();
  double sum = 0.0;
  std::size_t i = 0, j = 0;
  std::size_t at = 0;  // position in units of 1 / (n m)
  while (i < n && j < m) {
    const std::size_t next = std::min((i + 1) * m, (j + 1) * n);
    const double difference = static_cast<double>(a[i]) - b[j];
    sum += static_cast<double>(next - at) * difference * difference;
    at = next;
    if (next == (i + 1) * m) ++i;
    if (next == (j + 1) * n) ++j;
  }
  return sum / (static_cast<double>(n) * static_cast<double>(m));
}

}  // namespace

Matrix<double> random_directions(std::size_t directions, std::size_t dim, std::uint64_t seed) {
  const RandomStream stream(seed, Purpose::evaluation, 0, kDirectionStep);
  Matrix<double> out(directions, dim);
  for (std::size_t p = 0; p < directions; ++p) {
    double norm = 0.0;
    for (std::size_t d = 0; d < dim; ++d) {
      out(p, d) = stream.normal(p * dim + d);
      norm += out(p, d) * out(p, d);
    }
    for (double& v : out.row(p)) v /= std::sqrt(norm);
  }
  return out;
}

std::vector<double> sliced_squares(MatrixView<float> x, MatrixView<float> y, std::size_t directions,
                                   std::uint64_t seed, ThreadPool& pool) {
  const Matrix<double> all = random_directions(directions, x.cols, seed);
  std::vector<double> squares(directions);
  pool.run(directions,
           [&](std::size_t p) { squares[p] = squared_w2(project(x, all.row(p)), project(y, all.row(p))); });
  return squares;
}

Estimate sliced_wasserstein(const SampleComparison& comparison) {
  const std::vector<double>& squares = comparison.squared_w2;
  const auto count = static_cast<double>(squares.size());
  double mean = 0.0, spread = 0.0;
  for (double s : squares) mean += s / count;
  for (double s : squares) spread += (s - mean) * (s - mean);
  const double value = std::sqrt(mean);
  const double error = squares.size() > 1 ? std::sqrt(spread / (count - 1.0) / count) : 0.0;
  return {value, value > 0.0 ? 0.5 * error / value : 0.0};  // d sqrt(m) = dm / (2 sqrt(m))
}

Estimate sliced_wasserstein(Backend& backend, MatrixView<float> x, MatrixView<float> y,
                            std::size_t directions, std::uint64_t seed) {
  if (x.rows == 0 || y.rows == 0)
    throw DataError("the sliced Wasserstein distance needs at least one point on either side");
  ComparisonOptions options;
  options.directions = directions;
  options.seed = seed;
  return sliced_wasserstein(backend.compare_samples(x, y, options));
}

}  // namespace gmmvae
