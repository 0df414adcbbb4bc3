#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

namespace gmmvae {

/// log sum_i exp(terms_i) without overflow; minus infinity for no terms or only minus infinities.
inline double log_sum_exp(std::span<const double> terms) {
  double largest = -std::numeric_limits<double>::infinity();
  for (const double term : terms) largest = std::max(largest, term);
  if (!std::isfinite(largest)) return largest;
  double sum = 0.0;
  for (const double term : terms) sum += std::exp(term - largest);
  return largest + std::log(sum);
}

}  // namespace gmmvae
