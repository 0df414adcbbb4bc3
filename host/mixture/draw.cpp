#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string_view>

#include "gmmvae/error.hpp"
#include "gmmvae/mixture.hpp"
#include "gmmvae/random.hpp"
#include "host/io/spelled_number.hpp"
#include "host/mixture/dirichlet.hpp"

namespace gmmvae {
namespace {

void require_valid(const MixtureSpec& spec) {
  if (spec.components == 0) throw UsageError("--components is 0; a mixture needs at least one component.");
  if (spec.dim == 0) throw UsageError("--dim is 0; a mixture needs at least one dimension.");
  if (!(spec.sigma > 0.0) || !std::isfinite(spec.sigma)) {
    throw UsageError(
        fmt::format("--sigma is {}; a standard deviation must be positive and finite.", spec.sigma));
  }
  if (!(spec.spread >= 0.0) || !std::isfinite(spec.spread)) {
    throw UsageError(fmt::format("--spread is {}; it must be finite and not negative.", spec.spread));
  }
  if (spec.layout == Layout::ring && spec.dim < 2) {
    throw UsageError("--layout ring lies in two axes; give --dim 2 or more.");
  }
}

/// The number that the whole of `text` spells, or an error that names the option.
double weight_number(std::string_view text, const std::string& option) {
  const auto first = text.find_first_not_of(' ');
  const auto last = text.find_last_not_of(' ');
  text = first == std::string_view::npos ? std::string_view{} : text.substr(first, last - first + 1);
  const double value = spelled_number<double>(text).value_or(0.0);
  if (!(value > 0.0) || !std::isfinite(value)) {
    throw UsageError(
        fmt::format("--weights {}: '{}' is not a positive number; give equal, dirichlet:A or one positive "
                    "number for each component.",
                    option, text));
  }
  return value;
}

std::vector<double> draw_weights(const MixtureSpec& spec, std::uint64_t seed) {
  constexpr std::string_view dirichlet = "dirichlet:";
  const std::string_view text = spec.weights;
  if (text == "equal")
    return std::vector<double>(spec.components, 1.0 / static_cast<double>(spec.components));
  if (text.starts_with(dirichlet)) {
    return draw_dirichlet(weight_number(text.substr(dirichlet.size()), spec.weights), spec.components, seed);
  }
  std::vector<double> weights;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    weights.push_back(weight_number(text.substr(begin, end - begin), spec.weights));
    begin = end + 1;
  }
  if (weights.size() != spec.components) {
    throw UsageError(fmt::format("--weights lists {} numbers for {} components; give one for each.",
                                 weights.size(), spec.components));
  }
  return weights;
}

Matrix<double> random_means(const MixtureSpec& spec, std::uint64_t seed) {
  Matrix<double> means(spec.components, spec.dim);
  const RandomStream stream(seed, Purpose::mixture_means);
  for (std::size_t k = 0; k < spec.components; ++k) {
    for (std::size_t d = 0; d < spec.dim; ++d) {
      const std::uint64_t element = k * spec.dim + d;
      means(k, d) = spec.spread * (spec.layout == Layout::uniform ? 2.0 * stream.uniform(element) - 1.0
                                                                  : stream.normal(element));
    }
  }
  return means;
}

Matrix<double> ring_means(const MixtureSpec& spec) {
  Matrix<double> means(spec.components, spec.dim);
  for (std::size_t k = 0; k < spec.components; ++k) {
    const double angle =
        2.0 * std::numbers::pi * static_cast<double>(k) / static_cast<double>(spec.components);
    means(k, 0) = spec.spread * std::cos(angle);
    means(k, 1) = spec.spread * std::sin(angle);
  }
  return means;
}

/// The smallest n with n^dim >= count, in integers: a root taken in floating point can land on either side.
std::size_t points_per_axis(std::size_t count, std::size_t dim) {
  const auto holds = [&](std::size_t n) {
    std::size_t points = 1;
    for (std::size_t d = 0; d < dim && points < count; ++d) {
      points *= n;
      if (n == 1) break;
    }
    return points >= count;
  };
  std::size_t n = 1;
  while (!holds(n)) ++n;
  return n;
}

Matrix<double> grid_means(const MixtureSpec& spec) {
  Matrix<double> means(spec.components, spec.dim);
  const std::size_t n = points_per_axis(spec.components, spec.dim);
  const double centre = 0.5 * static_cast<double>(n - 1);
  for (std::size_t k = 0; k < spec.components; ++k) {
    std::size_t rest = k;
    for (std::size_t d = spec.dim; d-- > 0;) {  // the last axis runs fastest
      means(k, d) = spec.spread * (static_cast<double>(rest % n) - centre);
      rest /= n;
    }
  }
  return means;
}

Matrix<double> draw_means(const MixtureSpec& spec, std::uint64_t seed) {
  switch (spec.layout) {
    case Layout::ring:
      return ring_means(spec);
    case Layout::grid:
      return grid_means(spec);
    case Layout::uniform:
    case Layout::normal:
      break;
  }
  return random_means(spec, seed);
}

/// An orthogonal matrix from the uniform (Haar) distribution: Gram-Schmidt on a matrix of standard normals.
Matrix<double> random_rotation(std::size_t dim, const RandomStream& stream) {
  Matrix<double> rows(dim, dim);
  for (std::size_t i = 0; i < dim; ++i) {
    for (std::size_t j = 0; j < dim; ++j) rows(i, j) = stream.normal(i * dim + j);
    for (int pass = 0; pass < 2; ++pass) {  // the second pass removes what rounding left in the first
      for (std::size_t before = 0; before < i; ++before) {
        double product = 0.0;
        for (std::size_t j = 0; j < dim; ++j) product += rows(i, j) * rows(before, j);
        for (std::size_t j = 0; j < dim; ++j) rows(i, j) -= product * rows(before, j);
      }
    }
    double square = 0.0;
    for (const double value : rows.row(i)) square += value * value;
    for (double& value : rows.row(i)) value /= std::sqrt(square);
  }
  return rows;
}

Matrix<double> draw_covariance(const MixtureSpec& spec, std::size_t component, std::uint64_t seed) {
  const auto step = static_cast<std::uint32_t>(component);
  const RandomStream scales(seed, Purpose::mixture_covariance, 0, step);
  std::vector<double> variances(spec.dim, spec.sigma * spec.sigma);
  Matrix<double> covariance(spec.dim, spec.dim);
  if (spec.covariance != CovarianceKind::spherical) {
    for (std::size_t d = 0; d < spec.dim; ++d) variances[d] *= std::exp(2.0 * scales.uniform(d) - 1.0);
  }
  if (spec.covariance != CovarianceKind::full) {
    for (std::size_t d = 0; d < spec.dim; ++d) covariance(d, d) = variances[d];
    return covariance;
  }
  const Matrix<double> rotation =
      random_rotation(spec.dim, RandomStream(seed, Purpose::mixture_covariance, 1, step));
  for (std::size_t i = 0; i < spec.dim; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0.0;
      for (std::size_t d = 0; d < spec.dim; ++d) sum += rotation(d, i) * variances[d] * rotation(d, j);
      covariance(i, j) = sum;
      covariance(j, i) = sum;
    }
  }
  return covariance;
}

}  // namespace

