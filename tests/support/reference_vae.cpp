#include "tests/support/reference_vae.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace gmmvae::test {
namespace {

using Row = std::vector<double>;

double activate(Activation activation, double a) {
  switch (activation) {
    case Activation::relu:
      return a > 0 ? a : 0;
    case Activation::tanh:
      return std::tanh(a);
    case Activation::softplus:
      return std::log1p(std::exp(-std::abs(a))) + std::max(a, 0.0);
    case Activation::gelu:
      return 0.5 * a * std::erfc(-a / std::numbers::sqrt2);
    case Activation::leaky_relu:
      return a > 0 ? a : 0.01 * a;
    case Activation::elu:
      return a > 0 ? a : std::expm1(a);
    case Activation::identity:
      return a;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

/// Widths of one network from its input to its output.
std::vector<std::size_t> widths(std::size_t first, const std::vector<std::size_t>& hidden, std::size_t last) {
  std::vector<std::size_t> result = {first};
  result.insert(result.end(), hidden.begin(), hidden.end());
  result.push_back(last);
  return result;
}
std::vector<std::size_t> encoder_widths(const Architecture& a) {
  return widths(a.data_dim, a.encoder_hidden, 2 * a.latent);
}
std::vector<std::size_t> decoder_widths(const Architecture& a) {
  return widths(a.latent, a.decoder_hidden, a.data_dim);
}

std::size_t dense_count(const std::vector<std::size_t>& width) {
  std::size_t count = 0;
  for (std::size_t l = 1; l < width.size(); ++l) count += width[l] * (width[l - 1] + 1);
  return count;
}

std::size_t log_variance_count(const Architecture& architecture, const Objective& objective) {
  if (objective.kind != ObjectiveKind::elbo) return 0;
  switch (objective.variance_kind) {
    case DecoderVarianceKind::fixed:
      return 0;
    case DecoderVarianceKind::learned:
      return 1;
    case DecoderVarianceKind::learned_per_dim:
      return architecture.data_dim;
  }
  return 0;
}

/// Decoder variance of each dimension, [D].
Row decoder_variance(const Architecture& architecture, const Objective& objective,
                     const double* log_variance) {
  const auto dim = static_cast<double>(architecture.data_dim);
  const std::size_t learned = log_variance_count(architecture, objective);
  Row variance(architecture.data_dim, objective.decoder_variance);
  for (std::size_t d = 0; d < variance.size(); ++d) {
    if (learned > 0) variance[d] = objective.variance_floor + std::exp(log_variance[learned == 1 ? 0 : d]);
    if (objective.kind == ObjectiveKind::course)
      variance[d] = dim / (2.0 * static_cast<double>(architecture.latent));
    if (objective.kind == ObjectiveKind::half_sse) variance[d] = 1.0;
    if (objective.kind == ObjectiveKind::lab) variance[d] = 0.1;
  }
  return variance;
}

/// One sample through one network; `p` starts at its first weight. Lowers `kink` to the smallest
/// |pre-activation|.
Row forward(const std::vector<std::size_t>& width, Activation activation, const double* p, Row values,
            double* kink) {
  for (std::size_t l = 1; l < width.size(); ++l) {
    const double* bias = p + width[l] * width[l - 1];
    const bool hidden = l + 1 < width.size();
    Row next(width[l]);
    for (std::size_t o = 0; o < width[l]; ++o) {
      double a = bias[o];
      for (std::size_t i = 0; i < width[l - 1]; ++i) a += p[o * width[l - 1] + i] * values[i];
      if (hidden) *kink = std::min(*kink, std::abs(a));
      next[o] = hidden ? activate(activation, a) : a;
    }
    values = std::move(next);
    p = bias + width[l];
  }
  return values;
}

double posterior_variance(const Architecture& architecture, double a) {
  return architecture.posterior_variance == PosteriorVariance::exp ? std::exp(a)
                                                                   : activate(Activation::softplus, a / 2);
}

/// The reparameterised sample of one row; `head` is the encoder's output [2Z].
Row sample(const Architecture& architecture, const Row& head, std::span<const double> noise) {
  Row z(architecture.latent);
  for (std::size_t j = 0; j < z.size(); ++j)
    z[j] = head[j] + std::sqrt(posterior_variance(architecture, head[z.size() + j])) * noise[j];
  return z;
}

/// The middle of the widest gap between the values; half a unit below a value that is alone.
double widest_gap(Row values) {
  std::sort(values.begin(), values.end());
  double middle = values[0] - 0.5;
  double gap = 0;
  for (std::size_t b = 1; b < values.size(); ++b) {
    if (values[b] - values[b - 1] <= gap) continue;
    gap = values[b] - values[b - 1];
    middle = (values[b] + values[b - 1]) / 2;
  }
  return middle;
}

/// Sets the biases of one network's hidden units so that they switch between the samples; returns its
/// outputs.
std::vector<Row> place_kinks(const std::vector<std::size_t>& width, Activation activation, double* p,
                             std::vector<Row> rows) {
  for (std::size_t l = 1; l < width.size(); ++l) {
    double* bias = p + width[l] * width[l - 1];
    const bool hidden = l + 1 < width.size();
    std::vector<Row> next(rows.size(), Row(width[l]));
    for (std::size_t o = 0; o < width[l]; ++o) {
      Row sums(rows.size());
      for (std::size_t b = 0; b < rows.size(); ++b)
        for (std::size_t i = 0; i < width[l - 1]; ++i) sums[b] += p[o * width[l - 1] + i] * rows[b][i];
      if (hidden) bias[o] = static_cast<float>(-widest_gap(sums));
      for (std::size_t b = 0; b < rows.size(); ++b)
        next[b][o] = hidden ? activate(activation, sums[b] + bias[o]) : sums[b] + bias[o];
    }
    rows = std::move(next);
    p = bias + width[l];
  }
  return rows;
}

}  // namespace

std::size_t reference_parameter_count(const Architecture& architecture, const Objective& objective) {
  return dense_count(encoder_widths(architecture)) + dense_count(decoder_widths(architecture)) +
         log_variance_count(architecture, objective);
}

ReferenceLoss reference_loss(const Architecture& architecture, const Objective& objective,
                             std::span<const double> parameters, MatrixView<double> x,
                             MatrixView<double> noise, double log_jacobian) {
  const std::size_t latent = architecture.latent;
  const auto encoder = encoder_widths(architecture);
  const auto decoder = decoder_widths(architecture);
  const double* decoder_parameters = parameters.data() + dense_count(encoder);
  const Row variance = decoder_variance(architecture, objective, decoder_parameters + dense_count(decoder));

  ReferenceLoss result;
  result.kl_per_dimension.assign(latent, 0.0);
  result.kink_distance = std::numeric_limits<double>::infinity();
  double sse = 0;
  double negative_log_likelihood = 0;
  double kl = 0;
  for (std::size_t b = 0; b < x.rows; ++b) {
    const Row head = forward(encoder, architecture.activation, parameters.data(),
                             {x.row(b).begin(), x.row(b).end()}, &result.kink_distance);
    for (std::size_t j = 0; j < latent; ++j) {
      const double v = posterior_variance(architecture, head[latent + j]);
      const double kl_j = 0.5 * (head[j] * head[j] + v - 1 - std::log(v));
      result.kl_per_dimension[j] += kl_j / static_cast<double>(x.rows);
      kl += kl_j / static_cast<double>(x.rows);
    }
    const Row y = forward(decoder, architecture.activation, decoder_parameters,
                          sample(architecture, head, noise.row(b)), &result.kink_distance);
    for (std::size_t d = 0; d < x.cols; ++d) {
      const double squared = (x(b, d) - y[d]) * (x(b, d) - y[d]);
      sse += squared / static_cast<double>(x.rows);
      negative_log_likelihood += 0.5 *
                                 (squared / variance[d] + std::log(2 * std::numbers::pi * variance[d])) /
                                 static_cast<double>(x.rows);
    }
  }
  double kl_weight = objective.beta;
  switch (objective.kind) {
    case ObjectiveKind::course:
      result.reconstruction = sse / static_cast<double>(x.cols);
      kl_weight /= static_cast<double>(latent);
      break;
    case ObjectiveKind::lab:
      result.reconstruction = negative_log_likelihood;
      break;
    case ObjectiveKind::half_sse:
      result.reconstruction = 0.5 * sse;
      break;
    case ObjectiveKind::elbo:
      result.reconstruction = negative_log_likelihood + log_jacobian;
      break;
  }
  result.loss = result.reconstruction + kl_weight * kl;
  result.elbo = -(negative_log_likelihood + log_jacobian + kl);
  return result;
}

std::vector<double> parameters_clear_of_kinks(const Architecture& architecture, const Objective& objective,
                                              MatrixView<double> x, MatrixView<double> noise,
                                              std::uint64_t seed) {
  std::vector<double> parameters(reference_parameter_count(architecture, objective));
  const Matrix<double> values = some_normals(1, parameters.size(), seed);
  std::size_t next = 0;
  for (const auto& width : {encoder_widths(architecture), decoder_widths(architecture)}) {
    for (std::size_t l = 1; l < width.size(); ++l) {
      // variance 1 / fan-in keeps signals of order one through any depth
      const double scale = 1 / std::sqrt(static_cast<double>(width[l - 1]));
      for (std::size_t end = next + width[l] * (width[l - 1] + 1); next < end; ++next)
        parameters[next] = static_cast<float>(scale * values(0, next));
    }
  }
  for (; next < parameters.size(); ++next)
    parameters[next] = static_cast<float>(-0.5 + 0.25 * values(0, next));

  std::vector<Row> rows;
  for (std::size_t b = 0; b < x.rows; ++b) rows.emplace_back(x.row(b).begin(), x.row(b).end());
  rows = place_kinks(encoder_widths(architecture), architecture.activation, parameters.data(), rows);
  for (std::size_t b = 0; b < x.rows; ++b) rows[b] = sample(architecture, rows[b], noise.row(b));
  place_kinks(decoder_widths(architecture), architecture.activation,
              parameters.data() + dense_count(encoder_widths(architecture)), rows);
  return parameters;
}

Matrix<double> trainer_noise(std::uint64_t seed, Purpose purpose, std::uint32_t model, std::uint32_t step,
                             std::size_t rows, std::size_t latent) {
  const auto uniform = [](std::uint32_t word) { return std::ldexp(word, -32) + std::ldexp(1.0, -33); };
  Matrix<double> noise(rows, latent);
  for (std::size_t e = 0; e < noise.size(); ++e) {
    const auto words = philox(seed, purpose, model, step, static_cast<std::uint32_t>(e / 4));
    const std::size_t pair = 2 * (e % 4 / 2);
    const double radius = std::sqrt(-2 * std::log(uniform(words[pair])));
    const double angle = 2 * std::numbers::pi * uniform(words[pair + 1]);
    noise.data()[e] = radius * (e % 2 == 0 ? std::cos(angle) : std::sin(angle));
  }
  return noise;
}

Matrix<double> some_normals(std::size_t rows, std::size_t cols, std::uint64_t seed) {
  const RandomStream stream(seed, Purpose::evaluation);
  Matrix<double> values(rows, cols);
  for (std::size_t i = 0; i < values.size(); ++i) values.data()[i] = static_cast<float>(stream.normal(i));
  return values;
}

Matrix<float> to_float(MatrixView<double> values) {
  return {values.rows, values.cols, std::vector<float>(values.data, values.data + values.size())};
}

Matrix<double> to_double(MatrixView<float> values) {
  return {values.rows, values.cols, std::vector<double>(values.data, values.data + values.size())};
}

}  // namespace gmmvae::test
