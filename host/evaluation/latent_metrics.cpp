#include "host/evaluation/latent_metrics.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "gmmvae/dataset.hpp"
#include "gmmvae/error.hpp"
#include "gmmvae/random.hpp"
#include "host/evaluation/likelihood.hpp"
#include "host/evaluation/two_sample.hpp"
#include "host/linalg/symmetric.hpp"

namespace gmmvae {

namespace {

constexpr std::uint32_t kLatentStep = 4;
constexpr std::uint32_t kLipschitzStep = 5;
constexpr double kCollapseDelta = 0.01;

struct Draws {
  Matrix<float> z;
  std::vector<double> log_posterior;  // log q(z_i | x_i)
  std::vector<double> log_prior;      // log p(z_i)
};

Draws draw(const Posterior& posterior, std::uint64_t seed) {
  const std::size_t n = posterior.mean.rows(), latent = posterior.mean.cols();
  const RandomStream stream(seed, Purpose::evaluation, 0, kLatentStep);
  const double normaliser = -0.5 * static_cast<double>(latent) * std::log(2.0 * std::numbers::pi);
  Draws out{Matrix<float>(n, latent), std::vector<double>(n, normaliser), std::vector<double>(n, normaliser)};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < latent; ++j) {
      const double noise = stream.normal(i * latent + j), variance = posterior.variance(i, j);
      const double z = posterior.mean(i, j) + std::sqrt(variance) * noise;
      out.z(i, j) = static_cast<float>(z);
      out.log_posterior[i] -= 0.5 * (noise * noise + std::log(variance));
      out.log_prior[i] -= 0.5 * z * z;
    }
  }
  return out;
}

// Per dimension: mean KL with its error, variance of the posterior mean, and the (1 - delta) quantile of the
// KL.
void per_dimension(const Posterior& posterior, LatentMetrics& out) {
  const std::size_t n = posterior.mean.rows();
  for (std::size_t j = 0; j < posterior.mean.cols(); ++j) {
    std::vector<double> kl(n), mean(n);
    for (std::size_t i = 0; i < n; ++i) {
      const double variance = posterior.variance(i, j);
      mean[i] = posterior.mean(i, j);
      kl[i] = 0.5 * (mean[i] * mean[i] + variance - 1.0 - std::log(variance));
    }
    const Estimate kl_mean = mean_of(kl);
    out.kl_per_dimension.push_back(kl_mean.value);
    out.kl_errors.push_back(kl_mean.standard_error);
    const double center = mean_of(mean).value;
    double spread = 0.0;
    for (double m : mean) spread += (m - center) * (m - center) / static_cast<double>(n);
    out.posterior_mean_variance.push_back(spread);
    // P[KL_j < eps] >= 1 - delta holds from the ceil((1 - delta) N)-th smallest value on.
    const auto rank = static_cast<std::size_t>(std::ceil((1.0 - kCollapseDelta) * static_cast<double>(n)));
    std::nth_element(kl.begin(), kl.begin() + static_cast<std::ptrdiff_t>(rank - 1), kl.end());
    out.collapse_epsilon.push_back(kl[rank - 1]);
  }
}

}  // namespace

LatentMetrics latent_metrics(Backend& backend, const Posterior& posterior, std::uint64_t seed) {
  const std::size_t n = posterior.mean.rows(), latent = posterior.mean.cols();
  if (n == 0 || latent == 0)
    throw DataError("latent metrics need at least one point and one latent dimension");
  LatentMetrics out;
  per_dimension(posterior, out);
  out.active = active_units(out.posterior_mean_variance);
  const Draws draws = draw(posterior, seed);
  std::vector<double> information = backend.log_aggregate(posterior, draws.z);
  std::vector<double> from_prior(n);
  for (std::size_t i = 0; i < n; ++i) {
    from_prior[i] = information[i] - draws.log_prior[i];
    information[i] = draws.log_posterior[i] - information[i];
  }
  out.mutual_information = mean_of(information);
  out.aggregate_kl = mean_of(from_prior);
  double total = 0.0;
  for (double kl : out.kl_per_dimension) total += kl;
  out.mutual_information_ceiling = std::min(total, std::log(static_cast<double>(n)));
  if (n < 2) return out;
  Matrix<double> identity(latent, latent);
  for (std::size_t j = 0; j < latent; ++j) identity(j, j) = 1.0;
  const Mixture prior({1.0}, Matrix<double>(1, latent, 0.0), {identity});
  out.aggregate_mmd2 = mmd2(backend, draws.z, prior, static_cast<double>(latent));
  return out;
}

LipschitzEstimate decoder_lipschitz(Backend& backend, const Vae& vae, std::size_t model, std::size_t points,
                                    std::uint64_t seed) {
  // Far above single precision's rounding of the decoder, far below the width of the prior.
  constexpr float kStep = 1.0f / 128.0f;
  const std::size_t latent = vae.architecture.latent, dim = vae.architecture.data_dim;
  const RandomStream stream(seed, Purpose::evaluation, static_cast<std::uint32_t>(model), kLipschitzStep);
  Matrix<float> z(points * latent * 2, latent);
  for (std::size_t p = 0; p < points; ++p)
    for (std::size_t side = 0; side < 2 * latent; ++side)
      for (std::size_t j = 0; j < latent; ++j) {
        const float shift = side / 2 == j ? (side % 2 == 0 ? kStep : -kStep) : 0.0f;
        z(p * 2 * latent + side, j) = static_cast<float>(stream.normal(p * latent + j)) + shift;
      }
  const Matrix<float> f = backend.decode(vae, model, z);
  std::vector<double> singular(points);
  for (std::size_t p = 0; p < points; ++p) {
    Matrix<double> gram(latent, latent);
    for (std::size_t d = 0; d < dim; ++d) {
      std::vector<double> slope(latent);
      for (std::size_t j = 0; j < latent; ++j) {
        const std::size_t row = p * 2 * latent + 2 * j;
        slope[j] = (static_cast<double>(f(row, d)) - f(row + 1, d)) / (2.0 * kStep) * vae.scaler.scale[d];
      }
      for (std::size_t a = 0; a < latent; ++a)
        for (std::size_t b = 0; b < latent; ++b) gram(a, b) += slope[a] * slope[b];
    }
    singular[p] = std::sqrt(std::max(symmetric_eigen(gram).values.front(), 0.0));
  }
  LipschitzEstimate out;
  out.mean = mean_of(singular);
  out.largest = points > 0 ? *std::max_element(singular.begin(), singular.end()) : 0.0;
  return out;
}

}  // namespace gmmvae