Mixture draw_mixture(const MixtureSpec& spec, std::uint64_t seed) {
  require_valid(spec);
  std::vector<Matrix<double>> covariances;
  for (std::size_t k = 0; k < spec.components; ++k) covariances.push_back(draw_covariance(spec, k, seed));
  return {draw_weights(spec, seed), draw_means(spec, seed), std::move(covariances)};
}

LabelledPoints sample_mixture(const Mixture& mixture, std::size_t count, std::uint64_t seed,
                              std::uint32_t stream) {
  const std::size_t dim = mixture.dim();
  std::vector<double> cumulative(mixture.components());
  double total = 0.0;
  for (std::size_t k = 0; k < cumulative.size(); ++k) cumulative[k] = total += mixture.weights()[k];

  LabelledPoints drawn{Matrix<double>(count, dim), std::vector<std::int32_t>(count)};
  const RandomStream labels(seed, Purpose::component_label, stream);
  const RandomStream points(seed, Purpose::mixture_point, stream);
  std::vector<double> noise(dim);
  for (std::size_t i = 0; i < count; ++i) {
    const auto above = std::upper_bound(cumulative.begin(), cumulative.end() - 1, labels.uniform(i) * total);
    const auto k = static_cast<std::size_t>(above - cumulative.begin());
    drawn.labels[i] = static_cast<std::int32_t>(k);
    for (std::size_t d = 0; d < dim; ++d) noise[d] = points.normal(i * dim + d);
    const Matrix<double>& lower = mixture.cholesky(k);
    for (std::size_t d = 0; d < dim; ++d) {
      double value = mixture.means()(k, d);
      for (std::size_t j = 0; j <= d; ++j) value += lower(d, j) * noise[j];
      drawn.points(i, d) = value;
    }
  }
  return drawn;
}

}  // namespace gmmvae
