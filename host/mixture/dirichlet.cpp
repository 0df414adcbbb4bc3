#include "host/mixture/dirichlet.hpp"

#include <algorithm>
#include <cmath>

#include "gmmvae/random.hpp"
#include "host/mixture/log_sum_exp.hpp"

namespace gmmvae {
namespace {

/// log of a Gamma(a, 1) draw for a >= 1 by Marsaglia & Tsang (ACM TOMS 26, 2000). Attempt t reads the normal
/// of element 4t and the uniform of element 4t + 2, which lie in different Philox blocks.
double log_gamma_at_least_one(double a, const RandomStream& stream) {
  const double d = a - 1.0 / 3.0;
  const double c = 1.0 / std::sqrt(9.0 * d);
  for (std::uint64_t attempt = 0;; ++attempt) {
    const double x = stream.normal(4 * attempt);
    const double root = 1.0 + c * x;
    if (root <= 0.0) continue;
    const double v = root * root * root;
    if (std::log(stream.uniform(4 * attempt + 2)) < 0.5 * x * x + d - d * v + d * std::log(v))
      return std::log(d * v);
  }
}

}  // namespace

std::vector<double> draw_dirichlet(double a, std::size_t components, std::uint64_t seed) {
  std::vector<double> logs(components);
  for (std::size_t k = 0; k < components; ++k) {
    const auto step = static_cast<std::uint32_t>(k);
    const RandomStream stream(seed, Purpose::mixture_weights, 0, step);
    if (a >= 1.0) {
      logs[k] = log_gamma_at_least_one(a, stream);
    } else {  // Gamma(a) = Gamma(a + 1) U^(1/a), in logs because U^(1/a) underflows for a small a
      const double u = RandomStream(seed, Purpose::mixture_weights, 1, step).uniform(0);
      logs[k] = log_gamma_at_least_one(a + 1.0, stream) + std::log(u) / a;
    }
  }
  const double total = log_sum_exp(logs);
  constexpr double smallest = -700.0;  // exp of it is still a normal number, and a weight must be positive
  for (double& value : logs) value = std::exp(std::max(value - total, smallest));
  return logs;
}

}  // namespace gmmvae
