#include "host/evaluation/likelihood.hpp"

#include <algorithm>
#include <cmath>

#include "gmmvae/random.hpp"
#include "host/evaluation/pairwise.hpp"

namespace gmmvae {

namespace {

// Latent points decoded in one call: enough to fill a backend, small in memory.
constexpr std::size_t kDecodedAtOnce = std::size_t{1} << 16;

// Samples of the posterior of some points and what each of them is worth.
struct PosteriorDraws {
  Matrix<float> z;                // [points * draws, Z]
  std::vector<double> log_ratio;  // [points * draws] log p(z) - log q(z|x)
};

PosteriorDraws draw_posterior(const Posterior& posterior, std::size_t first, std::size_t points,
                              std::size_t draws, const RandomStream& stream, ThreadPool& pool) {
  const std::size_t latent = posterior.mean.cols();
  PosteriorDraws out{Matrix<float>(points * draws, latent), std::vector<double>(points * draws, 0.0)};
  pool.for_range(points, 4, [&](std::size_t begin, std::size_t end) {
    for (std::size_t r = begin * draws; r < end * draws; ++r) {
      const std::size_t i = first + r / draws;
      for (std::size_t j = 0; j < latent; ++j) {
        const double noise = stream.normal((first * draws + r) * latent + j);
        const double variance = posterior.variance(i, j);
        const double z = posterior.mean(i, j) + std::sqrt(variance) * noise;
        out.z(r, j) = static_cast<float>(z);
        out.log_ratio[r] += 0.5 * (noise * noise + std::log(variance) - z * z);
      }
    }
  });
  return out;
}

// Calls visit(point, log p(x|z) of its draws, log p(z) - log q(z|x) of its draws) for every point.
template <class Visit>
void over_draws(const GaussianDecoder& decoder, MatrixView<float> x, std::size_t draws,
                const RandomStream& stream, ThreadPool& pool, const Visit& visit) {
  const Posterior posterior = decoder.posterior(x);
  const Matrix<float> u = decoder.whiten(x);
  const std::size_t at_once = std::max<std::size_t>(1, kDecodedAtOnce / draws);
  for (std::size_t first = 0; first < x.rows; first += at_once) {
    const std::size_t points = std::min(at_once, x.rows - first);
    const PosteriorDraws drawn = draw_posterior(posterior, first, points, draws, stream, pool);
    const Matrix<float> means = decoder.means(drawn.z);
    pool.for_range(points, 4, [&](std::size_t begin, std::size_t end) {
      std::vector<double> log_likelihood(draws);
      for (std::size_t p = begin; p < end; ++p) {
        for (std::size_t k = 0; k < draws; ++k)
          log_likelihood[k] =
              decoder.log_constant() - 0.5 * squared_distance(u.row(first + p), means.row(p * draws + k));
        visit(first + p, log_likelihood, std::span<const double>(drawn.log_ratio).subspan(p * draws, draws));
      }
    });
  }
}

}  // namespace

Estimate mean_of(std::span<const double> values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0.0, spread = 0.0;
  for (double v : values) mean += v / n;
  for (double v : values) spread += (v - mean) * (v - mean);
  return {mean, values.size() > 1 ? std::sqrt(spread / (n - 1.0) / n) : 0.0};
}

double kl_to_prior(const Posterior& posterior, std::size_t i) {
  double kl = 0.0;
  for (std::size_t j = 0; j < posterior.mean.cols(); ++j) {
    const double mean = posterior.mean(i, j), variance = posterior.variance(i, j);
    kl += 0.5 * (mean * mean + variance - 1.0 - std::log(variance));
  }
  return kl;
}

Likelihood log_likelihood(const GaussianDecoder& decoder, MatrixView<float> x,
                          const LikelihoodOptions& options, ThreadPool& pool) {
  switch (options.method) {
    case LikelihoodMethod::quadrature:
      return quadrature_likelihood(decoder, x, options, pool);
    case LikelihoodMethod::importance:
      return importance_likelihood(decoder, x, options, pool);
    case LikelihoodMethod::elbo:
      return elbo(decoder, x, options, pool);
  }
  return {};
}

Likelihood elbo(const GaussianDecoder& decoder, MatrixView<float> x, const LikelihoodOptions& options,
                ThreadPool& pool) {
  Likelihood out;
  out.per_point.resize(x.rows);
  out.latent_points = options.samples;
  const RandomStream stream(options.seed, Purpose::evaluation, 0, kElboStep);
  over_draws(decoder, x, options.samples, stream, pool,
             [&](std::size_t i, std::span<const double> log_likelihood, std::span<const double>) {
               double sum = 0.0;
               for (double v : log_likelihood) sum += v;
               out.per_point[i] = sum / static_cast<double>(options.samples);
             });
  const Posterior posterior = decoder.posterior(x);
  for (std::size_t i = 0; i < x.rows; ++i) out.per_point[i] -= kl_to_prior(posterior, i);
  return out;
}

Likelihood importance_likelihood(const GaussianDecoder& decoder, MatrixView<float> x,
                                 const LikelihoodOptions& options, ThreadPool& pool) {
  Likelihood out;
  out.per_point.resize(x.rows);
  out.latent_points = options.samples;
  std::vector<double> errors(x.rows);
  const auto count = static_cast<double>(options.samples);
  const RandomStream stream(options.seed, Purpose::evaluation, 0, kImportanceStep);
  over_draws(decoder, x, options.samples, stream, pool,
             [&](std::size_t i, std::span<const double> log_likelihood, std::span<const double> log_ratio) {
               double largest = -INFINITY;
               for (std::size_t k = 0; k < log_ratio.size(); ++k)
                 largest = std::max(largest, log_likelihood[k] + log_ratio[k]);
               double sum = 0.0, squares = 0.0;
               for (std::size_t k = 0; k < log_ratio.size(); ++k) {
                 const double weight = std::exp(log_likelihood[k] + log_ratio[k] - largest);
                 sum += weight;
                 squares += weight * weight;
               }
               out.per_point[i] = largest + std::log(sum / count);
               // Var(log mean w) is about Var(w) / (K mean(w)^2).
               errors[i] = std::sqrt(std::max(squares / (sum * sum) - 1.0 / count, 0.0));
             });
  out.error = x.rows > 0 ? mean_of(errors).value : 0.0;
  return out;
}

}  // namespace gmmvae
